"""MASC: audios/<video>.wav, subtitles/<video>.ar.vtt, subsets/*.csv, with subtitles as people write them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trees import RATE, Clip, record, write_lines

HEADER = "video_id,category,video_duration,channel_id,country,dialect,gender,transcript_duration"
FIRST = ("clean_train", "clean_train", "noisy_train", "clean_dev", "noisy_dev", "clean_test", "noisy_test")
PARTS = (*FIRST, *["clean_train"] * 7, "noisy_train", "clean_test")
PER_VIDEO = 3
COUNTRIES = {"UAE": ("United Arab Emirates", "Gulf"), "YEM": ("Yemen", ""), "EGY": ("Egypt", "Egyptian")}
GAP = 0.5  # s of silence before each clip


@dataclass(frozen=True)
class Said:
    """A cue of a subtitle file: its times in seconds and its text as it should be read."""

    start: float
    end: float
    text: str


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """Three clips a video, videos to subsets in turn, and one more video in clean_train with the traps of subtitles."""
    rows: dict[str, list[str]] = {part: [] for part in PARTS}
    for number in range(len(clips) // PER_VIDEO):
        part, id = PARTS[number % len(PARTS)], f"-Ab_{number:07d}"
        own = clips[number * PER_VIDEO : (number + 1) * PER_VIDEO]
        cues = write_audio(folder / "audios" / f"{id}.wav", own)
        write_lines(folder / "subtitles" / f"{id}.ar.vtt", *vtt(cues, short=number % 2 == 0))
        rows[part].append(row(id, own[0], length(cues)))
    for part in ("clean_train", "clean_test"):
        id = f"traps_{part}"
        cues = write_audio(folder / "audios" / f"{id}.wav", clips[:PER_VIDEO])
        write_lines(folder / "subtitles" / f"{id}.ar.vtt", *trapped(cues))
        rows[part].append(row(id, clips[0], length(cues)))
    rows["noisy_train"] += [
        rows["clean_test"][0],
        rows["noisy_train"][0],
        row("../../x", clips[0]),
        row("gone", clips[0]),
    ]
    for part, lines in rows.items():
        write_lines(folder / "subsets" / f"{part if 'train' in part else part + '_meta'}.csv", HEADER, *lines)


def length(cues: Sequence[Said]) -> str:
    """video_duration of a recording of these cues, as whole seconds."""
    return f"{round(cues[-1].end)}"


def row(id: str, clip: Clip, duration: str = "") -> str:
    """A line of a .csv; the category has a comma."""
    country, dialect = COUNTRIES.get(clip.dialect, ("", ""))
    gender = {"m": "male", "f": "female"}[clip.gender]
    return f'{id},"News, talk",{duration},UC-{clip.speaker}_x,{country},{dialect},{gender},1.0'


def write_audio(path: Path, clips: Sequence[Clip]) -> list[Said]:
    """One recording of the clips, a pause before each; the times and texts of what is said."""
    pause, at, cues = np.zeros(int(GAP * RATE), np.float32), 0.0, []
    for clip in clips:
        at = round(at + GAP, 3)
        cues.append(Said(at, round(at + clip.seconds, 3), clip.text))
        at += clip.seconds
    record(path, *(wave for clip in clips for wave in (pause, clip.wave_N)))
    return cues


def vtt(cues: Sequence[Said], short: bool) -> list[str]:
    """Lines of a plain file of subtitles; `short` times have no hours."""
    lines = ["WEBVTT", "Kind: captions", "Language: ar", ""]
    for number, cue in enumerate(cues):
        lines += [f"{clock(cue.start, short)} --> {clock(cue.end, short)}", f"{number + 1}] {cue.text}", ""]
    return lines


def trapped(cues: Sequence[Said]) -> list[str]:
    """The first cue in every way at once; then a negative, an empty, a short, a far and two overlapping cues."""
    first, second, third = cues
    words = first.text.split()
    return [
        "WEBVTT - ترجمة",
        "",
        "NOTE 00:00.000 --> 00:01.000 was cut",
        "so it is no cue",
        "",
        "STYLE",
        "::cue { color: white }",
        "",
        "intro-1",
        f"{clock(first.start, False)} --> {clock(first.end, True)} align:start position:10%",
        f"12] <v راوٍ><c.yellow>{words[0]}</c> <00:00:01.000>{' '.join(words[1:2])}",
        " ".join(words[2:]) + " &amp; a < b&lrm;",
        "",
        "00:05.000 --> 00:04.000",
        "إلى الوراء",
        "",
        "00:00.000 --> 00:00.300",
        "<c></c>",
        "",
        "00:00.100 --> 00:00.150",
        "قصير",
        f"{clock(second.start, True)} --> {clock(second.start + 0.6, True)}",
        "أقل من ثانية",
        "",
        "99:00:00.000 --> 99:00:01.000",
        "بعد النهاية",
        "",
        "00:61.000 --> 00:62.000",
        "لا وقت",
        "",
        f"{clock(third.start, True)} --> {clock(third.end, True)}",
        "معًا",
        "",
        f"{clock(third.start + 0.3, True)} --> {clock(third.end, True)}",
        "وفي الوقت نفسه",
    ]


def clock(seconds: float, short: bool) -> str:
    """`01:02.500`, or `00:01:02.500`."""
    minutes, rest = divmod(round(seconds * 1000), 60000)
    return f"{'' if short else '00:'}{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def rolled(lines: Sequence[Said], hold: float = 0.01) -> list[str]:
    """Lines of a file of YouTube's automatic captions: two lines roll, words have times, a cue holds the last line.

    Args:
        lines: what is said, one after the other without a pause; of each, the last `hold` seconds belong to a cue that
            holds it alone.
    """
    made, before = ["WEBVTT", "Kind: captions", "Language: ar", ""], " "
    for line in lines:
        first, *rest = line.text.split()
        timed = "".join(f"<{clock(line.start + 0.1 * (i + 1), False)}><c> {word}</c>" for i, word in enumerate(rest))
        times = [clock(at, False) for at in (line.start, line.end - hold, line.end)]
        made += [f"{times[0]} --> {times[1]} align:start position:0%", before, first + timed, ""]
        made += [f"{times[1]} --> {times[2]} align:start position:0%", line.text, " ", ""]
        before = line.text
    return made
