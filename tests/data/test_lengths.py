"""The length of a recording is what decodes: wrong headers, several streams in one file, files cut short."""

import gzip
import io
import os
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from length_checks import check_length, check_refused
from odd_audio import (
    APE,
    COVER,
    TAG,
    chunk,
    encoded,
    flac_total,
    frames,
    joint,
    levels,
    pages,
    patched,
    tone,
    truncated,
    wav_with_sizes,
    wave,
)

from toolkit.data.audio import AudioError, audio_info, open_recording, read_audio
from toolkit.data.check import check_audio
from toolkit.data.decoded import Asked, decode
from toolkit.data.formats import flac, wav
from toolkit.data.formats.looks import look
from toolkit.data.formats.streams import JOINED, SEVERAL, Stitched
from toolkit.data.judge import Limits

KINDS = ("mp3", "opus", "vorbis", "flac", "wav")
MP3 = tone("mp3", 10)
WAV = tone("wav", 4)
ID3V1 = b"TAG" + b"title".ljust(125, b"\0")


@pytest.mark.parametrize("kind", KINDS)
def test_two_files_in_one_are_read_one_after_another(write, kind):
    path = write(joint(tone(kind, 3), tone(kind, 5, 600)))
    check_length(path, 8.0, [440.0] * 3 + [600.0] * 5, [JOINED])


@pytest.mark.parametrize("kind", KINDS)
def test_two_files_of_other_rates_or_channels_in_one_are_refused(write, kind):
    for second in (tone(kind, 5, 600, 48000), encoded(kind, wave(5, 600, channels=2))):
        check_refused(write(joint(tone(kind, 3), second)), SEVERAL)


def test_three_files_in_one_of_which_two_are_as_long(write):
    path = write(tone("flac", 2) + tone("flac", 2, 600) + tone("flac", 1, 700))
    check_length(path, 5.0, [440.0] * 2 + [600.0] * 2 + [700.0], [JOINED])
    check_length(write(tone("flac", 5) + tone("flac", 5, 600)), 10.0, [440.0] * 5 + [600.0] * 5, [JOINED])
    check_length(write(tone("opus", 2) * 2), 4.0, [440.0] * 4, [JOINED])  # one serial number twice


def test_two_files_in_one_through_a_pipe(write):
    path = write(joint(tone("mp3", 3), tone("mp3", 5, 600)))
    assert levels(read_audio(f"cat {path} |", allow_pipes=True), 1.0) == [440.0] * 3 + [600.0] * 5
    with pytest.raises(AudioError) as e:
        read_audio(f"head -c 20000 {path} |", 0.5, allow_pipes=True)
    assert e.value.reason == "truncated"


@pytest.mark.parametrize("kind", ["wav", "aiff", "au", "flac", "opus", "vorbis"])
def test_tags_before_any_format_are_no_audio(write, kind):
    for tags in (TAG, COVER, TAG + APE):
        check_length(write(tags + tone(kind, 4)), 4.0, [440.0] * 4)
    check_refused(write(COVER + truncated(tone(kind, 10))), "truncated")
    if kind == "wav":
        check_length(write(COVER + wav_with_sizes(WAV, 0xFFFFFFFF)), 4.0, [440.0] * 4, [wav.STREAMED])


@pytest.mark.parametrize("kind", ["PCM_16", "PCM_24", "PCM_U8", "FLOAT", "ULAW", "IMA_ADPCM", "MS_ADPCM"])
def test_a_wav_whose_size_has_wrapped_is_read_to_its_end(write, kind):
    whole = tone("wav", 4, subtype=kind)
    size = struct.unpack("<I", whole[whole.index(b"data") + 4 :][:4])[0]
    path = write(wav_with_sizes(whole, size // 4))
    check_length(path, audio_info(write(whole, "right")).seconds, [440.0] * 4, [wav.WRAPPED])
    np.testing.assert_array_equal(read_audio(path), read_audio(write(whole, "right")))


def test_32000_bytes_of_128000_are_the_size_that_the_header_tells(write):
    assert len(WAV) == 44 + 128000
    check_length(write(wav_with_sizes(WAV, 32000)), 4.0, [440.0] * 4, [wav.WRAPPED])


@pytest.mark.parametrize("behind", [b"<html><body>" + b"<p>error</p>" * 300, bytes(16000), b"\xff\x7f" * 9000])
@pytest.mark.parametrize("listed", [b"", chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 5) + b"abcde\0")])
def test_bytes_behind_a_wav_whose_sizes_agree_are_no_audio(write, behind, listed):
    for samples in (63999, 64000):
        data = encoded("wav", wave(4)[:samples], subtype="PCM_U8") + listed
        data = wav_with_sizes(data, samples, len(data) - 8)
        path = write(data + behind)
        check_length(path, samples / 16000, [440.0] * (samples // 16000), [wav.BEHIND])
        np.testing.assert_array_equal(read_audio(path), read_audio(write(data, "right")))


SIZES = [0, 2 * 10**9, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFF000, 0x7FFFFFFF - 36, 0x80000000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("riff", [None, 0, 0xFFFFFFFF])
def test_a_wav_that_was_written_as_a_stream_is_read_to_its_end(write, size, riff):
    check_length(write(wav_with_sizes(WAV, size, riff)), 4.0, [440.0] * 4, [wav.STREAMED])


@pytest.mark.parametrize("size", [128002, 128036, 200000, 10**9, 0xF0000000])
def test_any_other_excess_is_a_truncation(write, size):
    check_refused(write(wav_with_sizes(WAV, size)), "truncated", "the header promises")


def test_chunks_behind_the_audio_are_no_audio(write):
    listed = chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 5) + b"abcde")
    for behind in (listed, chunk(b"xyzw", bytes(300)) + listed, listed[:-7], TAG, ID3V1, listed + ID3V1, bytes(3)):
        check_length(write(WAV + behind), 4.0, [440.0] * 4)
    fact = WAV[:36] + chunk(b"fact", struct.pack("<I", 64000)) + WAV[36:]
    check_length(write(fact), 4.0, [440.0] * 4)
    check_length(write(wav_with_sizes(fact, 32000)), 4.0, [440.0] * 4, [wav.WRAPPED])
    odd = encoded("wav", wave(4)[:63999], subtype="PCM_U8")
    for unpadded in (0, 1):
        data = odd[: 44 + 63999] + bytes(1 - unpadded) + listed
        check_length(write(data), 63999 / 16000, [440.0] * 3, within=1 / 16000)
        for last in (chunk(b"id3 ", bytes(32)), chunk(b"xyzw", bytes(32))):  # also of a size that is a letter
            note = b"LIST" + struct.pack("<I", 17) + b"INFOIART" + struct.pack("<I", 5) + b"abcde"
            check_length(write(WAV + note + bytes(1 - unpadded) + last), 4.0, [440.0] * 4)


def test_other_audio_behind_the_audio_is_refused(write):
    check_refused(write(WAV + chunk(b"data", WAV[44:])), SEVERAL)
    others = (tone("mp3", 3), tone("flac", 3), tone("opus", 3))
    for first in (WAV, tone("mp3", 3), tone("vorbis", 3)):
        for second in others:
            if first[:3] != second[:3]:
                check_refused(write(first + second), SEVERAL)


def test_big_endian_extensible_and_64_bit_headers_are_mended_too(write):
    big, wide, long = tone("wav", 4, endian="BIG"), tone("wavex", 4), tone("rf64", 4)
    for data in (big, wide):
        check_length(write(data), 4.0, [440.0] * 4)
        check_length(write(wav_with_sizes(data, 32000)), 4.0, [440.0] * 4, [wav.WRAPPED])
        check_length(write(wav_with_sizes(data, 0)), 4.0, [440.0] * 4, [wav.STREAMED])
    ds64 = long.index(b"ds64")
    for data in (long, b"BW64" + long[4:]):
        check_length(write(data), 4.0, [440.0] * 4)
        check_length(write(patched(data, ds64 + 16, struct.pack("<Q", 32000))), 4.0, [440.0] * 4, [wav.WRAPPED])
        for unknown in (bytes(16), b"\xff" * 16):
            check_length(write(patched(data, ds64 + 8, unknown)), 4.0, [440.0] * 4, [wav.STREAMED])
        check_refused(write(truncated(data)), "truncated")


@pytest.mark.parametrize("rf64", [False, True])
def test_a_wav_of_five_gibibytes_is_as_long_as_it_is(tmp_path, rf64):
    """Its size does not fit into 4 bytes: it has wrapped, or is in a header of 64 bits. Nearly all of it is a hole."""
    size, second = 5 << 30, (10000 * np.sin(np.arange(16000))).astype("<i2")
    head = (tone("rf64", 1) if rf64 else WAV)[: 104 if rf64 else 44]
    head = patched(head, 28, struct.pack("<Q", size)) if rf64 else wav_with_sizes(head, size & 0xFFFFFFFF)
    path = tmp_path / "طويل.wav"
    with open(path, "wb") as f:
        f.write(head)
        f.seek(len(head) + size - 64000)
        f.write(second.tobytes())
        f.truncate(len(head) + size)
    info = audio_info(path)
    assert info.seconds == size / 32000 and info.notes == (() if rf64 else (wav.WRAPPED,))
    np.testing.assert_array_equal(read_audio(path, size / 32000 - 2, size / 32000 - 1), second / np.float32(32768))


def test_a_rate_that_nobody_records_at_is_refused_by_all_who_open_a_recording(write):
    """Of 4 s of audio a header of 1 Hz makes 18 hours."""
    for rate in (1, 3999):
        path = write(patched(WAV, 24, struct.pack("<I", rate)))
        check_refused(path, "rate", f"{rate} samples a second")
        verdict = decode(Asked(str(path), "", ()))
        assert (verdict.seconds, verdict.reason) == (None, "rate")
    assert audio_info(write(patched(WAV, 24, struct.pack("<I", 4000)))).seconds == 16.0
    with pytest.raises(ValueError, match="min_rate: 100: 4000 or more"):
        Limits(min_rate=100)


@pytest.mark.parametrize("kind", [*KINDS, "aiff", "au", "w64", "nist", "rf64"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.97])
def test_a_file_that_is_cut_is_truncated_before_anybody_reads_it(write, kind, share):
    check_refused(write(truncated(tone(kind, 10), share)), "truncated")
    info = audio_info(write(truncated(tone(kind, 10), share)), whole=False)
    assert abs(info.seconds - 10 * share) < 2 and info.lacks  # a page of Ogg may hold more than a second


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_file_before_or_behind_a_whole_one_is_truncated(write, kind):
    a, b = tone(kind, 3), tone(kind, 5, 600)
    check_refused(write(joint(a, truncated(b))), "truncated")
    if kind != "wav":  # the size in its header reaches into the second file: no header tells where that begins
        check_refused(write(joint(truncated(a, 0.7), b)), "truncated")


def test_the_last_bytes_of_a_flac_are_missed(write):
    for lost in (1, 5, 300):
        check_refused(write(tone("flac", 5)[:-lost]), "truncated")


def test_flac_with_a_wrong_number_of_samples_in_its_header(write):
    whole = tone("flac", 5)
    check_length(write(flac_total(whole, 0)), 5.0, [440.0] * 5, [flac.STREAMED])
    for few in (20, 40000):
        check_length(write(flac_total(whole, few)), 5.0, [440.0] * 5, [flac.TOO_FEW])
    check_refused(write(flac_total(whole, 160000)), "truncated", "promises 10.00 s, 5.00 s are there")
    for behind in (bytes(5000), bytes(100000), ID3V1):
        check_length(write(whole + behind), 5.0, [440.0] * 5)
    check_length(write(TAG + whole), 5.0, [440.0] * 5)
    both = joint(flac_total(whole, 0), flac_total(tone("flac", 3, 600), 0))
    check_length(write(both), 8.0, [440.0] * 5 + [600.0] * 3, [flac.STREAMED, JOINED])


def test_a_flac_whose_header_tells_no_length_promises_none(write):
    check_refused(write(flac_total(tone("flac", 5), 0)[:-300]), "truncated", "no header tells its length")
    both = joint(flac_total(tone("flac", 5), 0), flac_total(tone("flac", 3, 600), 0)[:-300])
    check_refused(write(both), "truncated", "no header tells its length")


@pytest.mark.parametrize(
    ("data", "words", "remedy"),
    [
        (b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom" + bytes(900), "an M4A or MP4, which", "convert"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01" + bytes(900), "a Matroska or WebM, which", "convert"),
        (b"\xff\xf1\x50\x80\x02\x1f\xfc" + b"\x21" * 900, "an AAC, which", "convert"),
        (TAG + b"\xff\xf1\x50\x80\x02\x1f\xfc" + b"\x21" * 900, "an AAC, which", "convert"),
        ("\n<!DOCTYPE html><html>غير موجود</html>".encode(), "a page of HTML, no audio", "fetch"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n", "a Git LFS pointer", "git lfs pull"),
        (gzip.compress(WAV), "a gzip, no audio", "unpack"),
        (bytes(50000), "zeros, no audio", "fetch"),
        ("نص".encode() * 100, "not audio: no format that libsndfile knows", "convert"),
    ],
)
def test_what_is_no_recording_is_called_what_it_is(write, data, words, remedy):
    path = write(data)
    check_refused(path, "unreadable", words)
    for call in (lambda: audio_info(path), lambda: audio_info(f"cat '{path}' |", allow_pipes=True)):
        with pytest.raises(AudioError) as e:
            call()
        assert words in e.value.what and remedy in e.value.remedy


def test_a_command_that_fails_tells_its_output_or_how_much_it_was(write):
    path = write(WAV)
    for command, words in (
        (f"cat {path}; exit 3 |", "(code 3): 128,044 bytes of output, and no word of why"),
        ("exit 3 |", "(code 3): no output"),
        (f"cat {path}; echo لا يوجد >&2; exit 3 |", "(code 3): لا يوجد"),
    ):
        with pytest.raises(AudioError) as e:
            audio_info(command, allow_pipes=True)
        assert e.value.what == f"the command failed {words}"


@pytest.mark.parametrize("kind", ["vorbis", "opus"])
def test_ogg_without_all_its_pages_is_refused(write, kind):
    whole = tone(kind, 5)
    places = pages(whole)
    for cut in (places[-1], places[-1] + 40, places[-2]):
        check_refused(write(whole[:cut]), "truncated", "last page")
    missing = whole[: places[3]] + whole[places[4] :]
    for data in (missing, patched(whole, places[4] + 500, b"\x55\xaa\x55"), patched(whole, places[-1] + 100, b"\x55")):
        check_refused(write(data), "truncated", "missing or damaged")
        assert audio_info(write(data), whole=False).seconds < 5
    for junk in (whole + bytes(5000), whole[: places[4]] + bytes(3000) + whole[places[4] :]):
        check_length(write(junk), 5.0, [440.0] * 5)


PITCHES = [300.0 + 50 * k for k in range(10)]  # Hz, of each second


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", ["flac", "vorbis", "opus"])
def test_of_a_recording_that_is_damaged_inside_each_part_is_right_or_refused(write, kind, streamed):
    """From a file and from memory, after a part that does not decode as before it."""
    whole = encoded(kind, np.concatenate([wave(1, pitch) for pitch in PITCHES]))
    half, last = len(whole) // 2, len(whole) - 200
    for data, good in (
        (patched(whole, half, bytes([whole[half] ^ 8])), 3),
        (whole[:half] + whole[half + 3000 :], 3),
        (patched(whole, last, bytes([whole[last] ^ 8])), 8),
    ):
        path = write(flac_total(data, 0) if kind == "flac" and streamed else data)
        with open_recording(f"cat {path} |" if streamed else path, allow_pipes=True) as r:
            pitches = [_heard(r, k) for k in range(10)]
        assert pitches[:good] == PITCHES[:good]
        assert all(pitch in (PITCHES[k], "truncated") for k, pitch in enumerate(pitches))
        assert kind != "flac" or pitches.count("truncated") <= 2  # its frames tell their places


def _heard(r, k: int) -> float | str:
    """What sounds in second k, or the reason why it is not read."""
    try:
        return levels(r.part(k + 0.1, k + 0.9), 0.8)[0]
    except AudioError as e:
        return e.reason


def test_a_stream_behind_a_cut_one_is_not_at_its_place(write):
    cut = truncated(tone("mp3", 4, 600))
    with open_recording(write(cut + tone("mp3", 3))) as r:
        assert "damaged at" in r.lacks and _heard(r, 0) == 600.0 and _heard(r, 3) == "truncated"


def test_damage_without_any_sound_before_it_is_no_empty_file(write):
    whole = tone("flac", 3)
    check_refused(write(whole[:42] + whole[42:].replace(b"\n", b"\r\n")), "truncated", "nothing of it decodes")


@pytest.mark.parametrize("kind", ["aiff", "au", "caf", "w64", "nist"])
def test_bytes_behind_the_size_that_a_header_gives_are_not_passed_over(write, kind):
    whole = tone(kind, 4)
    check_length(write(whole), 4.0, [440.0] * 4)
    check_refused(write(joint(whole, whole)), "unreadable", "bytes behind them")
    at = {"aiff": (whole.index(b"SSND") + 4 if kind == "aiff" else 0, ">I"), "au": (8, ">I")}
    if kind in at:
        check_refused(write(patched(whole, at[kind][0], struct.pack(at[kind][1], 32000))), "unreadable")


def test_a_codec_that_cannot_be_read_in_parts_is_refused(write):
    check_refused(
        write(tone("wav", 2, subtype="GSM610")),
        "unreadable",
        "GSM610, of which no parts can be read: it must be converted",
    )


@pytest.mark.parametrize("rate", [16000, 44100])
def test_parts_of_vorbis_whose_blocks_change_are_slices(write, rate):
    """Bursts: an encoder takes short blocks where they begin. libsndfile's own seeking misses there."""
    n = 12 * rate
    rng = np.random.default_rng(2)
    gate = np.repeat(rng.random(12 * 20) > 0.5, rate // 20)
    sound = gate * (0.2 * np.sign(np.sin(2 * np.pi * 120 * np.arange(n) / rate)) + 0.02 * rng.standard_normal(n))
    path = write(encoded("vorbis", sound, rate))
    with open_recording(path) as r:
        whole = r.read(0, r.frames)
        for first in range(0, n - rate // 4, rate // 7):
            np.testing.assert_array_equal(r.read(first, first + rate // 4), whole[first : first + rate // 4])


def test_damaged_headers_are_refused_and_never_break_the_look(write):
    sphere = tone("nist", 1)
    caf = tone("caf", 1)
    for data in (
        tone("flac", 1)[:60],  # it ends inside the metadata
        patched(sphere, 8, b"   \xff\xf6\n"),
        patched(sphere, sphere.index(b"sample_count"), b"\0"),
        patched(caf, caf.index(b"free") + 4, struct.pack(">q", -5000)),
        patched(tone("w64", 1), 56, struct.pack("<Q", 3)),
        patched(WAV, 16, struct.pack("<I", 0xFFFFFFF0)),
        MP3[: frames(MP3)[2]],
    ):
        verdict = check_audio(write(data))
        try:
            assert len(read_audio(write(data))) == round(verdict.seconds * 16000)
        except AudioError as e:
            assert e.reason == verdict.reason


class Counting(io.BytesIO):
    """Bytes that count how many of them are read."""

    taken = 0

    def read(self, size=-1):
        data = super().read(size)
        self.taken += len(data)
        return data


def test_a_file_of_macos_beside_an_mp3_does_not_matter(write):
    """libsndfile would open `._clip.mp3` as a resource fork; and `._` where it is given no name."""
    write(bytes(200), "._clip.mp3")
    check_length(write(MP3, "clip.mp3"), 10.0, [440.0] * 10)


def test_a_look_at_a_right_file_reads_little_of_it():
    for kind, most in (("wav", 300), ("rf64", 300), ("flac", 400_000), ("aiff", 2000)):
        data = encoded(kind, np.random.default_rng(1).uniform(-0.5, 0.5, 120 * 16000))
        file = Counting(data)
        assert look(file, len(data))[0].plain(len(data)) and file.taken < most < len(data) / 5


def test_a_look_is_had_again_when_the_file_changes(write):
    path = write(tone("flac", 5))
    assert audio_info(path).seconds == 5.0
    path.write_bytes(joint(tone("flac", 5), tone("flac", 3)))
    os.utime(path, ns=(1, 1))
    assert audio_info(path).seconds == 8.0


@settings(max_examples=100, deadline=None)
@given(
    file=st.binary(max_size=40),
    cuts=st.lists(st.one_of(st.binary(max_size=9), st.tuples(st.integers(0, 40), st.integers(0, 40))), max_size=5),
    steps=st.lists(st.tuples(st.integers(-60, 60), st.integers(0, 2), st.integers(0, 50)), max_size=8),
)
def test_stitched_bytes_are_a_file_of_them(file, cuts, steps):
    parts = [c if isinstance(c, bytes) else (min(*c, len(file)), min(max(c), len(file))) for c in cuts]
    right = io.BytesIO(b"".join(p if isinstance(p, bytes) else file[p[0] : p[1]] for p in parts))
    stitched = Stitched(io.BytesIO(file), parts)
    for offset, whence, count in steps:
        base = (0, right.tell(), len(right.getvalue()))[whence]
        assert stitched.seek(offset, whence) == right.seek(max(0, base + offset))
        assert stitched.read(count) == right.read(count) and stitched.tell() == right.tell()
