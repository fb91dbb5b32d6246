"""Judging recordings: every fault has its reason, one block in memory at a time."""

import math
import tracemalloc

import numpy as np
import pytest
import soundfile
from odd_audio import TAG, without_header

from toolkit.data.check import ANY_LENGTH, check_audio, check_channels
from toolkit.data.judge import Limits


@pytest.fixture
def faults(record, make_noise, tmp_path):
    """Reason -> a recording that must be refused for it."""
    good = record("good.wav", make_noise(2))
    ogg = record("good.ogg", make_noise(4))
    paths = {name: tmp_path / f"{name}.wav" for name in ("missing", "empty", "truncated", "unreadable")}
    paths["empty"].write_bytes(b"")
    paths["truncated"].write_bytes(good.read_bytes()[:20000])
    paths["unreadable"].write_bytes(b"RIFF" + b"not audio" * 20)
    nan = np.where(np.arange(32000) == 31999, np.nan, make_noise(2))
    loud = np.clip(make_noise(2) * 40, -1, 1)
    return {
        **{name: [path] for name, path in paths.items()},
        "truncated": [
            paths["truncated"],
            _cut(ogg, tmp_path / "cut.ogg", 0.6),
            _cut(record("good.flac", make_noise(4)), tmp_path / "cut.flac", 0.6),
            _cut(record("good.mp3", make_noise(20)), tmp_path / "cut.mp3", 0.6),
        ],
        "non-finite": [record("nan.wav", nan, subtype="FLOAT"), record("inf.wav", nan * np.inf, subtype="FLOAT")],
        "silent": [
            record("zeros.wav", np.zeros(32000)),
            record("offset.wav", np.full(32000, 0.3)),
            record("faint.wav", make_noise(2) * 1e-3),
        ],
        "too short": [record("one.wav", np.array([0.5]))],
        "too long": [record("long.wav", make_noise(4))],
        "clipped": [record("loud.wav", loud)],
        "out of range": [
            record("scaled.wav", make_noise(2) * 32768, subtype="FLOAT"),
            record("damaged.wav", np.where(np.arange(32000) == 7, 1e30, make_noise(2)), subtype="FLOAT"),
        ],
    }


def _cut(source, target, share):
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def test_every_fault_is_found_and_named(faults):
    limits = Limits(min_seconds=0.1, max_seconds=3.0)
    longer = Limits(min_seconds=0.1, max_seconds=30.0)
    for reason, paths in faults.items():
        for path in paths:
            verdict = check_audio(path, longer if reason == "truncated" else limits)
            assert verdict.reason == reason and verdict.detail, path


def test_good_recordings_of_every_kind_pass_with_what_is_odd_noted(record, make_noise):
    for name, rate, channels, options, notes in (
        ("a.wav", 16000, 1, {}, ()),
        ("a.flac", 44100, 2, {}, ("2 channels: their mean",)),
        ("a.mp3", 22050, 1, {}, ()),
        ("a.ogg", 48000, 1, {}, ()),
        ("a.opus", 48000, 1, {"subtype": "OPUS"}, ()),
        ("b.wav", 8000, 1, {}, ("8000 Hz",)),
        ("صوت.wav", 16000, 1, {"format": "MP3"}, ("named WAV, is MP3",)),
    ):
        wave = make_noise(3, rate)
        wave = wave if channels == 1 else np.stack([wave] * channels, axis=1)
        verdict = check_audio(record(name, wave, rate, **options))
        assert (verdict.reason, verdict.notes) == ("", notes), name
        assert (verdict.seconds, verdict.rate, verdict.channels) == (3.0, rate, channels)


def test_the_level_is_that_of_the_loudest_tenth_of_a_second(record):
    t = np.arange(32000) / 16000
    wave = np.where(t < 1, 0.5, 0.05) * np.sin(2 * np.pi * 100 * t)
    level = check_audio(record("tone.wav", wave, subtype="FLOAT")).loudest_dbfs
    assert level == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=0.01)


def test_three_hours_are_judged_with_a_block_in_memory(tmp_path):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(16, "int16"), 8000)
    head, size = path.read_bytes()[:44], 3 * 3600 * 8000 * 2
    with open(path, "wb") as f:
        f.write(head[:4] + (size + 36).to_bytes(4, "little") + head[8:40] + size.to_bytes(4, "little"))
        f.truncate(44 + size)
    tracemalloc.start()
    verdict = check_audio(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (verdict.reason, verdict.seconds) == ("silent", 10800.0)
    assert peak < 16e6  # the whole of it would be 346 MB


def test_hearing_gets_every_sample_once_and_in_order(record, make_noise):
    path, heard = record("a.mp3", make_noise(65, 8000), 8000), []
    check_channels(path, ANY_LENGTH, "auto", lambda _, wave, rate: heard.append((wave, rate)))
    assert {rate for _, rate in heard} == {8000}
    whole = soundfile.read(path, dtype="float32")[0]
    np.testing.assert_allclose(np.concatenate([wave for wave, _ in heard]), whole, atol=1e-6)


def test_a_header_with_a_rate_that_nobody_records_at_is_damaged(record, make_noise):
    """Three seconds would pass for eight minutes."""
    verdict = check_audio(record("a.wav", make_noise(3, 16000), 100))
    assert verdict.reason == "rate" and "100 samples a second" in verdict.detail


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_frames_of_an_mp3_without_a_header_add_up_to_its_length(record, make_noise, rate, tmp_path):
    data = record("a.mp3", make_noise(30, rate), rate).read_bytes()
    bare = tmp_path / "bare.mp3"
    bare.write_bytes(TAG + without_header(data))
    assert abs(check_audio(bare).seconds - 30) < 0.2
