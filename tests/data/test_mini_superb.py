"""Keywords, commands and speakers of the mini corpus: labels, disjoint sets, lengths of noise, the same bytes twice."""

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from generated import environment, made

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.data.corpora.espeak import SILENCE, synthesise
from toolkit.data.corpora.mini_commands import INTENTS, KEYWORDS, SILENT, UNKNOWN, UNKNOWN_WORDS, commands
from toolkit.data.corpora.mini_noise import NOISES, Noise
from toolkit.data.corpora.mini_speech import Planned, speaker_id
from toolkit.data.corpora.mini_superb import MiniSuperbConfig, plan
from toolkit.data.corpora.mini_text import skeleton, spoken
from toolkit.data.kaldi import DataDir
from toolkit.data.validate import validate

ROOT = Path(__file__).resolve().parents[2]
SETS = ("train", "dev", "test")
KEYWORD, INTENT = "utt2keyword", "utt2intent"
TINY = """
ks: [1, 1, 1]
ic: [1, 1, 1]
sid: [1, 1, 1]
speakers: [4, 2, 2]
sid_speakers: 3
intents: 3
noises: 2
noise_seconds: [2, 3]
"""
DEFAULT = plan(MiniSuperbConfig())


def of(task: str, name: str) -> list[Planned]:
    return [clip for clip in DEFAULT if isinstance(clip, Planned) and clip.set == f"{task}_{name}"]


def command(folder: Path) -> list[str]:
    (folder / "tiny.yaml").write_text(TINY)
    return [sys.executable, "-m", "toolkit.data.corpora.mini_superb", "--config", "tiny.yaml", "--out", "data"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tiny corpus lies in data/, and its printed words in printed.txt."""
    folder = tmp_path_factory.mktemp("tiny")
    done = subprocess.run(command(folder), cwd=folder, env=environment(1), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (folder / "printed.txt").write_text(done.stdout)
    return folder


@pytest.fixture
def inside(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tiny)
    return Path("data")


def test_the_synthesiser_reads_every_keyword_and_every_further_word_in_its_own_way() -> None:
    words = [*KEYWORDS.values(), *{word for of_set in UNKNOWN_WORDS.values() for word in of_set}]
    heard = {" ".join(p.name for p in synthesise(spoken(w), "ar+f2").phones if p.name != SILENCE): w for w in words}
    assert len(heard) == len(words) == 10 + 18
    assert heard["n a ʕ a m"] == "نَعَمْ" and heard["ʃ a ɣ ɣ i l"] == "شَغِّلْ" and heard["ʔ a tˤ f i ʔ"] == "أَطْفِئْ"


def test_every_class_of_words_has_as_many_utterances_in_a_set() -> None:
    for name, count in zip(SETS, (14, 5, 20)):
        classes = Counter(u.labels[KEYWORD] for u in of("ks", name))
        assert classes == dict.fromkeys((*KEYWORDS, UNKNOWN), count)
        for u in of("ks", name):
            assert u.text == KEYWORDS.get(u.labels[KEYWORD], u.text)
    new = {u.text for u in of("ks", "test")} - {u.text for u in of("ks", "train")}
    assert len(new) == 6 and new < set(UNKNOWN_WORDS["test"])


def test_silence_is_long_in_train_and_a_second_of_another_recording_in_dev_and_test() -> None:
    noises = [clip for clip in DEFAULT if isinstance(clip, Noise)]
    assert {n.labels[KEYWORD] for n in noises} == {SILENT} and len({n.id for n in noises}) == len(noises) == 6 + 5 + 20
    for name in SETS:
        lengths = [n.seconds for n in noises if n.set == f"ks_{name}"]
        assert all(20 <= s <= 30 for s in lengths) if name == "train" else set(lengths) == {1.0}
    assert {n.kind for n in noises if n.set == "ks_train"} == set(NOISES)


def test_every_intent_has_its_utterances_and_two_phrasings_or_more_in_every_set() -> None:
    for name, count in zip(SETS, (12, 3, 6)):
        assert Counter(u.labels[INTENT] for u in of("ic", name)) == dict.fromkeys(INTENTS, count)
        for intent in INTENTS:
            texts = {u.text for u in of("ic", name) if u.labels[INTENT] == intent}
            assert len(texts) >= 2 and texts <= set(commands(intent))


def test_no_sentence_could_have_another_intent() -> None:
    owner: dict[str, str] = {}
    for intent in INTENTS:
        for text in commands(intent):
            assert owner.setdefault(skeleton(text), intent) == intent
    assert owner[skeleton("شَغِّلِ الأَنْوَارَ فِي غُرْفَةِ النَّوْمِ")] == "activate lights bedroom"
    assert {tuple(len(slots) for slots in map(set, zip(*(i.split() for i in INTENTS))))} == {(5, 9, 4)}


@pytest.mark.parametrize("task", ["ks", "ic"])
def test_no_speaker_of_words_and_commands_is_in_two_sets(task: str) -> None:
    speakers = [{u.speaker for u in of(task, name)} for name in SETS]
    assert [len(s) for s in speakers] == [20, 4, 8] and len(set.union(*speakers)) == 32
    assert all({speaker_id(s)[0] for s in of_set} == {"f", "m"} for of_set in speakers)


def test_speakers_to_identify_are_in_all_sets_and_no_sentence_is_said_twice() -> None:
    for name, count in zip(SETS, (6, 3, 6)):
        assert Counter(u.speaker for u in of("sid", name)) == dict.fromkeys(range(32), count)
    every = [u for name in SETS for u in of("sid", name)]
    assert len({skeleton(u.text) for u in every}) == len(every)
    for speaker in range(32):
        assert len({u.dialect for u in of("sid", "train") if u.speaker == speaker}) == 6


def test_an_id_names_one_recording_and_the_plan_is_a_function_of_the_config() -> None:
    assert len({clip.id for clip in DEFAULT}) == len(DEFAULT)
    assert plan(MiniSuperbConfig()) == DEFAULT != plan(MiniSuperbConfig(seed=2))


@pytest.mark.parametrize("kind", NOISES)
def test_noise_is_what_its_kind_says(kind: str) -> None:
    first_N, second_N = (NOISES[kind](16000, np.random.default_rng(seed)) for seed in (1, 2))
    assert len(first_N) == 16000 and np.isfinite(first_N).all() and not np.array_equal(first_N, second_N)
    power_F = np.abs(np.fft.rfft(first_N)) ** 2
    octaves = [10 * np.log10(power_F[low : 2 * low].mean()) for low in (250, 500, 1000, 2000)]
    slope = (octaves[-1] - octaves[0]) / 3  # dB per octave: 0 white, -3 pink, -6 brown
    if kind in ("white", "pink", "brown"):
        assert slope == pytest.approx(-3 * ("white", "pink", "brown").index(kind), abs=0.5)
    elif kind == "hum":
        strongest = int(power_F.argmax())
        assert abs(strongest - 50 * round(strongest / 50)) <= 0.01 * strongest
    else:
        loudness = np.sqrt((first_N.reshape(20, 800) ** 2).mean(axis=1))
        assert slope < -2 and loudness.max() > 1.5 * loudness.min()


def test_the_step_writes_valid_sets_with_labels_and_says_that_they_are_synthetic(tiny: Path, inside: Path) -> None:
    shared = {"wav.scp", "text", "utt2spk", "utt2dur", "utt2lang", "utt2emotion", "spk2gender"}
    own = {"ks": {KEYWORD}, "ic": {INTENT}, "sid": set()}
    assert {p.parent.name for p in inside.glob("*/wav.scp")} == {f"{task}_{name}" for task in own for name in SETS}
    planned = {clip.id: clip for clip in plan(load_config(MiniSuperbConfig, tiny / "tiny.yaml"))}
    for task, labels in own.items():
        for name in SETS:
            folder = inside / f"{task}_{name}"
            data = DataDir.read(folder)
            assert set(data.tables) == shared | labels
            assert {u.id for u in data} == {id for id, clip in planned.items() if clip.set == folder.name}
            for u in data:
                assert {table: data.tables[table][u.id] for table in planned[u.id].values} == planned[u.id].values
            assert not [p for p in validate(folder).problems if p.level == "error"]
    assert "SYNTHETIC" in (tiny / "printed.txt").read_text()
    assert '"synthetic": 1' in (inside / "record.json").read_text()


def test_words_last_a_second_and_pieces_of_noise_exactly_one(inside: Path) -> None:
    for name in SETS:
        data = DataDir.read(inside / f"ks_{name}")
        for u in data:
            info = soundfile.info(u.path)
            assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
            assert info.duration == pytest.approx(u.seconds, abs=1e-4)
            if data.tables[KEYWORD][u.id] != SILENT:
                assert 0.3 < u.seconds < 1.2
            else:
                assert 2 <= u.seconds <= 3 if name == "train" else info.frames == 16000


def test_killed_and_run_again_by_four_workers_it_makes_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(command(tmp_path), cwd=tmp_path, env=environment(1), stderr=subprocess.DEVNULL)
    while len(list(tmp_path.glob("data/audio/*.wav"))) < 20 and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    subprocess.run(command(tmp_path), cwd=tmp_path, env=environment(4), check=True, capture_output=True)
    assert made(tmp_path) == made(tiny)


def test_a_task_of_no_utterances_is_left_out() -> None:
    clips = plan(MiniSuperbConfig(ks=(0, 0, 0), sid=(0, 0, 0)))
    assert {clip.set for clip in clips} == {"ic_train", "ic_dev", "ic_test"}


def test_too_many_sentences_are_refused_with_the_way_out() -> None:
    with pytest.raises(UserError, match="no more sentences") as caught:
        plan(MiniSuperbConfig(ks=(0, 0, 0), ic=(0, 0, 0), sid=(5000, 1, 1)))
    assert "fewer sentences" in caught.value.remedy


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ks": (3, 0, 1)}, "ks: each of train"),
        ({"ic": (-1, 2, 2)}, "ic: each of train"),
        ({"ks": (0, 0, 0), "ic": (0, 0, 0), "sid": (0, 0, 0)}, "every task"),
        ({"speakers": (20, 0, 8)}, "speakers"),
        ({"speakers": (30, 2, 2)}, "there are 32"),
        ({"sid_speakers": 33}, "sid_speakers"),
        ({"intents": 1}, "intents"),
        ({"noises": 0}, "noises"),
        ({"noise_seconds": (0.5, 3.0)}, "noise_seconds"),
        ({"emotions": ("bored",)}, "bored is none of neutral"),
        ({"pace": 0.1}, "pace"),
    ],
)
def test_impossible_configs_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MiniSuperbConfig(**wrong)
