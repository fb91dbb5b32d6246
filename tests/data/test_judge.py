"""What a decoded wave says about itself: silence, clipping and scale, with the value, for a few percent of decoding."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.config import build
from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.data.audio import read_audio
from toolkit.data.check import check_audio
from toolkit.data.corpora.folder import FolderConfig
from toolkit.data.corpora.segments import CorpusConfig
from toolkit.data.find import matching
from toolkit.data.judge import Fault, Limits, Sound, judge
from toolkit.data.kaldi import write_data_dir
from toolkit.data.provenance import is_trained_on, limits_of, rules_of
from toolkit.data.roles import trains
from toolkit.data.validate import main as validate
from toolkit.units.mfcc import mfcc

RATE = 16000
TIME = np.arange(2 * RATE) / RATE
TONE = (0.5 * np.sin(2 * np.pi * 200 * TIME)).astype(np.float32)
SQUARE = np.sign(np.sin(2 * np.pi * 100 * TIME + 0.1)).astype(np.float32)


@pytest.mark.parametrize(
    ("wave", "reason", "detail"),
    [
        (TONE, "", ""),
        (0 * TONE, "silent", "every sample is 0"),
        (
            TONE * 2e-4,
            "silent",
            "-83 dB of full scale, its largest sample is 0.0001; if that is speech, multiply it by",
        ),
        (TONE * 0 + 0.3, "silent", "one value without a change, 0.3"),
        (SQUARE, "clipped", "100.0% of the samples are at full scale"),
        (
            TONE * 2 * 32767,
            "out of range",
            "a sample of 3.28e+04, at 0.001 s, where full scale is 1: integers of 16 bits as floats?",
        ),
        (TONE * 2e30, "out of range", "a sample of 1e+30, at 0.001 s, where full scale is 1"),
    ],
)
def test_what_is_no_speech_is_named_with_its_value(wave: np.ndarray, reason: str, detail: str) -> None:
    fault = judge(wave.astype(np.float32), RATE, Limits())
    assert (fault is None) == (reason == "")
    if fault:
        assert fault.reason == reason and detail in fault.detail


def test_integers_stored_as_floats_are_told_though_half_of_them_are_pauses() -> None:
    wave = np.concatenate([TONE * 32767, np.zeros_like(TONE)]).astype(np.float32)
    fault = judge(wave, RATE, Limits())
    assert fault is not None and fault.detail.endswith("integers of 16 bits as floats? Divide them by 32,768")


@pytest.mark.parametrize(
    ("places", "value", "detail"),
    [
        ((213,), 100.0, "1 sample of 100, at 0.013 s, where full scale is 1, and the rest within 0.5"),
        ((213,), -5e4, "1 sample of 5e+04, at 0.013 s, where full scale is 1, and the rest within 0.5"),
        (
            (8000, 20000, 20001),
            300.0,
            "3 samples beyond full scale, the largest of 300, at 0.500 s, where full scale is 1, "
            "and the rest within 0.5",
        ),
        (
            tuple(range(8000, 56000)),  # a twentieth of the samples: a damaged part
            5e4,
            "48,000 samples beyond full scale, the largest of 5e+04, at 0.500 s, where full scale is 1, "
            "and the rest within 0.5",
        ),
    ],
)
def test_a_click_is_named_with_its_place_and_is_no_scale_of_the_recording(
    places: tuple[int, ...], value: float, detail: str, record: Callable[..., Path]
) -> None:
    """Dividing by what a click suggests would take the speech away. The whole file is told of, not a part of it."""
    wave = np.concatenate([TONE] * 30)  # a minute: several blocks
    wave[list(places)] = value
    assert judge(wave, RATE, Limits()) == Fault("out of range", detail)
    verdict = check_audio(record("click.wav", wave, subtype="FLOAT"))
    assert (verdict.reason, verdict.detail) == ("out of range", detail)


def test_a_click_is_no_scale_where_no_sample_may_be_at_full_scale() -> None:
    wave = TONE.copy()
    wave[16000] = 10.0
    fault = judge(wave, RATE, replace(Limits(), max_clipped=0.0))
    assert fault is not None and fault.reason == "clipped" and "1 sample of 10, at 1.000 s" in fault.detail


@pytest.mark.parametrize(("scale", "damage"), [(100.0, False), (32768.0, False), (2.0**31, False), (1e12, True)])
def test_samples_that_no_scale_explains_are_damage(scale: float, damage: bool) -> None:
    """Integers of 32 bits stored as floats are the largest that are not."""
    fault = judge(np.clip(2 * TONE, -1, 1) * np.float32(scale), RATE, Limits())
    assert fault is not None and (fault.reason, fault.damage) == ("out of range", damage)


def test_the_scale_that_is_suggested_brings_a_faint_voice_back_below_full_scale() -> None:
    fault = judge(TONE * np.float32(2e-4), RATE, Limits())
    assert fault is not None
    factor = float(fault.detail.rpartition(" ")[2].replace(",", ""))
    assert 0.05 < factor * 2e-4 * 0.5 <= 1.0 and judge(TONE * np.float32(2e-4 * factor), RATE, Limits()) is None


@pytest.mark.parametrize(("above", "silent"), [(-0.1, True), (0.1, False)])
def test_silence_ends_at_the_limit_to_a_tenth_of_a_decibel(above: float, silent: bool) -> None:
    """A sine of amplitude a has a level of 20 log10(a / sqrt 2)."""
    amplitude = math.sqrt(2) * 10 ** ((-60 + above) / 20)
    fault = judge((amplitude * np.sin(2 * np.pi * 200 * TIME)).astype(np.float32), RATE, Limits())
    assert (fault is not None) == silent


def test_one_loud_tenth_of_a_second_is_enough_wherever_it_is() -> None:
    for first in (0, 7, 19):
        wave = np.zeros_like(TONE)
        wave[first * 1600 : (first + 1) * 1600] = TONE[:1600]
        assert judge(wave, RATE, Limits()) is None


@pytest.mark.parametrize(
    ("samples", "text", "reason"),
    [(160, "ذهبت مع أخي إلى السوق القديم", "letters per second"), (399, "", "shorter than a frame"), (400, "", None)],
)
def test_less_than_a_frame_is_no_speech_and_no_transcript_is_of_it(samples: int, text: str, reason: str | None) -> None:
    fault = judge(TONE[:samples], RATE, Limits(), text)
    assert (fault and fault.reason) == reason


@given(st.integers(1, 40), st.floats(1e-6, 2.0), st.floats(-0.5, 0.5), st.integers(0, 2**31))
def test_a_wave_is_judged_alike_in_blocks_and_at_once(tenths: int, scale: float, offset: float, seed: int) -> None:
    wave = (scale * np.random.default_rng(seed).standard_normal(tenths * 1600) + offset).astype(np.float32)
    sound = Sound()
    for first in range(0, len(wave), 4800):
        sound.add(wave[first : first + 4800], RATE)
    whole, parts = judge(wave, RATE, Limits()), sound.fault(Limits())
    assert (whole and whole.reason) == (parts and parts.reason)
    assert sound.peak == np.abs(wave).max() and sound.clipped == np.count_nonzero(np.abs(wave) >= 0.999)
    if sound.peak <= 64:
        frames = wave.reshape(-1, 1600).astype(np.float64)
        assert sound.loudest == pytest.approx(frames.std(axis=1).max(), rel=1e-3, abs=1e-7)


def test_the_data_stage_and_later_steps_judge_alike(record: Callable[..., Path]) -> None:
    for name, wave in (("zeros", 0 * TONE), ("faint", TONE * 1e-4), ("square", SQUARE), ("loud", TONE * 30000)):
        path = record(f"{name}.wav", wave, subtype="FLOAT")
        fault = judge(read_audio(path), RATE, Limits())
        verdict = check_audio(path)
        assert fault and fault[:2] == (verdict.reason, verdict.detail), name


def test_judging_costs_at_most_a_twentieth_of_decoding_and_features(record: Callable[..., Path]) -> None:
    """Ten seconds of wav, the format that is decoded fastest; measured: 1 %."""
    path = record("a.wav", np.tile(TONE, 5), subtype="PCM_16")
    wave = read_audio(path)

    def seconds(work: Callable[[], object]) -> float:
        times = []
        for _ in range(15):
            begun = time.perf_counter()
            work()
            times.append(time.perf_counter() - begun)
        return statistics.median(times)

    judged = seconds(lambda: judge(wave, RATE, Limits()))
    assert judged <= 0.05 * (seconds(lambda: read_audio(path)) + seconds(lambda: mfcc(torch.from_numpy(wave))))


def made_by(folder: Path, command: list[str], config: dict[str, object]) -> Path:
    """The record of a finished step at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"command": json.dumps(command)}
    write_json(folder / "record.json", {"state": "done", "id": "0", "parts": parts, "config": config})
    return folder


def test_limits_of_the_data_stage_go_with_a_set_through_later_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has allowed clipped recordings there does not lose them when they are labelled."""
    monkeypatch.chdir(tmp_path)
    limits = {"limits": {"min_seconds": 0.5, "silent_dbfs": -75.0, "max_clipped": 0.4}}
    made_by(Path("data"), ["data.corpora.folder", "--in", "audio", "--out", "data"], limits)
    made_by(Path("other"), ["data.corpora.sada", "--in", "sada", "--out", "other"], {"take": {"max_clipped": 0.01}})
    made_by(Path("dump/sets"), ["data.contamination", "--in", "data", "--out", "dump/sets"], {})
    made_by(Path("dump/mix"), ["data.mix", "--in", "dump/sets", "other", "--out", "dump/mix"], {})
    for name in ("data/train", "dump/sets/train"):
        Path(name).mkdir()
        stated = limits_of(Path(name))
        assert (stated.silent_dbfs, stated.max_clipped) == (-75.0, 0.4), name
    assert limits_of(Path("other")).max_clipped == 0.01
    assert limits_of(Path("dump/mix")).max_clipped == 0.4, "of several the loosest"
    assert limits_of(tmp_path / "nowhere") == Limits()
    clipped = np.where(np.arange(len(TONE)) % 5 == 0, np.float32(1), TONE)
    assert judge(clipped, RATE, Limits()) and judge(clipped, RATE, limits_of(Path("dump/sets/train"))) is None


def test_training_sets_are_known_by_name_and_a_sample_by_what_it_was_drawn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made_by(Path("dump/sample"), ["data.sample", "--in", "dump/sets", "--out", "dump/sample"], {"sets": ["*train*"]})
    made_by(Path("dump/few"), ["data.sample", "--in", "dump/sets", "--out", "dump/few"], {"sets": ["mgb2_test"]})
    made_by(Path("dump/mixed"), ["data.mix", "--in", "dump/sets", "--out", "dump/mixed"], {})
    for name, trained in (
        ("data/train", True), ("data/mgb2_train", True), ("dump/sample", True), ("data/dev", False),
        ("data/test", False), ("dump/few", False), ("dump/mixed", False),
    ):  # fmt: skip
        assert is_trained_on(Path(name)) == trained, name
    assert rules_of(Path("data/test"), trained=True).trains and not rules_of(Path("data/train"), trained=False).trains


@pytest.mark.parametrize(
    ("name", "trained"),
    [
        ("train0", True),
        ("masc_clean_train", True),
        ("train-clean-100", True),
        ("mgb3_adapt", True),
        ("test_constrained", False),
        ("unrestrained", False),
        ("dev_adapted", False),
    ],
)
def test_a_word_of_a_name_says_train_and_no_part_of_another_word_does(name: str, trained: bool) -> None:
    assert trains(name) == is_trained_on(Path("/nowhere", name)) == trained
    assert (name in matching([name, "train"], ["*train*"], "sets")) == (trained and "train" in name)


def test_the_sets_that_a_recipe_trains_on_are_training_sets_and_so_are_parts_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By any name: the recipe has told the step that separates them, and every later step asks there."""
    monkeypatch.chdir(tmp_path)
    made_by(Path("sets"), ["data.contamination", "--in", "data", "--out", "sets"], {"train": ["*train*", "learn"]})
    for name in ("learn", "scored", "dev"):
        (Path("sets") / name).mkdir()
        (Path("sets") / name / "wav.scp").touch()
    subset, drawn = ["data.edit", "--in", "sets/learn", "--out"], ["data.sample", "--in", "sets", "--out"]
    made_by(Path("half"), [*subset, "half"], {"action": "subset"})
    made_by(Path("dev"), [*subset, "dev"], {"action": "subset"})
    (made_by(Path("parts"), [*subset, "parts"], {"action": "split"}) / "most").mkdir()
    made_by(Path("few"), [*drawn, "few"], {"sets": ["le*"]})
    made_by(Path("mixed"), [*drawn, "mixed"], {"sets": ["*"]})
    for name, trained in (
        ("sets/learn", True), ("sets/scored", False), ("half", True), ("dev", False), ("parts/most", True),
        ("few", True), ("mixed", False),
    ):  # fmt: skip
        assert is_trained_on(Path(name)) == trained, name


def test_a_mended_copy_is_judged_as_its_origin_was_and_so_may_a_person_state(
    tmp_path: Path, record: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    made_by(Path("data"), ["data.corpora.folder", "--in", "a", "--out", "data"], {"limits": {"silent_dbfs": -120.0}})
    tables = {"wav.scp": {"متكلم-1": str(record("a.wav", TONE * np.float32(1e-4), subtype="FLOAT"))}}
    write_data_dir(Path("data/train"), {**tables, "utt2spk": {"متكلم-1": "متكلم"}, "utt2dur": {"متكلم-1": "2.0"}})
    assert validate(["data/train", "--audio", "--fix", "--out", "copies/COPY"]) == 0
    assert "silent" not in capsys.readouterr().out
    assert limits_of(Path("copies/COPY")) == limits_of(Path("data/train")) != Limits()
    assert is_trained_on(Path("copies/COPY")) and not is_trained_on(Path("copies/COPY2"))
    made_by(Path("sets"), ["data.contamination", "--in", "copies", "--out", "sets"], {"train": ["COPY"]})
    write_data_dir(Path("sets/COPY"), tables)
    assert limits_of(Path("sets/COPY")).silent_dbfs == -120, "it goes with the set through later steps"
    Path("copies/COPY/judged.json").write_text('{"limits": {"max_clipped": 0.5}}')
    assert limits_of(Path("copies/COPY")) == replace(Limits(), max_clipped=0.5)
    Path("copies/COPY/judged.json").write_text('{"limits": {"silence": -75}}')
    with pytest.raises(UserError, match="does not state how a set is judged"):
        limits_of(Path("copies/COPY"))


ODD_LIMITS = [
    ("silent_dbfs", 75, "silent_dbfs: 75: below 0"),
    ("silent_dbfs", 0.0, "silent_dbfs: 0: below 0"),
    ("max_clipped", 5, "max_clipped: 5: a share, 0 to 1; 5 per cent is 0.05"),
    ("max_clipped", -0.1, "max_clipped: -0.1: a share"),
    ("min_letters_per_second", -1, "0 or more"),
    ("max_letters_per_second", -35, "0 or more"),
]


@pytest.mark.parametrize(("name", "value", "message"), ODD_LIMITS)
def test_a_limit_out_of_its_range_is_refused_wherever_it_is_stated(
    name: str, value: float, message: str, tmp_path: Path
) -> None:
    """A sign that was forgotten would drop everything, per cent in the place of a share nothing."""
    for cls, section in ((FolderConfig, "limits"), (CorpusConfig, "take")):
        with pytest.raises(UserError, match=message) as told:
            build(cls, {section: {name: value}}, "conf/data.yaml")
        assert f"{section}.{name}" in str(told.value)
    write_data_dir(tmp_path / "train", {"wav.scp": {"a": "a.wav"}})
    (tmp_path / "train/judged.json").write_text(json.dumps({"limits": {name: value}}))
    with pytest.raises(UserError, match=message) as told:
        limits_of(tmp_path / "train")
    assert "judged.json" in str(told.value)


@pytest.mark.parametrize(
    ("cls", "section", "lengths"),
    [(FolderConfig, "limits", {"max_seconds": 0}), (CorpusConfig, "take", {"min_seconds": 5, "max_seconds": 4})],
)
def test_lengths_that_no_recording_has_are_refused(cls: type, section: str, lengths: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"{section}.min_seconds: 0 or more, and below {section}.max_seconds"):
        build(cls, {section: lengths}, "conf/data.yaml")


@pytest.mark.parametrize(("name", "told"), [("train", "left out of training"), ("test", "kept, with a warning")])
@pytest.mark.parametrize("segmented", [False, True])
def test_validate_judges_each_utterance_and_says_what_steps_will_do(
    name: str,
    told: str,
    segmented: bool,
    record: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of a recording with segments each of them; silence between them is nobody's fault."""
    quiet = 0 * TONE
    if segmented:
        path = record("a.wav", np.concatenate([quiet, TONE, SQUARE]), subtype="FLOAT")
        tables = {"wav.scp": {"r": str(path)}, "reco2dur": {"r": "6.0"}}
        tables["segments"] = {"متكلم-1": "r 0 2", "متكلم-2": "r 2 4", "متكلم-3": "r 4 6"}
    else:
        waves = {"متكلم-1": quiet, "متكلم-2": TONE, "متكلم-3": SQUARE}
        paths = {id: str(record(f"{n}.wav", w, subtype="FLOAT")) for n, (id, w) in enumerate(waves.items())}
        tables = {"wav.scp": paths, "utt2dur": dict.fromkeys(waves, "2.0")}
    ids = ["متكلم-1", "متكلم-2", "متكلم-3"]
    write_data_dir(tmp_path / name, {**tables, "utt2spk": dict.fromkeys(ids, "متكلم")})
    assert validate([str(tmp_path / name), "--audio", "--nj", "2"]) == 0, "warnings are no errors"
    written = capsys.readouterr().out
    assert "متكلم-1: every sample is 0" in written and "متكلم-3: 100.0% of the samples are at full scale" in written
    assert written.count(told) == 2 and "متكلم-2" not in written and "0 errors, 2 warnings" in written
    assert validate([str(tmp_path / name)]) == 0
    assert "no problems" in capsys.readouterr().out


def test_too_many_letters_cost_only_the_steps_that_learn_them(
    record: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(record("a.wav", TONE))
    write_data_dir(tmp_path / "train", {"wav.scp": {"a": path}, "utt2spk": {"a": "a"}, "text": {"a": "كلمة" * 40}})
    assert validate([str(tmp_path / "train"), "--audio"]) == 0
    assert "a step that learns or scores transcripts: left out of training" in capsys.readouterr().out


@pytest.mark.parametrize("peak", [4.0, 30.0, 63.0])
def test_floats_beyond_full_scale_are_not_called_clipped_and_dividing_by_their_peak_mends_them(peak):
    """Speech at the scale of its own peak: of the same wave below full scale nothing is said."""
    wave = (TONE / np.abs(TONE).max()).astype(np.float32)
    fault = judge(np.float32(peak) * wave, RATE, Limits())
    assert fault is not None and fault.reason == "beyond full scale" and not fault.damage
    assert f"the largest is {peak:.3g}: divide them by {peak:.3g}" in fault.detail
    mended = np.float32(1 / peak) * (np.float32(peak) * wave)
    assert judge(mended, RATE, Limits()) is None


def test_a_clipped_wave_that_a_filter_took_beyond_full_scale_is_still_clipped():
    fault = judge(SQUARE * np.float32(1.3), RATE, Limits())
    assert fault == Fault("clipped", "100.0% of the samples are at full scale or beyond, up to 1.30")
