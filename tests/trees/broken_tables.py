"""Tables as they break: line breaks inside fields, quotation marks that none closes, a comma too many, hidden marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trees import masc, record, sada, tones, write_lines

MARK = "\u200f"  # of direction, which nobody sees
SADA_TAILS = {  # row -> the end of its line; other rows say their number
    2: 'Clean,"قال نعم,قال نعم',
    5: 'Clean,قال "لا",قال لا',
    6: 'Clean,"قال "لا",قال لا',
    8: 'Clean,"بداية,"بداية',
}
SADA_TEXTS = {1: "نص 1", 3: "نص 3", 4: "نص 4", 5: "قال لا", 7: "نص 7", 9: "نص 9"}  # rows that can be told
MASC_ROWS = {  # video -> its row; the first has a quotation mark that none closes
    "vid_a": 'vid_a,"news,40,UC-a,Egypt,Egyptian,male,1.0',
    "vid_b": "vid_b,news,40,UC-b,Egypt,Egyptian,male,1.0",
    "vid_c": 'vid_c,"sport",40,UC-c,Yemen,,female,1.0',
}


def break_field(path: Path, line: int, column: int, delimiter: str = "\t") -> tuple[int, int]:
    """Put a line feed between the first two words of a field; `line` from 1. Returns the lines of both halves."""
    lines = path.read_text(encoding="utf-8").split("\n")
    fields = lines[line - 1].split(delimiter)
    first, _, rest = fields[column].partition(" ")
    assert rest, "a text of one word cannot be broken"
    fields[column] = f"{first}\n{rest}"
    lines[line - 1] = delimiter.join(fields)
    path.write_text("\n".join(lines), encoding="utf-8")
    return line, line + 1


def sada_lines(tails: dict[int, str] | None = None, rows: int = 9) -> list[str]:
    """A header and rows of a second each of one recording, which end as `tails` says."""
    made = [",".join(sada.COLUMNS)]
    for n in range(1, rows + 1):
        head = f"batch_1/a.wav,مسلسل,20,seg_{n},1,{n}.0,{n + 1}.0,,Male,Najdi,Speaker{n % 2 + 1}"
        made.append(f"{head},{(SADA_TAILS if tails is None else tails).get(n, f'Clean,نص {n},نص {n}')}")
    return made


def make_sada(folder: Path, lines: Sequence[str], table: str = "test") -> None:
    """A SADA tree of one recording of 20 s and one table."""
    record(folder / "batch_1/a.wav", *(clip.wave_N for clip in tones(20)))
    write_lines(folder / f"{table}.csv", *lines)


def make_masc(folder: Path) -> None:
    """Three videos of test, as MASC_ROWS has them, and vid_a and another one to train on."""
    for number, video in enumerate((*MASC_ROWS, "vid_d")):
        cues = masc.write_audio(folder / "audios" / f"{video}.wav", tones(3 * number + 3)[3 * number :])
        write_lines(folder / "subtitles" / f"{video}.ar.vtt", *masc.vtt(cues, short=False))
    write_lines(folder / "subsets/clean_test_meta.csv", masc.HEADER, *MASC_ROWS.values())
    train = ["vid_a,news,40,UC-a,Egypt,Egyptian,male,1.0", f"vid_d,news,4.5,{MARK}UC-b,Egypt,Egyptian,{MARK}male,1.0"]
    write_lines(folder / "subsets/clean_train.csv", masc.HEADER, *train)


def make_folder(folder: Path, speakers: int = 6) -> Path:
    """Two recordings of each speaker, all in one folder, and a table; returns its path."""
    rows = ["path\tspeaker\ttext\tdialect"]
    for i, clip in enumerate(tones(2 * speakers, 1.5)):
        name = f"clips/{i:02d}.wav"
        record(folder / name, clip.wave_N)
        rows.append(f"{name}\tمتكلم {i % speakers}\tكلمة أولى {i}\tEGY")
    write_lines(folder / "t.tsv", *rows)
    return folder / "t.tsv"
