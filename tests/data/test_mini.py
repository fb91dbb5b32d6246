"""The mini corpus: disjoint splits, every label everywhere, exact phone times, the same bytes however it is made."""

import signal
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from generated import environment, made

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.data.corpora.espeak import SILENCE, synthesise
from toolkit.data.corpora.mini import MiniConfig, Planned, plan, speaker_id
from toolkit.data.corpora.mini_arabic import LEXICONS
from toolkit.data.corpora.mini_english import ENGLISH
from toolkit.data.corpora.mini_text import BETWEEN, SLOT, expand, pausal, skeleton, spoken
from toolkit.data.corpora.mini_voices import EMOTIONS, SPEAKERS, speak
from toolkit.data.kaldi import DataDir

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "egs/mini/ssl/conf"
DIALECTS = {"MSA", "ALG", "JOR", "PAL", "UAE", "YEM"}


def config(preset: str) -> MiniConfig:
    return load_config(MiniConfig, CONF / preset / "data.yaml")


@cache
def planned(preset: str) -> list[Planned]:
    return plan(config(preset))


def command(out: str = "data") -> list[str]:
    yaml = str(CONF / "nano/data.yaml")
    return [sys.executable, "-m", "toolkit.data.corpora.mini", "--config", yaml, "--out", out]


@pytest.fixture(scope="module")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the nano corpus lies in data/, and its printed words in said.txt."""
    folder = tmp_path_factory.mktemp("nano")
    done = subprocess.run(command(), cwd=folder, env=environment(1), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout)
    return folder


@pytest.mark.parametrize("preset", ["quick", "full", "nano"])
def test_no_speaker_and_no_sentence_is_in_two_sets(preset: str) -> None:
    every = planned(preset)
    for key in (lambda u: u.speaker, lambda u: skeleton(u.text)):
        seen: dict[object, str] = {}
        for u in every:
            assert seen.setdefault(key(u), u.set) == u.set
    assert len({skeleton(u.text) for u in every}) == len(every)
    assert len({u.id for u in every}) == len(every)


@pytest.mark.parametrize("preset", ["quick", "full", "nano"])
def test_train_and_test_have_every_dialect_and_emotion(preset: str) -> None:
    every = planned(preset)
    for name in ("train", "test"):
        assert {u.dialect for u in every if u.set == name} == DIALECTS | {"ENG"}
        assert {u.emotion for u in every if u.set == name} == set(EMOTIONS)


@pytest.mark.parametrize("preset", ["quick", "full"])
def test_labels_are_balanced_and_no_speaker_gives_one_away(preset: str) -> None:
    every = planned(preset)
    for name in ("train", "test"):
        rows = [u for u in every if u.set == name]
        for count in (Counter(u.dialect for u in rows if u.dialect != "ENG"), Counter(u.emotion for u in rows)):
            assert max(count.values()) - min(count.values()) <= 3
        for speaker in {u.speaker for u in rows}:
            own = [u for u in rows if u.speaker == speaker]
            assert {u.dialect for u in own} >= DIALECTS and {u.emotion for u in own} == set(EMOTIONS)
        pairs = Counter((u.dialect, u.emotion) for u in rows if u.dialect != "ENG")
        assert len(pairs) == 24


def test_quick_has_enough_to_test_on() -> None:
    every = planned("quick")
    test = [u for u in every if u.set == "test"]
    assert len(test) >= 150 and len({u.speaker for u in test}) >= 6
    assert len({u.speaker for u in every}) >= 16
    assert {speaker_id(u.speaker)[0] for u in test} == {"f", "m"}
    assert len({u.speaker for u in planned("full")}) >= 28


def test_the_plan_is_a_function_of_the_config() -> None:
    assert plan(MiniConfig(seed=3, minutes=3)) == plan(MiniConfig(seed=3, minutes=3))
    assert plan(MiniConfig(seed=3, minutes=3)) != plan(MiniConfig(seed=4, minutes=3))


def test_too_many_minutes_are_refused_with_the_way_out() -> None:
    with pytest.raises(UserError, match="no more sentences") as caught:
        plan(MiniConfig(minutes=2000))
    assert "fewer minutes" in caught.value.remedy


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"speakers": 99}, "speakers"),
        ({"speakers": 8}, "train too"),
        ({"dev_share": 0.9}, "dev_share"),
        ({"minutes": 0.0}, "minutes"),
        ({"english_share": 1.5}, "english_share"),
    ],
)
def test_impossible_configs_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MiniConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*LEXICONS, "ENG"])
def test_every_slot_is_defined_and_used(name: str) -> None:
    lexicon = {**LEXICONS, "ENG": ENGLISH}[name]
    used = {m[1] for template in lexicon.templates for m in SLOT.finditer(template)}
    assert used == set(lexicon.slots)
    for words in lexicon.slots.values():
        assert len(set(words.split(BETWEEN))) == len(words.split(BETWEEN))


def test_no_sentence_could_be_of_another_dialect() -> None:
    """What tells the dialects apart is there to be heard: no sentence is made of another dialect's words alone."""
    rows = [u for u in planned("full") if u.dialect != "ENG"]
    words = {d: {w for u in rows if u.dialect == d for w in skeleton(u.text).split()} for d in DIALECTS}
    for u in rows:
        for dialect in DIALECTS - {u.dialect}:
            assert not set(skeleton(u.text).split()) <= words[dialect], (u.text, dialect)


def test_a_slot_used_twice_takes_two_words() -> None:
    assert set(expand("{a} or {a2}", {"a": "x / y"})) == {"x or y", "y or x"}


def test_emotions_differ_in_pitch_and_pace() -> None:
    lengths, pitches = {}, {}
    for name, emotion in EMOTIONS.items():
        wave_N, _ = speak("أُرِيدُ أَنْ آكُلَ الخُبْزَ اليَوْمَ", "ar", SPEAKERS[1], emotion, np.random.default_rng(1))
        lengths[name], pitches[name] = len(wave_N), _pitch(wave_N)
    assert lengths["sad"] > 1.1 * lengths["neutral"] > 1.1 * lengths["angry"]
    assert pitches["happy"] > 1.1 * pitches["neutral"] > 1.1 * pitches["sad"]


def _pitch(wave_N: np.ndarray) -> float:
    pitches = []
    for start in range(0, len(wave_N) - 1024, 256):
        frame_N = wave_N[start : start + 1024] * np.hanning(1024)
        correlation_N = np.fft.irfft(np.abs(np.fft.rfft(frame_N, 4096)) ** 2)
        lag = 40 + int(correlation_N[40:260].argmax())
        if correlation_N[lag] > 0.4 * correlation_N[0] > 0:
            pitches.append(16000 / lag)
    return float(np.median(pitches))


def test_phone_times_hold_after_prosody() -> None:
    """Pauses inside the sentence are silent exactly where the times say, in every emotion and voice."""
    for speaker in (SPEAKERS[0], SPEAKERS[3], SPEAKERS[10]):
        for emotion in EMOTIONS.values():
            wave_N, phones = speak("بَابَا، بَابَا، بَابَا", "ar", speaker, emotion, np.random.default_rng(2))
            assert phones[0].start == 0
            assert phones[-1].start + phones[-1].duration == pytest.approx(len(wave_N) / 16000)
            energy = {SILENCE: [], "a": []}  # type: ignore[var-annotated]
            for p in phones:
                a, b = (int((p.start + f * p.duration) * 16000) for f in (0.4, 0.8))
                if p.name in energy and b - a > 200:
                    energy[p.name].append(float(np.mean(wave_N[a:b] ** 2)))
            assert len(energy[SILENCE]) >= 4 and len(energy["a"]) == 6
            assert min(energy["a"]) > 10 * max(energy[SILENCE])


def test_nano_is_a_valid_kaldi_corpus_of_90_seconds(nano: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(nano)
    total = 0.0
    for name in ("train", "dev", "test"):
        data = DataDir.read(f"data/{name}")
        rows = {u.id: u for u in planned("nano") if u.set == name}
        assert {u.id for u in data.utterances} == set(rows)
        assert {"text", "utt2spk", "utt2dur", "utt2lang", "utt2emotion", "spk2gender"} <= set(data.tables)
        for u in data.utterances:
            assert u.path == f"data/audio/{u.id}.wav" and u.id.startswith(u.speaker)
            assert data.tables["text"][u.id] == rows[u.id].text
            info = soundfile.info(u.path)
            assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
            assert u.seconds == pytest.approx(info.duration, abs=1e-4)
            assert 1.0 < u.seconds < 8.0
            total += u.seconds
    assert 80 < total < 110


def test_phone_tables_cover_every_utterance(nano: Path) -> None:
    for name in ("train", "dev", "test"):
        durations = dict(line.split() for line in (nano / "data" / name / "utt2dur").read_text().splitlines())
        ends: dict[str, float] = {}
        for line in (nano / "data" / name / "phones.ctm").read_text().splitlines():
            utterance, channel, start, duration, _ = line.split(" ")
            assert channel == "1" and float(duration) > 0
            assert float(start) == pytest.approx(ends.get(utterance, 0.0), abs=2e-4)
            ends[utterance] = float(start) + float(duration)
        assert ends.keys() == durations.keys()
        assert all(ends[u] == pytest.approx(float(durations[u]), abs=2e-4) for u in ends)


def test_the_step_says_that_the_corpus_is_synthetic(nano: Path) -> None:
    assert "SYNTHETIC" in (nano / "said.txt").read_text()
    assert '"synthetic": 1' in (nano / "data/record.json").read_text()


def test_four_workers_make_the_same_bytes_as_one(nano: Path, tmp_path: Path) -> None:
    subprocess.run(command(), cwd=tmp_path, env=environment(4), check=True, capture_output=True)
    assert made(tmp_path) == made(nano)


def test_killed_and_rerun_makes_the_same_bytes(nano: Path, tmp_path: Path) -> None:
    for files in (2, 11, 23):  # of 35: inside a shard, at the end of one, late
        process = subprocess.Popen(command(), cwd=tmp_path, env=environment(1), stderr=subprocess.DEVNULL)
        while len(list(tmp_path.glob("data/audio/*.wav"))) < files and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    subprocess.run(command(), cwd=tmp_path, env=environment(1), check=True, capture_output=True)
    assert made(tmp_path) == made(nano)


def test_a_second_run_does_nothing(nano: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in (nano / "data").rglob("*.wav")}
    done = subprocess.run(command(), cwd=nano, env=environment(1), capture_output=True, text=True, check=True)
    assert "nothing to do" in done.stdout
    assert before == {p: p.stat().st_mtime_ns for p in (nano / "data").rglob("*.wav")}


def test_every_utterance_is_augmented_in_its_own_way(nano: Path) -> None:
    """The noise before the speech: its level and its slope differ from utterance to utterance."""
    floors = []
    for path in sorted((nano / "data/audio").glob("*.wav")):
        wave_N, _ = soundfile.read(path, dtype="float32")
        head_N = wave_N[:512]
        floors.append((np.mean(head_N**2), np.mean(np.diff(head_N) ** 2)))
    levels, slopes = np.log(np.array(floors)).T
    assert len(set(levels)) == len(levels) and np.std(levels) > 0.5 and np.std(slopes - levels) > 0.5


ADAPTED = MiniConfig(minutes=30, speakers=28, adapt_speakers=8, adapt_share=0.3, emotions=("neutral",), seed=2)


def test_a_set_to_adapt_on_has_voices_and_sentences_of_its_own() -> None:
    every = plan(ADAPTED)
    assert {u.set for u in every} == {"train", "dev", "test", "adapt"}
    for key in (lambda u: u.speaker, lambda u: skeleton(u.text)):
        seen: dict[object, str] = {}
        for u in every:
            assert seen.setdefault(key(u), u.set) == u.set
    mine = [u for u in every if u.set == "adapt"]
    assert len({u.speaker for u in mine}) == 8 and {speaker_id(u.speaker)[0] for u in mine} == {"f", "m"}
    assert {u.dialect for u in mine} == DIALECTS | {"ENG"}
    assert len(mine) == pytest.approx(0.3 * len(every), abs=2)
    assert {u.emotion for u in every} == {"neutral"}


@pytest.mark.parametrize("preset", ["quick", "full", "nano"])
def test_a_set_to_adapt_on_is_taken_from_train_alone(preset: str) -> None:
    without = planned(preset)
    with_it = plan(replace(config(preset), adapt_speakers=1, adapt_share=0.1))
    for name in ("dev", "test"):
        assert {u.speaker for u in with_it if u.set == name} == {u.speaker for u in without if u.set == name}
    speakers = {u.speaker for u in with_it if u.set in ("train", "adapt")}
    assert speakers == {u.speaker for u in without if u.set == "train"}


@pytest.mark.parametrize(
    ("sentence", "paused"),
    [
        ("هٰذَا الكِتَابُ مُفِيدٌ جِدًّا", "هٰذَا الكِتَاب مُفِيد جِدَّا"),
        ("كَمْ صُنْدُوقًا مِنَ الأَرُزِّ تُحِبُّ غَدًا؟", "كَمْ صُنْدُوقَا مِن الأَرُزّ تُحِبّ غَدَا؟"),
        ("السَّلَامُ عَلَيْكُمْ، كَيْفَ صِحَّتُكُمْ", "السَّلَام عَلَيْكُمْ، كَيْف صِحَّتُكُمْ"),
        ("قِطْعَةً إِلَى المَدْرَسَةِ", "قِطْعَة إِلَى المَدْرَسَة"),
        ("أَنَا أَبِي", "أَنَا أَبِي"),
    ],
)
def test_pausal_forms_are_those_of_the_grammar_with_the_marks_in_either_order(sentence: str, paused: str) -> None:
    def unified(text: str) -> str:
        return unicodedata.normalize("NFC", text)

    assert unified(pausal(sentence)) == unified(pausal(unified(sentence))) == unified(paused)
    assert pausal(pausal(sentence)) == pausal(sentence)


def test_pausal_msa_is_read_as_it_is_written_and_dialects_keep_their_vowels() -> None:
    def spelt(text: str) -> str:
        return " ".join(p.name for p in synthesise(spoken(text), "ar+f2").phones if p.name != SILENCE)

    assert spelt("هٰذَا الكِتَابُ مُفِيدٌ جِدًّا") == "h a ð a ʔ a l k i t a b u m u f i d u n dʒ i d a n"
    assert spelt(pausal("هٰذَا الكِتَابُ مُفِيدٌ جِدًّا")) == "h a ð a ʔ a l k i t a b m u f i d dʒ i d a"
    plain, paused = plan(ADAPTED), plan(replace(ADAPTED, pausal=True))
    assert [skeleton(u.text) for u in plain] == [skeleton(u.text) for u in paused]
    changed = {u.dialect for u, v in zip(plain, paused) if u.text != v.text}
    assert changed == {"MSA"}


def test_at_a_slower_pace_the_same_minutes_hold_fewer_and_longer_utterances() -> None:
    lengths = {}
    for pace in (1.0, 0.7):
        wave_N, _ = speak("أُرِيدُ الخُبْزَ", "ar", SPEAKERS[0], EMOTIONS["neutral"], np.random.default_rng(1), pace)
        lengths[pace] = len(wave_N)
    assert 1.2 * lengths[1.0] < lengths[0.7] < 1.5 * lengths[1.0]  # pauses at the ends stay as they are
    assert len(plan(replace(ADAPTED, pace=0.7))) == pytest.approx(0.7 * len(plan(ADAPTED)), abs=3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"adapt_speakers": 4}, "adapt_share"),
        ({"adapt_share": 0.1}, "adapt_speakers"),
        ({"adapt_speakers": 12, "adapt_share": 0.1}, "no speaker remains"),
        ({"adapt_speakers": 4, "adapt_share": 0.6}, "no audio remains"),
        ({"pace": 0.1}, "pace"),
        ({"emotions": ("bored",)}, "bored is none of neutral"),
        ({"emotions": ()}, "one or more"),
    ],
)
def test_impossible_configs_of_what_recognisers_need_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MiniConfig(**wrong)


def test_without_vowel_signs_the_same_audio_is_spelt_as_people_write(nano: Path, tmp_path: Path) -> None:
    subprocess.run([*command(), "--vowels", "false"], cwd=tmp_path, env=environment(2), check=True, capture_output=True)
    for path in (tmp_path / "data/audio").iterdir():
        assert path.read_bytes() == (nano / "data/audio" / path.name).read_bytes()
    for name in ("train", "dev", "test"):
        with_signs, without = (DataDir.read(f / "data" / name).tables["text"] for f in (nano, tmp_path))
        for id, text in without.items():
            assert not any(unicodedata.category(c) == "Mn" for c in unicodedata.normalize("NFC", text))
            assert skeleton(text) == skeleton(with_signs[id])


def test_the_adapted_corpus_is_written_with_its_fourth_set(tmp_path: Path) -> None:
    words = ["--adapt-speakers", "1", "--adapt-share", "0.2", "--emotions", "neutral", "--pausal", "true"]
    subprocess.run([*command(), *words], cwd=tmp_path, env=environment(2), check=True, capture_output=True)
    data = DataDir.read(tmp_path / "data/adapt")
    assert len({u.speaker for u in data.utterances}) == 1
    assert set(data.tables["text"]) == {u.id for u in data.utterances}
