"""Reading: any format and rate to mono 16 kHz, parts by seeking."""

import math
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.data.audio import SAMPLE_RATE, AudioError, audio_info, open_recording, read_audio, write_wav

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 44099, 48000, 96000, 192000)


def tone(frequency: float, seconds: float, rate: int, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency", [100.0, 997.0, 3400.0])
def test_a_sine_stays_the_same_sine_at_16_khz(record, rate, frequency):
    path = record("tone.wav", tone(frequency, 2.0, rate), rate, subtype="FLOAT")
    wave = read_audio(path)
    assert wave.dtype == np.float32 and wave.ndim == 1 and len(wave) == 2 * SAMPLE_RATE
    inner = slice(800, -800)  # the ends ring: a sine that begins has no band limit
    expected = tone(frequency, 2.0, SAMPLE_RATE)
    assert np.abs(wave[inner] - expected[inner]).max() < 1e-4 * 0.5  # frequency, phase and level at -80 dB


def test_what_lies_above_8_khz_does_not_fold_down(record):
    path = record("high.wav", tone(9500.0, 1.0, 48000), 48000, subtype="FLOAT")
    assert np.abs(read_audio(path)[800:-800]).max() < 1e-4


@pytest.mark.parametrize("rate", RATES)
def test_the_length_is_the_length_of_the_recording_to_a_sample(record, rate):
    for n in (1, 2, 399, 400, rate, rate + 1, 12347):
        path = record("n.wav", np.full(n, 0.1), rate)
        assert abs(len(read_audio(path)) - n * SAMPLE_RATE / rate) <= 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.floats(0, 2.9), length=st.floats(0.001, 3.0))
def test_a_part_of_a_16_khz_file_is_exactly_the_slice_of_the_whole(record, make_noise, start, length):
    path = record("whole.flac", make_noise(3))
    end = min(start + length, 3.0)
    if round(end * 16000) <= round(start * 16000):
        return
    whole = soundfile.read(path, dtype="float32")[0]
    np.testing.assert_array_equal(read_audio(path, start, end), whole[round(start * 16000) : round(end * 16000)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rate=st.sampled_from(RATES), start=st.floats(0, 2.9), length=st.floats(0.01, 3.0))
def test_a_part_of_any_file_is_the_slice_of_the_whole(record, make_noise, rate, start, length):
    path = record(f"whole{rate}.wav", make_noise(3, rate), rate, subtype="FLOAT")
    end = min(start + length, 3.0)
    part, whole = read_audio(path, start, end), read_audio(path)
    expected = whole[round(start * 16000) : round(end * 16000)]
    assert len(part) == len(expected)
    np.testing.assert_allclose(part, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "rate", "options"),
    [
        ("a.mp3", 16000, {}),
        ("a.mp3", 44100, {}),
        ("a.mp3", 22050, {"bitrate_mode": "VARIABLE", "compression_level": 0.99}),
        ("a.ogg", 16000, {}),
        ("a.ogg", 44100, {}),
        ("a.ogg", 48000, {"subtype": "OPUS"}),
        ("a.flac", 8000, {}),
    ],
)
def test_a_part_of_a_compressed_file_is_the_slice_of_the_whole(record, make_noise, name, rate, options):
    # A quiet stretch before a loud one makes an MP3 encoder fill its reservoir: what a bare seek gets wrong.
    wave = make_noise(12, rate) * np.repeat([0.01, 3.0, 0.1], 4 * rate)
    path = record(name, wave, rate, **options)
    whole = read_audio(path)
    for start, end in ((0.0, 1.0), (3.9, 4.5), (4.001, 4.2), (5.123, 9.876), (11.0, 12.0), (11.5, None)):
        part = read_audio(path, start, end)
        expected = whole[round(start * 16000) : None if end is None else round(end * 16000)]
        np.testing.assert_allclose(part, expected, atol=2e-5)


def test_blocks_of_an_mp3_are_the_whole_mp3(record, make_noise):
    path = record("a.mp3", make_noise(9, 22050), 22050)
    with open_recording(path) as r:
        np.testing.assert_allclose(
            np.concatenate(list(r.blocks_of_channels(0.7)))[:, 0], soundfile.read(path, dtype="float32")[0], atol=1e-6
        )


def test_a_long_recording_read_in_chunks_equals_one_read_in_one(record, make_noise, monkeypatch):
    path = record("long.wav", make_noise(5, 44100), 44100, subtype="FLOAT")
    whole = read_audio(path)
    monkeypatch.setattr("toolkit.data.audio.CHUNK_SECONDS", 1)
    np.testing.assert_allclose(read_audio(path), whole, atol=1e-6)


def test_channels_are_mixed_to_their_mean(record, make_noise):
    stereo = make_noise(1, channels=2)
    path = record("stereo.wav", stereo, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(path), stereo.mean(axis=1), atol=1e-6)
    assert audio_info(path).channels == 2


def test_a_short_part_of_a_three_hour_file_needs_little_memory_and_no_decoding_before_it(three_hours):
    path, marks = three_hours
    tracemalloc.start()
    part = read_audio(path, 10700.0, 10701.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(part, marks, atol=1e-6)
    assert peak < 4e6


@pytest.fixture
def three_hours(tmp_path):
    """A wav of three hours, silent but for one second: nearly all of it a hole in the file."""
    path = tmp_path / "ثلاث ساعات.wav"
    second = (np.random.default_rng(3).standard_normal(16000) * 3000).astype("<i2")
    soundfile.write(path, np.zeros(16, "int16"), 16000)
    head = path.read_bytes()[:44]
    size = 3 * 3600 * 16000 * 2
    with open(path, "wb") as f:
        f.write(head[:4] + (size + 36).to_bytes(4, "little") + head[8:40] + size.to_bytes(4, "little"))
        f.seek(44 + 10700 * 32000)
        f.write(second.tobytes())
        f.truncate(44 + size)
    return path, second / 32768


def test_a_name_that_lies_about_its_content_is_read_by_content(record, make_noise):
    true = record("a.mp3", make_noise(2))
    false = true.rename(true.with_name("مقطع.wav"))
    assert audio_info(false).kind == "MP3"
    assert len(read_audio(false)) == 32000


def test_a_name_that_is_not_utf8_is_read(record, make_noise):
    path = record("a.wav", make_noise(1))
    strange = os.fsencode(path.parent) + b"/\xe3\xd1.wav"
    os.rename(path, strange)
    assert len(read_audio(os.fsdecode(strange))) == 16000


def reason(call):
    with pytest.raises(AudioError) as e:
        call()
    assert e.value.where and e.value.remedy
    return e.value.reason


def test_every_bad_recording_is_refused_with_its_reason(record, make_noise, tmp_path):
    good = record("good.wav", make_noise(2))
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "half.wav").write_bytes(good.read_bytes()[:30000])
    (tmp_path / "text.wav").write_text("هذا ليس صوتا" * 50)
    flac, mp3 = record("a.flac", make_noise(2)), record("a.mp3", make_noise(20))
    (tmp_path / "half.flac").write_bytes(flac.read_bytes()[:20000])
    (tmp_path / "half.mp3").write_bytes(mp3.read_bytes()[: mp3.stat().st_size // 2])
    (tmp_path / "head.wav").write_bytes(good.read_bytes()[:44])
    bad = np.array(make_noise(1))
    bad[5000] = np.nan
    for value, name in ((np.nan, "nan.wav"), (np.inf, "inf.wav")):
        bad[5000] = value
        record(name, bad, subtype="FLOAT")
    for name, expected in {
        "nothing.wav": "missing",
        "nothing.ark:17": "missing",
        "empty.wav": "empty",
        "head.wav": "empty",
        "half.wav": "truncated",
        "half.flac": "truncated",
        "half.mp3": "truncated",
        "text.wav": "unreadable",
        "nan.wav": "non-finite",
        "inf.wav": "non-finite",
        ".": "unreadable",
    }.items():
        assert reason(lambda name=name: read_audio(tmp_path / name)) == expected, name


def test_what_is_there_of_a_truncated_recording_can_still_be_cut_out(record, make_noise, tmp_path):
    whole = record("whole.wav", make_noise(2))
    half = tmp_path / "half.wav"
    half.write_bytes(whole.read_bytes()[:40044])
    np.testing.assert_array_equal(read_audio(half, 0.25, 1.0), read_audio(whole, 0.25, 1.0))
    assert reason(lambda: read_audio(half, 0.5, 2.0)) == "truncated"


def test_an_unknown_length_in_the_header_is_no_truncation(record, make_noise):
    path = record("stream.wav", make_noise(1))
    data = bytearray(path.read_bytes())
    data[40:44] = b"\xff\xff\xff\xff"  # what ffmpeg and sox write to a pipe
    path.write_bytes(data)
    assert len(read_audio(path)) == 16000


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.5, 0.5, "bad segment"),
        (0.9, 0.2, "bad segment"),
        (-0.1, 1.0, "bad segment"),
        (math.nan, 1.0, "bad segment"),
        (0.0, 1.2, "past end"),
        (1.0, None, "past end"),
        (5.0, 6.0, "past end"),
    ],
)
def test_a_part_that_is_none_is_refused(record, make_noise, start, end, expected):
    path = record("a.wav", make_noise(1))
    assert reason(lambda: read_audio(path, start, end)) == expected


def test_an_end_rounded_past_the_recording_is_cut_to_it(record, make_noise):
    assert len(read_audio(record("a.wav", make_noise(1)), 0.0, 1.009)) == 16000


def test_a_pipe_is_run_only_where_it_is_allowed(record, make_noise):
    path = record("a.wav", make_noise(1))
    command = f"cat {path} |"
    assert reason(lambda: read_audio(command)) == "pipe"
    np.testing.assert_array_equal(read_audio(command, 0.5, 1.0, allow_pipes=True), read_audio(path, 0.5, 1.0))
    assert reason(lambda: read_audio("exit 3 |", allow_pipes=True)) == "unreadable"


def test_the_length_of_the_header_is_the_length_of_the_audio(record, make_noise):
    for name, rate in (("a.wav", 8000), ("a.flac", 44100), ("a.mp3", 22050), ("a.ogg", 48000)):
        info = audio_info(record(name, make_noise(3, rate), rate))
        assert (info.seconds, info.rate) == (3.0, rate)


def without_length_header(path):
    """The MP3 without its first frame, which tells the length."""
    data = path.read_bytes()
    assert b"Xing" in data[:64] or b"Info" in data[:64]
    return data[data.index(data[:2], 4) :]


def test_an_mp3_whose_length_would_be_guessed_wrong_is_read_whole(record, make_noise):
    quiet_then_loud = make_noise(20, 44100) * np.repeat([1e-4, 3.0], 10 * 44100)
    path = record("v.mp3", quiet_then_loud, 44100, bitrate_mode="VARIABLE", compression_level=0.5)
    path.write_bytes(without_length_header(path))
    assert abs(soundfile.info(path).duration - 20) > 1
    wave = read_audio(path)
    assert abs(len(wave) / 16000 - 20) < 0.1 and np.abs(wave[-16000:]).max() > 100 * np.abs(wave[:16000]).max()


def test_an_mp3_of_constant_bit_rate_needs_no_length_header(record, make_noise):
    path = record("c.mp3", make_noise(20, 44100), 44100, bitrate_mode="CONSTANT", compression_level=0.5)
    path.write_bytes(without_length_header(path))
    assert abs(len(read_audio(path)) / 16000 - 20) < 0.1


def test_seeking_in_an_mp3_says_nothing_on_standard_error(record, make_noise, capfd):
    path = record("a.mp3", make_noise(12, 22050) * np.repeat([0.01, 3.0], 6 * 22050), 22050)
    for start in range(11):
        read_audio(path, start, start + 0.5)
    assert capfd.readouterr().err == ""


def test_what_is_written_is_read_to_a_step_of_16_bits(make_noise, tmp_path):
    wave = make_noise(1).astype("f4")
    write_wav(tmp_path / "موجة.wav", wave)
    np.testing.assert_allclose(read_audio(tmp_path / "موجة.wav"), wave, atol=1.5 / 32768)


def test_damage_at_random_is_an_audio_error_or_finite_audio(record, make_noise):
    rng = np.random.default_rng(5)
    kinds = [("a.wav", {}), ("f.wav", {"subtype": "FLOAT"}), ("a.flac", {}), ("a.mp3", {}), ("a.ogg", {})]
    for name, options in kinds:
        path = record(name, make_noise(2), **options)
        data = path.read_bytes()
        for _ in range(15):
            bad = np.frombuffer(data, "u1").copy()
            bad[rng.integers(min(rng.choice([100, len(bad)]), len(bad)), size=5)] = rng.integers(256, size=5)
            path.write_bytes(bad[: rng.integers(1, len(bad)) if rng.integers(3) == 0 else None].tobytes())
            try:
                assert np.isfinite(read_audio(path)).all()
            except AudioError as e:
                assert e.reason and e.where


def test_standard_error_stays_open_while_threads_read_ahead(tmp_path):
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np, soundfile
from toolkit.data.audio import read_audio
for kind in ("wav", "mp3"):
    soundfile.write(f"a.{kind}", np.zeros(32000, dtype=np.float32), 16000)
with ThreadPoolExecutor(8) as pool:
    list(pool.map(read_audio, ["a.wav", "a.mp3"] * 300))
print("heard", file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()}, capture_output=True
    )
    assert done.stderr == b"heard\n"
