"""The length of an MP3 is that of its frames, whatever its header, its tags and the bytes around it say."""

import math
import struct

import numpy as np
import pytest
from length_checks import check_length, check_refused
from odd_audio import (
    APE,
    COVER,
    TAG,
    encoded,
    frames,
    free_format,
    in_riff,
    joint,
    levels,
    patched,
    tone,
    truncated,
    vbri_frames,
    wave,
    without_header,
    xing_frames,
)

from toolkit.data.audio import AudioError, audio_info, read_audio
from toolkit.data.check import check_audio
from toolkit.data.formats import mp3
from toolkit.data.formats.streams import JOINED, SEVERAL

MP3 = tone("mp3", 10)
ID3V1 = b"TAG" + b"title".ljust(125, b"\0")


@pytest.mark.parametrize("count", [0, 20, 250])
def test_an_mp3_whose_header_counts_too_few_frames_is_as_long_as_its_frames(write, count):
    assert len(frames(MP3)) == 281
    check_length(write(xing_frames(MP3, count)), 10.0, [440.0] * 10, [mp3.TOO_FEW])
    check_length(write(TAG + xing_frames(MP3, count) + APE + ID3V1), 10.0, [440.0] * 10, [mp3.TOO_FEW])


def test_an_mp3_with_a_cover_is_read_and_refused_as_one_without(write):
    """100 kB stand before its frames, which libsndfile does not read behind the empty tag that it is given."""
    assert len(COVER) == 10 + (6 << 14 | 13 << 7 | 32) and len(COVER) > 100000
    check_length(write(COVER + MP3), 10.0, [440.0] * 10)
    check_length(write(COVER + TAG + APE + MP3), 10.0, [440.0] * 10)
    check_length(write(COVER + xing_frames(MP3, 20)), 10.0, [440.0] * 10, [mp3.TOO_FEW])
    path = write(COVER + joint(tone("mp3", 3), COVER + tone("mp3", 5, 600)))
    check_length(path, 8.0, [440.0] * 3 + [600.0] * 5, [JOINED])
    assert len(read_audio(f"cat {path} |", allow_pipes=True)) == 128000
    check_refused(write(COVER + truncated(MP3, 2 / 3)), "truncated", "promises 10.0")


@pytest.mark.parametrize("off", [-2, -1, 1, 2])
def test_a_header_that_is_off_by_what_encoders_disagree_on_is_right(write, off):
    path = write(xing_frames(MP3, 280 + off))
    assert abs(audio_info(path).seconds - 10) <= 2 * 576 / 16000 and check_audio(path).reason == ""
    assert abs(len(read_audio(path)) / 16000 - 10) <= 2 * 576 / 16000


def test_the_header_of_fraunhofer_counts_as_well(write):
    """The encoder's delay of 1105 samples stays in: no header tells it."""
    for count, notes in ((0, [mp3.TOO_FEW]), (20, [mp3.TOO_FEW]), (280, [])):
        check_length(write(vbri_frames(MP3, count)), 280 * 576 / 16000, [440.0] * 10, notes, within=0.07)
    check_refused(write(vbri_frames(MP3, 600)), "truncated")


def test_mp3_without_a_header_is_as_long_as_its_frames(write):
    constant = tone("mp3", 10, bitrate_mode="CONSTANT", compression_level=0.5)
    long_tag = b"APETAGEX" + struct.pack("<IIII", 2000, 60032, 1, 0xA0000000) + bytes(60040)
    no_count = patched(MP3, MP3.index(b"Xing") + 4, struct.pack(">I", 14))
    for data in (without_header(MP3), constant, constant + long_tag, no_count, free_format(constant)):
        check_length(write(data), 10.05, [440.0] * 10, within=0.06)


def test_tags_between_frames_are_no_end(write):
    middle = frames(MP3)[140]
    for tag in (TAG, APE):
        check_length(write(MP3[:middle] + tag + MP3[middle:]), 10.0, [440.0] * 10)
    for between in (APE + ID3V1, TAG, ID3V1 + TAG):
        path = write(TAG + tone("mp3", 3) + between + tone("mp3", 5, 600) + ID3V1)
        check_length(path, 8.0, [440.0] * 3 + [600.0] * 5, [JOINED])
    path = write(joint(tone("mp3", 3), without_header(tone("mp3", 5, 600))))
    check_length(path, 8.05, [440.0] * 3 + [600.0] * 5, [mp3.TOO_FEW], within=0.06)


HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n"


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize("before", [HTTP, b"\n", bytes(3000), APE, TAG + bytes(500)])
def test_an_mp3_behind_something_else_is_as_long_as_its_frames(write, capfd, mode, before):
    """libsndfile guesses its length by the bit rate of a first frame; the encoder's delay of 1105 samples stays in."""
    whole = tone("mp3", 6, bitrate_mode=mode, compression_level=0.5)
    bare = without_header(whole)
    seconds = len(frames(bare)) * 576 / 16000
    check_length(write(before + bare), seconds, [440.0] * 6, within=0.04)
    check_length(write(before + whole), 6.0, [440.0] * 6, within=0.04)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_an_mp3_that_is_cut_out_of_a_stream_begins_with_its_first_whole_frame(write, mode):
    bare = without_header(tone("mp3", 6, bitrate_mode=mode, compression_level=0.5))
    seconds = (len(frames(bare)) - 1) * 576 / 16000
    check_length(write(bare[50:]), seconds, [440.0] * 6, within=0.04)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_an_mp3_in_a_wav_is_as_long_as_its_frames(write, capfd, mode):
    whole = tone("mp3", 6, bitrate_mode=mode, compression_level=0.5)
    for data in (whole, without_header(whole)):
        check_length(write(in_riff(data)), 6.05, [440.0] * 6, within=0.06)
    check_refused(write(truncated(in_riff(without_header(whole)))), "truncated", "promises")
    assert capfd.readouterr().err == ""


def test_mp3_that_changes_its_rate_or_is_damaged_inside_is_refused(write):
    bare = without_header(tone("mp3", 3))
    check_refused(write(bare + without_header(tone("mp3", 3, rate=22050))), SEVERAL, "16000 Hz mono")
    check_refused(write(bare + without_header(encoded("mp3", wave(3, channels=2)))), SEVERAL, "stereo")
    middle = frames(MP3)[140]
    check_refused(write(MP3[:middle] + bytes(4096) + MP3[middle + 4096 :]), "truncated")
    check_refused(write(MP3[:middle] + bytes(4096) + MP3[middle:]), "truncated")


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_an_mp3_that_no_header_counts_is_told_to_be_damaged(write, mode):
    bare = without_header(tone("mp3", 10, bitrate_mode=mode, compression_level=0.5))
    half = frames(bare)[140]
    assert audio_info(write(bare)).notes == ()
    for data in (
        bare[: half + 100] + bytes(400) + bare[half + 500 :],
        bare[: half + 100] + bare[half + 2100 :],
        bare[:half] + bytes(8192) + bare[half + 8192 :],  # where libsndfile stops
    ):
        check_refused(write(data), "truncated", "damaged at ")
    zeros = audio_info(write(bare[:half] + bytes(len(bare) - half)))  # a download whose place was taken beforehand
    assert zeros.notes == (mp3.BEHIND,) and abs(zeros.seconds - 140 * 576 / 16000) < 0.08
    assert audio_info(write(bare[: half + 100])).notes == (mp3.ENDS_INSIDE,)
    assert audio_info(write(bare + ID3V1)).notes == audio_info(write(bare + APE)).notes == ()


PITCHES = [300.0 + 50 * k for k in range(20)]  # Hz, of each second


def heard(path, k: int) -> float:
    """What sounds in the middle of second k; NaN if it is not read."""
    try:
        (pitch,) = levels(read_audio(path, k + 0.1, k + 0.9), 0.8)
        return pitch
    except AudioError as e:
        assert e.reason == "truncated"
        return math.nan


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_an_mp3_that_lost_bytes_in_its_middle_is_read_up_to_there(write, mode, counted):
    """What follows sounds earlier than it did: no segment of it is read, and all before it are."""
    sound = np.concatenate([wave(1, pitch) for pitch in PITCHES])
    whole = encoded("mp3", sound, bitrate_mode=mode, compression_level=0.5)
    data = whole if counted else without_header(whole)
    assert [heard(write(data), k) for k in range(20)] == PITCHES
    places = frames(data)
    for frame, lost in ((300, 3000), (300, places[330] - places[300] + 50)):
        path = write(data[: places[frame] + 50] + data[places[frame] + 50 + lost :])
        lacks = audio_info(path, whole=False).lacks
        assert lacks.startswith("damaged at ") and abs(float(lacks.split()[2]) - 300 * 576 / 16000) < 0.2
        assert [heard(path, k) for k in range(10)] == PITCHES[:10]
        assert np.isnan([heard(path, k) for k in range(10, 20)]).all()
    hole = places[330] - places[300]
    assert [heard(write(patched(data, places[300], bytes(hole))), k) for k in range(10)] == PITCHES[:10]
    if counted:  # the same to a frame: no place is known, so nothing of it is read
        path = write(data[: places[300]] + data[places[330] :])
        assert "of no known place" in audio_info(path, whole=False).lacks
        assert np.isnan([heard(path, k) for k in range(20)]).all()
        path = write(data[: places[300] + 50])  # the end alone is missing
        assert [heard(path, k) for k in range(10)] == PITCHES[:10] and np.isnan(heard(path, 11))


@pytest.mark.parametrize(
    ("kind", "version", "kbit", "rate", "padding", "size"),
    [  # 144 (layer II, III), 72 (layer III of MPEG-2) or 12 (layer I, slots of 4 bytes) times bit rate over rate
        (3, 3, 9, 0, 1, 418),  # 144 * 128000 / 44100 = 417.96
        (3, 2, 8, 0, 0, 208),  # 72 * 64000 / 22050 = 208.98
        (2, 3, 8, 1, 0, 384),  # 144 * 128000 / 48000
        (1, 3, 12, 0, 1, 420),  # 12 * 384000 / 44100 = 104.49, one slot more
        (3, 0, 8, 2, 0, 576),  # MPEG-2.5: 72 * 64000 / 8000
    ],
)
def test_the_size_of_a_frame_follows_from_its_header(kind, version, kbit, rate, padding, size):
    head = bytes((0xFF, 0xE1 | version << 3 | (4 - kind) << 1, kbit << 4 | rate << 2 | padding << 1, 0xC0))
    assert mp3.frame(head).size == size and mp3.frame(head).mono
