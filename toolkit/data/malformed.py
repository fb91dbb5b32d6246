"""A line of a table: one that can be read, or a malformed one that says why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from ..text.invisible import HEAD, excerpt
from .tables import BOM, LONGEST_LINE

MALFORMED = "malformed row"  # the reason in the ledger
ENCODING, TOO_LONG = "encoding", "line too long"  # the reasons of lines that cannot be read
MEND = "mend the line, or take it out"
RETURN = "a carriage return inside it"

Line = tuple[int, str]
Row = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no row.

    Attributes:
        line: its number; text: what stands there.
        fields: the fields before its fault, as far as they can be told.
        alone: it is one field, which may be the rest of the row above it.
        kind, remedy: as an error or a ledger names them.
    """

    line: int
    reason: str
    text: str
    fields: tuple[str, ...] = ()
    alone: bool = False
    kind: str = MALFORMED
    remedy: str = MEND

    @property
    def why(self) -> str:
        """The reason and what stands there."""
        return f"{self.reason}: {excerpt(self.text)}"

    def detail(self, file: str) -> str:
        """File, line, reason and what stands there, for a ledger."""
        return f"{file}, line {self.line}: {self.why}"

    def error(self, path: Path) -> UserError:
        """For a reader that needs every line: the reason, where it is, the remedy."""
        return UserError(self.reason, f"{path}:{self.line}" if self.line else str(path), self.remedy)


@dataclass(frozen=True, slots=True)
class Form:
    """How a table is written.

    Attributes:
        columns: number of fields of a row.
        quotes: True: `"` quotes a field that begins with it (CSV); False: it is an ordinary character.
        lines_in_quotes: True: a quoted field may have several lines.
        text_first: the first column may hold a text, of which a line of one field may be the beginning.
        header: names of the columns in lower case. A row of these names begins another table in the same file.
    """

    columns: int
    delimiter: str = "\t"
    quotes: bool = False
    lines_in_quotes: bool = False
    text_first: bool = False
    header: tuple[str, ...] = ()


def read_line(number: int, raw: bytes, delimiter: str = "\t") -> Line | Malformed:
    """A line without its end; malformed if it is longer than any table has, not UTF-8, or holds a NUL.

    The first line of a file may begin with a byte order mark. Fields are cut at `delimiter`, so far as bytes tell them.
    """
    raw = raw.removeprefix(BOM) if number == 1 else raw
    if len(raw) > LONGEST_LINE:
        reason, remedy = f"a line of more than {LONGEST_LINE >> 20} MiB: no table of this kind", "get the file anew"
        return _unreadable(number, raw, delimiter, reason, TOO_LONG, remedy)
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as e:
        reason = f"no UTF-8: byte 0x{raw[e.start]:02X} at column {e.start + 1}"
        return _unreadable(number, raw, delimiter, reason, ENCODING, "convert it, e.g. iconv -f cp1256 -t utf-8")
    if "\0" in line:
        return _unreadable(number, raw, delimiter, "a NUL: no text", ENCODING, "get the file anew")
    return number, line.rstrip("\r\n")


def as_row(number: int, line: str, fields: list[str], fault: str, form: Form) -> Row | Malformed | None:
    """The fields of a line as a row; malformed if there is a fault, or not one for each column; None if it is blank."""
    if not fault and len(fields) == form.columns and line:
        return number, fields
    if not line or (line.isspace() and form.delimiter not in line):
        return None
    reason = fault or f"{len(fields)} field{'s' * (len(fields) != 1)} where {form.columns} belong"
    if not fault and len(fields) == form.columns + 1 and not fields[-1].strip():
        remedy = (
            f"the line ends in {form.delimiter!r}, the line of columns does not: take it out, or add one to that line"
        )
        return Malformed(number, reason, line, tuple(fields), remedy=remedy)
    return Malformed(number, reason, line, tuple(fields), alone=not fault and len(fields) == 1)


def _unreadable(number: int, raw: bytes, delimiter: str, reason: str, kind: str, remedy: str) -> Malformed:
    raw = raw.rstrip(b"\r\n")
    fields = tuple(raw.decode("utf-8", "replace").split(delimiter)) if len(raw) <= LONGEST_LINE else ()
    text = raw[: 4 * HEAD].decode("utf-8", "surrogateescape") if not fields else raw.decode("utf-8", "surrogateescape")
    return Malformed(number, reason, text, fields, len(fields) == 1, kind, remedy)
