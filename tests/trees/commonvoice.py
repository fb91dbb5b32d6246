"""Common Voice: cv-corpus-<version>/ar/{train,dev,test,validated,...}.tsv and clips/*.mp3, and traps in its tables."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from trees import Clip, record

VOTES = ["up_votes", "down_votes", "age", "gender"]
OLD = ["client_id", "path", "sentence", *VOTES, "accent", "locale", "segment"]
NEW = [
    "client_id",
    "path",
    "sentence_id",
    "sentence",
    "sentence_domain",
    *VOTES,
    "accents",
    "variant",
    "locale",
    "segment",
]
GENDERS = {"m": ("male", "male_masculine"), "f": ("female", "female_feminine")}
PARTS = ("train", "train", "dev", "train", "test")
QUOTED = 'قالت: "نعم، ٣ مرّات'  # one quotation mark, digits, a shadda
PERSIAN = "سنة ۱۹۴۵ كتابٌ"  # Persian digits, tanwin
MARKED = "الـسَّلامُ عَليكم"  # tatweel and diacritics: the same prompt as PLAIN
PLAIN = "السلام عليكم!"


def client(name: str) -> str:
    """128 hexadecimal digits that stand for a person."""
    return hashlib.sha512(name.encode()).hexdigest()


def make(folder: Path, clips: Sequence[Clip], new: bool = True, crlf: bool = False) -> None:
    """Clips by their speakers to official parts; validated.tsv has all of them, and rows that dev and test forbid.

    Args:
        new: columns of a release since 17; else of an old one, whose paths have no .mp3.
        crlf: a byte order mark, and lines that end in a carriage return.
    """
    at = folder / "cv-corpus-18.0-2024-06-14" / "ar"
    rows: dict[str, list[dict[str, str]]] = {part: [] for part in ("train", "dev", "test", "validated")}
    speakers = sorted({clip.speaker for clip in clips})
    for i, clip in enumerate(clips):
        part = PARTS[speakers.index(clip.speaker) % len(PARTS)]
        row = _row(at, clip, f"common_voice_ar_{i:08d}", new, i)
        if i == 0:
            row["sentence"] = QUOTED
        rows[part].append(row)
        rows["validated"].append(row)
    _trap(at, rows, clips, new)
    for part, lines in rows.items():
        _write(at / f"{part}.tsv", NEW if new else OLD, lines, new, crlf)
    for name in ("invalidated", "other"):
        _write(at / f"{name}.tsv", NEW if new else OLD, [], new, crlf)


def _row(at: Path, clip: Clip, name: str, new: bool, number: int, text: str = "") -> dict[str, str]:
    record(at / "clips" / f"{name}.mp3", clip.wave_N, rate=16000)
    return {
        "client_id": client(clip.speaker),
        "path": f"{name}.mp3" if new else name,
        "sentence": text or clip.text,
        "gender": GENDERS[clip.gender][number % 2 if new else 0],
        "accents": "Egyptian Arabic" if number % 8 == 0 else "",
        "variant": "",
        "locale": "ar",
    }


def _trap(at: Path, rows: dict[str, list[dict[str, str]]], clips: Sequence[Clip], new: bool) -> None:
    """Rows that are lost in careless reading, in train.tsv, and rows of validated.tsv that leak."""
    nobody = {"client_id": client("nobody else"), "gender": "", "accents": "", "variant": "", "locale": "ar"}
    made = [_row(at, clips[i], f"common_voice_ar_9{i:07d}", new, 1) | nobody for i in range(5)]
    rows["train"].append(made[0] | {"sentence": PERSIAN})
    rows["train"].append(made[0] | {"sentence": PERSIAN})
    rows["train"].append(made[1] | {"sentence": " "})
    rows["train"].append(made[2] | {"path": "common_voice_ar_404.mp3"})
    rows["train"].append(made[2] | {"path": "../../../etc/passwd"})
    rows["test"].append(made[3] | {"sentence": MARKED, "client_id": ""})
    rows["validated"].append(made[3] | {"sentence": PLAIN})  # the recording of test itself
    rows["validated"].append(made[4] | {"sentence": PLAIN})  # its prompt, in another spelling
    rows["validated"].append(made[1] | {"sentence": PERSIAN})


def _write(path: Path, columns: Sequence[str], rows: Sequence[dict[str, str]], new: bool, crlf: bool) -> None:
    names = {"accent": "accents"}
    lines = ["\t".join(columns)]
    lines += ["\t".join(row.get(names.get(c, c), "2" if "votes" in c else "") for c in columns) for row in rows]
    end = "\r\n" if crlf else "\n"
    text = "".join(line + end for line in lines)
    path.write_bytes((b"\xef\xbb\xbf" if crlf else b"") + text.encode())
