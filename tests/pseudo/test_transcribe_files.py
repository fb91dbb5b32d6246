"""The command line for any audio files: texts, subtitles, JSON; and what is wrong is said."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from odd_audio import joint, tone, truncated, wav_with_sizes
from odd_channels import pitch, tones, write

from toolkit.core.errors import UserError
from toolkit.models.vocabulary import Vocabulary
from toolkit.pseudo.decoded import Decoded, Language
from toolkit.pseudo.torch_backend import TorchBackend
from toolkit.pseudo.transcribe_files import as_json, as_srt, as_text, as_vtt, command, outputs
from toolkit.score.hypotheses import Hypothesis, HypothesisSegment

from .recordings import RATE, noise

A, B = "إن شاءَ الله، كيف حالك؟", "سنة ١٩٩٩ أو 1999"
HYPOTHESIS = Hypothesis(
    "a.wav", f"{A} {B}", 3725.5, "ar", segments=(HypothesisSegment(0.0, 2.5, A), HypothesisSegment(3661.04, 3725.5, B))
)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("واحد.wav", "two.flac", "three.wav")]
    for n, path in enumerate(paths):
        soundfile.write(path, noise(1.0 + n, n), RATE)
    return paths


@pytest.fixture
def scribe(monkeypatch: pytest.MonkeyPatch, whisper: Path) -> None:
    """A back-end that closes a segment of Arabic every second."""
    vocabulary = Vocabulary.read(whisper)

    def decode(self, waves, prompt, *, timestamps: bool, **names) -> list[Decoded]:
        decoded = []
        for wave in waves:
            tokens: list[int] = []
            for second in range(len(wave) // RATE):
                times = [vocabulary.timestamp(second + 0.1), vocabulary.timestamp(second + 1)]
                words = vocabulary.encode(f"{A} {second}")
                tokens += [times[0], *words, times[1]] if timestamps else words
            decoded.append(Decoded(tuple(tokens), -1.0, 1.0, 0.0, True))
        return decoded

    monkeypatch.setattr(TorchBackend, "decode", decode)


def test_a_text_has_a_line_for_each_segment() -> None:
    assert as_text(HYPOTHESIS) == f"{A}\n{B}\n"
    assert as_text(Hypothesis("a", "", 1.0, "ar")) == "\n"


def test_subrip_is_as_subrip_is_written() -> None:
    assert as_srt(HYPOTHESIS) == (
        f"1\n00:00:00,000 --> 00:00:02,500\n{A}\n\n2\n01:01:01,040 --> 01:02:05,500\n{B}\n"
    )  # fmt: skip
    assert as_srt(Hypothesis("a", "", 1.0, "ar")) == ""


def test_webvtt_is_as_webvtt_is_written() -> None:
    wanted = f"WEBVTT\n\n00:00:00.000 --> 00:00:02.500\n{A}\n\n01:01:01.040 --> 01:02:05.500\n{B}\n"
    assert as_vtt(HYPOTHESIS) == wanted
    assert as_vtt(Hypothesis("a", "", 1.0, "ar")) == "WEBVTT\n\n"


def test_what_a_subtitle_may_not_hold_is_not_in_it() -> None:
    """WebVTT: a text has no arrow, & and < are escaped; a cue ends after it begins."""
    odd = Hypothesis(
        "a", "", 9.0, "ar", segments=(HypothesisSegment(8.99, 8.99, "a --> <b> & c"), HypothesisSegment(9.0, 9.0, "d"))
    )
    assert as_vtt(odd) == (
        "WEBVTT\n\n00:00:08.990 --> 00:00:09.010\na → &lt;b&gt; &amp; c\n\n00:00:09.000 --> 00:00:09.020\nd\n"
    )
    assert "a → <b> & c" in as_srt(odd)


def test_json_has_all_that_is_known() -> None:
    text = as_json(replace(HYPOTHESIS, silence=((2.5, 3661.0),)), -80.0)
    row = json.loads(text)
    assert A in text and row.pop("silent_dbfs") == -80.0 and row["silence"] == [[2.5, 3661.0]]
    assert Hypothesis.from_json(row) == replace(HYPOTHESIS, silence=((2.5, 3661.0),))
    assert json.loads(as_json(HYPOTHESIS, -80.0))["silence"] == []


TIME = r"(\d\d):([0-5]\d):([0-5]\d)[.,](\d{3})"


def cues(text: str) -> list[tuple[float, float]]:
    times = re.findall(f"^{TIME} --> {TIME}$", text, re.M)
    numbers = [[int(part) for part in row] for row in times]
    return [tuple(h * 3600 + m * 60 + s + ms / 1000 for h, m, s, ms in (r[:4], r[4:])) for r in numbers]


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_times_of_subtitles_increase_and_arabic_is_intact(
    kind: str, whisper: Path, scribe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "طويل.wav", noise(75, 1), RATE)
    assert command([str(whisper), str(tmp_path / "طويل.wav"), "--format", kind, "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / f"out/طويل.{kind}").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() == str(tmp_path / f"out/طويل.{kind}")
    times = [time for cue in cues(text) for time in cue]
    assert len(times) == 150 and times == sorted(times) and all(a < b for a, b in cues(text))
    assert text.count(A) == 75 and times[-1] == 75.0


@pytest.mark.parametrize("kind", ["txt", "srt", "vtt", "json"])
def test_one_unreadable_file_of_three_leaves_the_others_written_and_the_status_1(
    kind: str, whisper: Path, files: list[Path], tmp_path: Path, scribe
) -> None:
    files[1].write_bytes(b"no sound")
    with pytest.raises(UserError) as e:
        command([str(whisper), *map(str, files), "--format", kind, "--out", str(tmp_path / "out")])
    assert "1 files could not be read" in str(e.value) and "two.flac" in str(e.value)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"three.{kind}", f"واحد.{kind}"]
    for path in (tmp_path / "out").iterdir():
        assert A in path.read_text(encoding="utf-8")


def test_streams_in_one_file_are_all_transcribed_and_what_cannot_be_joined_is_named(
    whisper: Path, tmp_path: Path, scribe, capsys: pytest.CaptureFixture[str]
) -> None:
    joined, wrapped, mixed, half = (tmp_path / name for name in ("joined.mp3", "wrapped.wav", "mixed.mp3", "half.mp3"))
    joined.write_bytes(joint(tone("mp3", 3), tone("mp3", 5)))
    wrapped.write_bytes(wav_with_sizes(tone("wav", 4), 32000))
    mixed.write_bytes(joint(tone("mp3", 3), tone("mp3", 5, rate=22050)))
    half.write_bytes(truncated(tone("mp3", 6)))
    for path, seconds in ((joined, 8), (wrapped, 4)):
        assert command([str(whisper), str(path)]) == 0
        assert capsys.readouterr().out.count(A) == seconds
    with pytest.raises(UserError) as e:
        command([str(whisper), str(mixed), str(half)])
    assert "2 files could not be read" in e.value.what and capsys.readouterr().out == ""
    assert "mixed.mp3: streams of 16000 Hz" in e.value.what and "half.mp3: the header promises 6.00 s" in e.value.what


def test_samples_that_are_no_numbers_are_named_with_their_place_and_what_helps(
    whisper: Path, tmp_path: Path, scribe
) -> None:
    for name, channels in (("one", 1), ("two", 2)):
        wave = np.full((32000, channels), 0.1, np.float32)
        wave[8000:8160] = np.nan
        soundfile.write(tmp_path / f"{name}.wav", wave, 16000, subtype="FLOAT")
        with pytest.raises(UserError) as e:
            command([str(whisper), str(tmp_path / f"{name}.wav")])
        assert "NaN or infinite), at 0.500 s to 0.510 s; cut these samples out" in e.value.what
        assert "convert" not in str(e.value)


def test_as_a_process_too_and_without_a_traceback(whisper: Path, files: list[Path], tmp_path: Path) -> None:
    files[1].write_bytes(files[1].read_bytes()[:2000])  # a header that is whole: found out when it is read
    files[2].unlink()
    argv = [sys.executable, "-m", "toolkit.pseudo.transcribe", str(whisper), *map(str, files), "--format", "srt"]
    done = subprocess.run(
        [*argv, "--out", str(tmp_path / "out"), "--decode.max-new-tokens", "9"], capture_output=True, text=True
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "2 files could not be read" in done.stderr and "two.flac" in done.stderr and "three.wav" in done.stderr
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["واحد.srt"]
    refused = subprocess.run([*argv, "--beem", "3"], capture_output=True, text=True)
    assert refused.returncode == 1 and "unknown option --beem" in refused.stderr and "Traceback" not in refused.stderr


def test_without_out_all_is_printed_under_the_name_of_its_file(
    whisper: Path, files: list[Path], scribe, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command([str(whisper), str(files[0])]) == 0
    assert capsys.readouterr().out == f"{A} 0\n"
    assert command([str(whisper), str(files[0]), str(files[1])]) == 0
    assert capsys.readouterr().out == f"# {files[0]}\n{A} 0\n# {files[1]}\n{A} 0 {A} 1\n"


def test_files_of_one_name_in_two_folders_do_not_overwrite_each_other(whisper: Path, tmp_path: Path, scribe) -> None:
    paths = [tmp_path / name for name in ("a/x.wav", "b/x.wav", "y.wav")]
    for n, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.tile(noise(1.0, n), n + 1), RATE)
    assert command([str(whisper), *map(str, paths), "--out", str(tmp_path / "out")]) == 0
    written = {str(p.relative_to(tmp_path / "out")): p for p in (tmp_path / "out").rglob("*.txt")}
    assert written.keys() == {"a/x.wav.txt", "b/x.wav.txt", "y.txt"}
    assert len({p.read_text(encoding="utf-8") for p in written.values()}) == 3


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (["d/a.wav", "b.wav"], ["a.txt", "b.txt"]),
        (["d/a.wav", "d/a.mp3"], ["a.wav.txt", "a.mp3.txt"]),
        (["d/a.wav", "e/f/a.wav"], ["d/a.wav.txt", "e/f/a.wav.txt"]),
        (["d/a.wav", "d/../d/a.wav"], ["a.txt", "a.txt"]),  # one file
        (["d/a.wav", "d/a.mp3", "d/a.wav.ogg"], ["a.wav.txt", "a.mp3.txt", "a.wav.ogg.txt"]),
        (["../a.wav", "a.wav"], ["a.wav.txt", "x/a.wav.txt"]),
    ],
)
def test_every_file_has_an_output_of_its_own_inside_the_folder(
    files: list[str], wanted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    paths = outputs([Path(f) for f in files], Path("out"), "txt")
    assert [str(paths[Path(f)]) for f in files] == [f"out/{name}" for name in wanted]


def test_what_is_heard_of_several_channels_is_said_and_can_be_asked_for(
    whisper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[float] = []

    def decode(self, waves, prompt, **names) -> list[Decoded]:
        heard.extend(round(pitch(wave)) for wave in waves)
        return [Decoded((), -1.0, 1.0, 0.0, True) for _ in waves]

    monkeypatch.setattr(TorchBackend, "decode", decode)
    write(tmp_path / "call.wav", tones(440, 1250))
    write(tmp_path / "silent.wav", tones(0, 880))
    files = [str(tmp_path / "call.wav"), str(tmp_path / "silent.wav")]
    for words in ([], ["--channel", "left"], ["--channel", "right"]):
        assert command([str(whisper), *files, *words]) == 0
    assert heard[1:3] == [880, 440] and heard[3:] == [880, 1250, 880]  # a silent side is never chosen
    lines = capsys.readouterr().err.splitlines()
    assert "WARNING" in lines[0] and "call.wav" in lines[0] and "--channel left|right|mean" in lines[0]
    assert "silent.wav: 2 channels: right, as the other is silent" in lines[1] and len(lines) == 6


LIMIT = 225


def limited(monkeypatch: pytest.MonkeyPatch, whisper: Path, closes: bool) -> None:
    """A back-end for speech of 12 s, whose words for a second are a tenth of the limit: each second a word of its own.

    `closes`: whether it closes segments; else it never does.
    """
    vocabulary = Vocabulary.read(whisper)
    total, each = 12, LIMIT // 10

    def decode(self, waves, prompt, *, timestamps: bool, **names) -> list[Decoded]:
        decoded = []
        for wave in waves:
            seconds = round(len(wave) / RATE)
            tokens: list[int] = []
            for n in range(seconds):
                words = [vocabulary.encode("zbqkdghjmnpw"[total - seconds + n])[-1]] * each
                marks = [vocabulary.timestamp(n), vocabulary.timestamp(n + 1)] if timestamps and closes else [[], []]
                tokens += [marks[0], *words, marks[1]] if timestamps and closes else words
            decoded.append(Decoded(tuple(tokens[:LIMIT]), -1.0, 1.0, 0.0, len(tokens) < LIMIT))
        return decoded

    monkeypatch.setattr(TorchBackend, "decode", decode)


@pytest.mark.parametrize("kind", ["txt", "srt", "vtt", "json"])
@pytest.mark.parametrize("closes", [True, False])
def test_of_fast_speech_all_is_written_or_every_format_says_that_the_text_is_cut_off(
    kind: str, closes: bool, whisper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    limited(monkeypatch, whisper, closes)
    soundfile.write(tmp_path / "سريع.wav", noise(12, 1), RATE)
    assert command([str(whisper), str(tmp_path / "سريع.wav"), "--format", kind]) == 0
    written = capsys.readouterr()
    if closes:
        assert "cut" not in written.out.replace('"cut_off": false', "") and not written.err
        assert all(letter * (LIMIT // 10) in written.out for letter in "zbqkdghjmnpw")
    else:
        assert "cut off" in written.out.replace("cut_off", "cut off") and "سريع.wav: text is cut off" in written.err
        assert kind != "json" or not json.loads(written.out)["ended"]


def test_the_language_is_detected_in_the_first_window_with_speech_and_json_has_it(
    whisper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    asked: list[int] = []

    def decode(self, waves, prompt, **names) -> list[Decoded]:
        asked.append(prompt[1])
        return [Decoded((), -1.0, 1.0, 0.0, True) for _ in waves]

    def detect(self, waves) -> list[Language]:
        assert all(np.abs(wave[: RATE // 2]).max() > 0.01 for wave in waves)
        return [Language("fr", 0.75) for _ in waves]

    monkeypatch.setattr(TorchBackend, "decode", decode)
    monkeypatch.setattr(TorchBackend, "detect", detect)
    soundfile.write(tmp_path / "late.wav", np.concatenate([np.zeros(40 * RATE, np.float32), noise(2, 1)]), RATE)
    soundfile.write(tmp_path / "nothing.wav", np.zeros(2 * RATE, np.float32), RATE)
    files = [str(tmp_path / "late.wav"), str(tmp_path / "nothing.wav")]
    assert command([str(whisper), files[0], "--language", "auto", "--format", "json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["language"], row["language_probability"]) == ("fr", 0.75) and row["silence"] == [[0.0, 40.0]]
    assert asked == [Vocabulary.read(whisper).language("fr")]
    assert command([str(whisper), files[1], "--language", "auto", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["language"] == "" and len(asked) == 1
