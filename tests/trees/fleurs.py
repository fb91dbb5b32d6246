"""FLEURS: data/ar_eg/{train,dev,test}.tsv without a header, audio/{train,dev,test}.tar.gz or extracted folders."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from toolkit.text.diacritics import strip_diacritics
from toolkit.text.punctuation import strip_punctuation
from trees import Clip, record, write_lines

PARTS = ("train", "train", "dev", "train", "test")
QUOTED = 'قال: "لن أعود" في عام ١٩٩٨.'
OPEN_QUOTE = '"سنعود غدًا'  # a reader of CSV would swallow the rows below it


def make(folder: Path, clips: Sequence[Clip], archives: bool = True) -> None:
    """Every clip to a part, three of one sentence in train; traps in train.tsv; a stranger in each archive."""
    at = folder / "data" / "ar_eg"
    rows: dict[str, list[str]] = {part: [] for part in PARTS}
    for i, clip in enumerate(clips):
        part, name = PARTS[i % len(PARTS)], f"{10**15 + 7919 * i}.wav"
        raw = {0: QUOTED, 1: OPEN_QUOTE}.get(i, f"{clip.text}.")
        record(at / "audio" / part / name, clip.wave_N)
        rows[part].append(row(3 if i in (0, 1, 3) else 100 + i, name, raw, len(clip.wave_N), clip.gender))
    rows["train"] += [rows["train"][0], row(8, "404.wav", "لا أحد", 1, "m")]
    rows["train"] += [
        row(9, rows["test"][0].split("\t")[1], "من الاختبار", 1, "m"),
        row(10, "../x.wav", "خارج", 1, "m"),
    ]
    for part, lines in rows.items():
        write_lines(at / f"{part}.tsv", *lines)
        if archives:
            pack(at / "audio" / part)


def row(id: int, name: str, raw: str, samples: int, gender: str) -> str:
    plain = strip_punctuation(strip_diacritics(raw))
    gender_word = {"m": "MALE", "f": "FEMALE"}[gender]
    return "\t".join([str(id), name, raw, plain, " ".join(plain.replace(" ", "|")), str(samples), gender_word])


def pack(folder: Path) -> None:
    """A folder of recordings -> folder.tar.gz, and a file in it that no table names."""
    with tarfile.open(f"{folder}.tar.gz", "w:gz") as tar:
        tar.add(folder, folder.name)
        add(tar, f"{folder.name}/._1.wav", b"a desktop's leftover")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def add(tar: tarfile.TarFile, name: str, data: bytes, **fields: object) -> None:
    """A member of any kind: `fields` are those of a TarInfo."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for field, value in fields.items():
        setattr(member, field, value)
    tar.addfile(member, io.BytesIO(data))
