"""Lines of a text file, or of standard input, checked as they are read; tables and code points for a terminal."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from ..core.errors import UserError
from ..core.links import absent

LONGEST_MB = 1  # of a line: an utterance has some hundred bytes, and a file that is no text may have no line end at all
SHOWN = 8  # kinds of characters that an error names
STDIN = "-"
_ID = re.compile(r"([^ \t]+)([ \t]*)")  # fields of a Kaldi table are apart by spaces or tabs alone


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text file, without its line end.

    Attributes:
        where: file and number, for errors.
        id: the first column, where that is an id; else empty.
        lead: the id and the white space after it, as they stand.
        text: the rest.
    """

    where: str
    id: str
    lead: str
    text: str


def lines_of(path: str, kaldi: bool = False) -> Iterator[Line]:
    """The lines of the file at `path`; - is standard input. A byte order mark at its beginning is left out.

    Args:
        kaldi: the first column is an id.

    Raises UserError, at the line concerned, for what is no text in UTF-8, for a line above LONGEST_MB and, where
    there are ids, for a line without one.
    """
    name = "standard input" if path == STDIN else path
    with ExitStack() as stack:
        file = sys.stdin.buffer if path == STDIN else stack.enter_context(_open(path))
        number = 0
        while raw := file.readline((LONGEST_MB << 20) + 1):
            number += 1
            yield _line(raw, f"{name}:{number}", kaldi, number == 1)


def _open(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise UserError(absent(path, "file"), path, "mend the path; - reads standard input") from None


def _line(raw: bytes, where: str, kaldi: bool, first: bool) -> Line:
    if len(raw) > LONGEST_MB << 20:
        raise UserError(f"a line longer than {LONGEST_MB} MB", where, "give a text with an utterance on each line")
    if b"\0" in raw:
        raise UserError("a NUL byte: this is no text", where, "convert it, e.g. iconv -f utf-16 -t utf-8")
    try:
        text = raw.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError as e:
        what = f"no UTF-8: byte 0x{raw[e.start]:02X} at column {e.start + 1}"
        raise UserError(what, where, "convert it, e.g. iconv -f cp1256 -t utf-8") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not kaldi:
        return Line(where, "", "", text)
    found = _ID.match(text)
    if not found:
        raise UserError("a line without an id", where, "begin it with the id of an utterance, or leave --kaldi out")
    return Line(where, found[1], found[0], text[found.end() :])


def code_points(characters: str) -> str:
    """`U+0640 ARABIC TATWEEL, ...` for each different character, in order; the first of them where there are many."""
    different = list(dict.fromkeys(characters))
    named = [f"U+{ord(c):04X} {unicodedata.name(c, 'without a name')}" for c in different[:SHOWN]]
    return ", ".join([*named, *([f"and {len(different) - SHOWN} more"] if len(different) > SHOWN else [])])


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table for a terminal, the first row its head; columns `right` end at one edge. The last one is not padded."""
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for i, (cell, width) in enumerate(zip(row, widths)):
            padding = " " * (width - width_of(cell))
            cells.append(padding + cell if i in right else cell + padding)
        lines.append("  ".join(cells).rstrip(" "))
    return "\n".join(lines)


def width_of(cell: str) -> int:
    """Columns of a terminal: marks that stand on the letter before them take none."""
    return sum(unicodedata.category(c) not in ("Mn", "Me", "Cf") for c in cell)


@contextmanager
def quiet_pipe() -> Iterator[None]:
    """UTF-8 on standard output whatever the locale; a reader that goes away (`| head`) ends the process quietly."""
    if hasattr(sys.stdout, "reconfigure"):  # not a test's
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more as it ends
        raise SystemExit(0) from None
