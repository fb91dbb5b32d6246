"""Windows: every utterance once, in order, of one speaker, none over 30 s or the limit of tokens."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.models.vocabulary import Vocabulary
from toolkit.pseudo.pack import PackConfig
from toolkit.pseudo.packing import on_grid
from toolkit.pseudo.windows import Window, read_header, read_windows, refuse_other_vocabulary, vocabulary_hash

from .packs import NOISE, Packed, Spoken, pack, write_kept, write_labels, write_set

WORDS = ("قَالَ", "إنّ", "المكتبـة", "١٢", "ﻻ", "۱۹", "شو", "صديقي", "hold", "line")
IDS = st.sampled_from(("س٠١", "m02", "متحدث", "f_03"))
SECONDS = st.one_of(st.sampled_from((0.02, 0.01, 15.0, 29.98, 29.99, 30.0, 30.01, 44.0)), st.floats(0.02, 31))


@st.composite
def spoken_sets(draw: st.DrawFn) -> list[Spoken]:
    """Up to 25 utterances of up to four speakers, some without words, some with times that make no sense."""
    utterances = []
    for i in range(draw(st.integers(1, 25))):
        speaker, seconds = draw(IDS), draw(SECONDS)
        words = draw(st.lists(st.sampled_from(WORDS), max_size=40))
        pieces = draw(st.lists(st.tuples(st.floats(-1, 40), st.floats(-1, 40)), max_size=4)) if words else []
        segments = tuple((a, b, words[k % len(words)]) for k, (a, b) in enumerate(pieces))
        language = draw(st.sampled_from(("ar", "ar", "en")))
        at, recording = draw(st.integers(0, 500_000)) / 100, draw(st.sampled_from(("r1", "ر٢")))
        utterances.append(Spoken(f"{speaker}-{i:03d}", speaker, seconds, " ".join(words), segments, language, at=at))
        utterances[-1] = replace(utterances[-1], recording=recording + speaker)
    return utterances


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spoken_sets(),
    st.booleans(),
    st.sampled_from((0.0, 0.01, 0.5)),
    st.sampled_from((40, 225)),
    st.sampled_from(("pseudo", "truth")),
    st.data(),
)
def test_every_kept_utterance_is_in_one_window_or_in_the_ledger(whisper, spoken, cut, gap, most, labels, data) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if not cut:
            spoken = [replace(u, recording="") for u in spoken]
        kept = set(data.draw(st.lists(st.sampled_from([u.id for u in spoken]), min_size=1)))
        ins = [write_set(root / "set", spoken), whisper, write_kept(root / "select", "good", kept)]
        if labels == "pseudo":
            ins.append(write_labels(root / "labels", spoken))
        config = PackConfig(labels=labels, keep="good", gap_seconds=gap, max_tokens=most)
        try:
            packed = pack(root / "out", config, *ins)
        except UserError as e:
            assert "not one utterance can be packed" in e.what
            return
        _check(packed, {u.id: u for u in spoken}, kept, config, cut)
        assert _bytes(pack(root / "again", config, *ins[::-1])) == _bytes(packed)


def _check(packed: Packed, spoken: dict[str, Spoken], kept: set[str], config: PackConfig, cut: bool) -> None:
    assert sorted([*packed.ids, *packed.dropped]) == sorted(kept)  # each once
    for id, reason in packed.dropped.items():
        if reason == "longer than the window":
            assert spoken[id].seconds > 30
    for window in packed.windows:
        assert {spoken[p.id].speaker for p in window.utterances} == {window.speaker}
        assert window.seconds <= 30 + 1e-6
        tokens = 4 + sum(2 + len(s.tokens) for p in window.utterances for s in p.segments)
        assert tokens <= config.max_tokens
        _check_times(window, config.gap_seconds)
    for (_, language), windows in _chains(packed.windows).items():
        ids = [p.id for w in windows for p in w.utterances]
        assert ids == sorted(ids, key=lambda id: (spoken[id].recording, spoken[id].at, id) if cut else id)
        assert [w.previous for w in windows] == [None, *(w.id for w in windows[:-1])]
        if config.labels == "pseudo":
            assert {spoken[id].language for id in ids} == {language}
        for one, two in pairwise(windows):
            _check_full(one, two, config)


def _check_times(window: Window, gap: float) -> None:
    end = -math.inf
    for piece in window.utterances:
        assert piece.start >= end + gap - 1e-6 if end > -math.inf else piece.start == 0
        assert _on_grid(piece.start)
        at = piece.start
        for s in piece.segments:
            assert _on_grid(s.start) and _on_grid(s.end)
            assert at <= s.start < s.end < piece.start + piece.seconds + 0.02
            at = s.end
        end = piece.start + piece.seconds


def _check_full(one: Window, two: Window, config: PackConfig) -> None:
    """A window ends only because the next utterance does not fit."""
    last, following = one.utterances[-1], two.utterances[0]
    seconds = last.start + math.ceil(last.seconds / 0.02) * 0.02 + math.ceil(config.gap_seconds / 0.02) * 0.02
    tokens = 4 + sum(2 + len(s.tokens) for p in (*one.utterances, following) for s in p.segments)
    assert seconds + following.seconds > 30 - 0.02 or tokens > config.max_tokens


def _chains(windows: list[Window]) -> dict[tuple[str, str], list[Window]]:
    chains: dict[tuple[str, str], list[Window]] = {}
    for window in windows:
        chains.setdefault((window.speaker, window.language), []).append(window)
    return chains


def _on_grid(seconds: float) -> bool:
    return seconds == round(round(seconds * 50) / 50, 2)


def _bytes(packed: Packed) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in packed.out.iterdir()}


@given(st.lists(st.tuples(st.floats(-5, 40), st.floats(-5, 40)), max_size=8), st.integers(1, 1500))
@example([(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)], 2)
def test_segments_on_the_grid_keep_their_order_their_text_and_a_tick_each(times, ticks) -> None:
    placed = on_grid([(a, b, f"ك{i}") for i, (a, b) in enumerate(times)], ticks)
    assert " ".join(text for _, _, text in placed) == " ".join(f"ك{i}" for i in range(len(times)))
    bounds = [0, *(t for start, end, _ in placed for t in (start, end)), ticks]
    assert bounds == sorted(bounds) and all(start < end for start, end, _ in placed)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_times_that_are_on_the_grid_and_in_order_are_left_as_they_are(steps) -> None:
    ends = [sum(steps[: i + 1]) for i in range(len(steps))]
    wanted = [(end - step, end, "نص") for end, step in zip(ends, steps)]
    assert on_grid([(a * 0.02, b * 0.02, t) for a, b, t in wanted], ends[-1]) == wanted


def test_three_utterances_by_hand(whisper: Path, tmp_path: Path) -> None:
    spoken = [
        Spoken("س-1", "س", 10.013, "قَالَ: إنّ المكتبـة", ((0.5, 4.009, "قَالَ:"), (4.5, 10.5, "إنّ المكتبـة"))),
        Spoken("س-2", "س", 19.5, "١٢"),
        Spoken("س-3", "س", 0.5, "ﻻ"),
    ]
    ins = [write_set(tmp_path / "set", spoken), whisper, write_labels(tmp_path / "labels", spoken)]
    packed = pack(tmp_path / "out", PackConfig(), *ins)
    encode = Vocabulary.read(whisper).encode
    one, two = packed.windows
    assert [(p.id, p.start, p.seconds) for p in one.utterances] == [("س-1", 0.0, 10.013), ("س-2", 10.02, 19.5)]
    assert [(s.start, s.end, list(s.tokens)) for p in one.utterances for s in p.segments] == [
        (0.5, 4.0, encode("قَالَ:")),
        (4.5, 10.02, encode("إنّ المكتبـة")),  # its end, later than the audio's, is moved to it
        (10.02, 29.52, encode("١٢")),
    ]
    assert (one.seconds, two.seconds, one.previous, two.previous) == (29.52, 0.5, None, "س-1")
    assert packed.counts["padding_percent_unpacked"] == pytest.approx(100 * (1 - 30.013 / 90), abs=0.01)
    assert packed.counts["padding_percent"] == pytest.approx(100 * (1 - 30.013 / 60), abs=0.01)
    header = read_header(packed.out)
    assert (header.labels, header.set, header.data, header.window_seconds) == ("pseudo", "set", str(ins[0]), 30.0)
    assert header.vocabulary == vocabulary_hash(whisper)


def test_an_utterance_of_30_s_fills_a_window_and_one_tick_more_is_too_long(whisper: Path, tmp_path: Path) -> None:
    spoken = [
        Spoken("م-1", "م", 30.0, recording="ر", at=63.1),  # 93.1 - 63.1 is a little more than 30 as floats go
        Spoken("م-2", "م", 30.01, recording="ر", at=100),
        Spoken("م-3", "م", 0.02, recording="ر", at=140),
        Spoken("م-4", "م", 7200.0, recording="ر", at=150),
    ]
    packed = pack(tmp_path / "out", PackConfig(labels="truth"), write_set(tmp_path / "set", spoken), whisper)
    assert [[p.id for p in w.utterances] for w in packed.windows] == [["م-1"], ["م-3"]]
    assert packed.windows[1].utterances[0].segments[0].end == 0.02
    assert packed.dropped == dict.fromkeys(("م-2", "م-4"), "longer than the window")


def test_windows_that_tokens_have_closed_are_counted(whisper: Path, tmp_path: Path) -> None:
    words = len(Vocabulary.read(whisper).encode("كلمة"))
    spoken = [Spoken(f"س-{i}", "س", seconds) for i, seconds in enumerate((1.0, 1.0, 1.0, 29.5, 1.0))]
    config = PackConfig(labels="truth", max_tokens=4 + 2 * (words + 2))  # two utterances, and the frame
    packed = pack(tmp_path / "out", config, write_set(tmp_path / "set", spoken), whisper)
    assert [len(w.utterances) for w in packed.windows] == [2, 1, 1, 1]
    assert packed.counts["closed_by_tokens"] == 1  # the others are closed because 1 + 29.5 s are more than 30


def test_many_utterances_of_one_tick_share_a_window_and_each_keeps_its_own(whisper: Path, tmp_path: Path) -> None:
    spoken = [Spoken(f"س-{i:04d}", "س", 0.02, "ﻻ") for i in range(60)]
    packed = pack(tmp_path / "out", PackConfig(labels="truth"), write_set(tmp_path / "set", spoken), whisper)
    assert packed.ids == [u.id for u in spoken]
    assert [p.start for p in packed.windows[0].utterances][:3] == [0.0, 0.02, 0.04]


def test_what_has_no_label_that_can_be_learnt_is_a_row_of_the_ledger(whisper: Path, tmp_path: Path) -> None:
    spoken = [
        Spoken("a-1", "a", 2.0, "كلمة"),
        Spoken("a-2", "a", 2.0, ""),
        Spoken("a-3", "a", 2.0, "مقطوع", ended=False),
        Spoken("a-4", "a", 2.0, " ".join(["كلمة"] * 200)),
        Spoken("a-5", "a", 2.0, "لا <|endoftext|> نص"),
        Spoken("a-6", "a", 2.0, "لا <|3.00|> نص"),
        Spoken("a-7", "a", 2.0, "نص", ((math.nan, 1.0, "نص"),)),
        Spoken("a-8", "a", 0.05, "نص"),
    ]
    ins = [write_set(tmp_path / "set", [*spoken, Spoken("a-9", "a", 1.0)]), whisper]
    ins.append(write_labels(tmp_path / "labels", spoken))
    packed = pack(tmp_path / "out", PackConfig(shortest_seconds=0.1), *ins)
    assert packed.ids == ["a-1", "a-5", "a-6"]  # the name of a control token is text, as any other
    assert packed.dropped == {
        "a-2": "empty label",
        "a-3": "label cut off",
        "a-4": "label too long",
        "a-7": "label without times",
        "a-8": "too short",
        "a-9": "no label",
    }


def test_true_transcripts_take_their_language_from_utt2lang(whisper: Path, tmp_path: Path) -> None:
    spoken = [Spoken(f"m-{i}", "m", 3.0, text) for i, text in enumerate(("نص", "hold the line", "", "شو"))]
    data = write_set(tmp_path / "set", spoken)
    (data / "utt2lang").write_text("m-0 MSA\nm-1 ENG\nm-2 MSA\nm-3 JOR\n", encoding="utf-8")
    packed = pack(tmp_path / "out", PackConfig(labels="truth", languages={"ENG": "en"}), data, whisper)
    assert {w.language: [p.id for p in w.utterances] for w in packed.windows} == {"ar": ["m-0", "m-3"], "en": ["m-1"]}
    assert packed.dropped == {"m-2": "empty label"}


@pytest.mark.parametrize(
    ("label", "language", "remedy"), [("ENG", "ar", '--languages "ENG=en"'), ("EGY", "en", '--languages "EGY=ar"')]
)
def test_true_transcripts_in_another_language_than_the_config_says_are_refused(
    label: str, language: str, remedy: str, whisper: Path, tmp_path: Path
) -> None:
    data = write_set(tmp_path / "set", [Spoken("m-0", "m", 3.0, "نص"), Spoken("m-1", "m", 3.0, "hold the line")])
    (data / "utt2lang").write_text(f"m-0 {'MSA' if language == 'ar' else 'ENG'}\nm-1 {label}\n", encoding="utf-8")
    with pytest.raises(UserError) as e:
        pack(tmp_path / "out", PackConfig(labels="truth", language=language), data, whisper)
    assert f"utt2lang says {label} would be packed as {language}" in str(e.value) and remedy in str(e.value)


def test_pseudo_labels_in_another_language_than_utt2lang_names_are_told(
    whisper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoken = [Spoken(f"m-{i}", "m", 3.0, "نص", language=code) for i, code in enumerate(("ar", "ar", "en", "ar", "ar"))]
    data = write_set(tmp_path / "set", spoken)
    labels = write_labels(tmp_path / "labels", spoken)
    (data / "utt2lang").write_text("m-0 EGY\nm-1 FRA\nm-2 ENG\nm-3 unknown\nm-4 x-klingon\n", encoding="utf-8")
    pack(tmp_path / "out", PackConfig(), data, labels, whisper)
    told = "WARNING: 1 pseudo-labels are in another language than utt2lang names, and stay: m-1 (FRA: ar)\n"
    assert told in capsys.readouterr().out


def test_utterances_of_a_recording_follow_each_other_in_time(whisper: Path, tmp_path: Path) -> None:
    times = {"s-a": ("r2", 5), "s-b": ("r1", 90), "s-c": ("r1", 7), "s-d": ("r2", 1)}
    spoken = [Spoken(id, "s", 2.0, recording=r, at=at) for id, (r, at) in times.items()]
    packed = pack(tmp_path / "out", PackConfig(labels="truth"), write_set(tmp_path / "set", spoken), whisper)
    assert packed.ids == ["s-c", "s-b", "s-d", "s-a"]


REFUSED = {
    "two data directories": (["set", "model", "set2", "labels"], {}, "two inputs of one kind"),
    "no model": (["set", "labels"], {}, "the Whisper"),
    "no labels": (["set", "model"], {}, "no pseudo-labels"),
    "nothing known": (["set", "model", "labels", "empty"], {}, "neither a data directory"),
    "a selection and no name": (["set", "model", "labels", "select"], {}, "no name of what to keep"),
    "a name and no selection": (["set", "model", "labels"], {"keep": "good"}, "no selection to take good from"),
    "no such selection": (["set", "model", "labels", "select"], {"keep": "bad"}, "no selection is called bad"),
    "a way out": (["set", "model", "labels", "select"], {"keep": "../kept/good"}, "no selection is called"),
    "a selection of nothing": (["set", "model", "labels", "select"], {"keep": "none"}, "keeps not one utterance"),
    "ids out of order": (["set", "model", "labels", "select"], {"keep": "mixed"}, "out of order"),
    "a line of NUL": (["set", "model", "labels", "select"], {"keep": "nul"}, "no id in a line of its own"),
    "no room in the decoder": (["set", "model", "labels"], {"max_tokens": 449}, "the decoder has 448 positions"),
    "labels that are all empty": (["set", "model", "silent"], {}, "not one utterance can be packed: empty label (1)"),
    "a language that it does not know": (["set", "model", "turkish"], {}, "no language tr"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_named(name: str, whisper: Path, tmp_path: Path) -> None:
    words, fields, message = REFUSED[name]
    spoken = [Spoken("س-1", "س", 2.0)]
    folders = {"model": whisper, "empty": tmp_path / "empty", "select": tmp_path / "select"}
    folders["empty"].mkdir()
    folders |= {n: write_set(tmp_path / n, spoken) for n in ("set", "set2")}
    folders["labels"] = write_labels(tmp_path / "labels", spoken)
    folders["silent"] = write_labels(tmp_path / "silent", [replace(spoken[0], text="")])
    folders["turkish"] = write_labels(tmp_path / "turkish", [replace(spoken[0], language="tr")])
    write_kept(tmp_path / "select", "good", ["س-1"])
    write_kept(tmp_path / "select", "none", [])
    (tmp_path / "select/kept/mixed.txt").write_text("س-1\na\n", encoding="utf-8")
    (tmp_path / "select/kept/nul.txt").write_bytes(b"s\0-1\n")
    with pytest.raises(UserError) as refusal:
        pack(tmp_path / "out", PackConfig(**fields), *(folders[w] for w in words))
    assert message in refusal.value.what
    assert refusal.value.where and refusal.value.remedy


@pytest.mark.parametrize(
    "fields", [{"window_seconds": 30.5}, {"window_seconds": 0.01}, {"gap_seconds": -1.0}, {"max_tokens": 6}]
)
def test_a_config_that_cannot_be_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        PackConfig(**fields)


DAMAGE = {
    "half a line": lambda row: json.dumps(row)[:-9],
    "times that go back": lambda row: json.dumps(_with_segment(row, start=2.0, end=1.0)),
    "an utterance without a label": lambda row: json.dumps(_with_piece(row, segments=[])),
    "no utterance": lambda row: json.dumps({**row, "utterances": []}),
    "a window before it that is not there": lambda row: json.dumps({**row, "previous": "x"}),
    "no speaker": lambda row: json.dumps({**row, "speaker": 5}),
    "the same again": lambda row: json.dumps(row) + "\n" + json.dumps(row),
    "a list": lambda row: "[]",
    "nothing": lambda row: "",
}


def _with_piece(row: dict, **fields) -> dict:
    return {**row, "utterances": [{**row["utterances"][0], **fields}, *row["utterances"][1:]]}


def _with_segment(row: dict, **fields) -> dict:
    return _with_piece(row, segments=[{**row["utterances"][0]["segments"][0], **fields}])


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_windows_are_refused_by_file_and_line(name: str, whisper: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", [Spoken("س-1", "س", 2.0)])
    pack(tmp_path / "out", PackConfig(labels="truth"), data, whisper)
    path = tmp_path / "out/windows.jsonl"
    path.write_text(DAMAGE[name](json.loads(path.read_text(encoding="utf-8"))) + "\n", encoding="utf-8")
    with pytest.raises(UserError) as refusal:
        read_windows(tmp_path / "out")
    assert "windows.jsonl, line" in refusal.value.where


def test_windows_of_another_vocabulary_are_refused(whisper: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", [Spoken("س-1", "س", 2.0)])
    pack(tmp_path / "out", PackConfig(labels="truth"), data, whisper)
    refuse_other_vocabulary(tmp_path / "out", whisper)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match="tokens of another model"):
        refuse_other_vocabulary(tmp_path / "out", tmp_path / "other")
    with pytest.raises(UserError, match="no windows here"):
        read_header(tmp_path / "other")


def test_the_command_packs_and_says_how_much_padding_is_left(whisper: Path, tmp_path: Path) -> None:
    write_set(tmp_path / "set", [Spoken(f"س-{i}", "س", 7.5) for i in range(4)])
    soundfile.write(tmp_path / "x.wav", NOISE[: round(7.5 * 16000)], 16000)
    words = ["--labels", "truth", "--in", "set", str(whisper), "--out", "packs"]
    done = subprocess.run(
        [sys.executable, "-m", "toolkit.pseudo.pack", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "in 1 windows of 30 s: padding 0.0 %, of utterances alone 75.0 %" in done.stdout
    record = json.loads((tmp_path / "packs/record.json").read_text())
    assert record["counts"]["windows"] == 1 and record["counts"]["fill_percent"] == 100.0
    assert read_header(tmp_path / "packs").data == "set"


def test_short_utterances_share_a_window_up_to_a_length_and_a_longer_one_stands_alone(whisper, tmp_path) -> None:
    seconds = (2.0, 2.9, 0.2, 12.0, 1.0, 5.0)
    spoken = [Spoken(f"u{i}", "s", s) for i, s in enumerate(seconds)]
    ins = write_set(tmp_path / "set", spoken), whisper
    packed = pack(tmp_path / "out", PackConfig(labels="truth", fill_seconds=5.0), *ins)
    assert [[p.id for p in w.utterances] for w in packed.windows] == [["u0", "u1"], ["u2"], ["u3"], ["u4"], ["u5"]]
    assert not packed.dropped
