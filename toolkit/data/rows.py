"""Lines of a table as rows: whole ones, and malformed ones that say why. No row is filled up, shifted or guessed.

A row has as many fields as its table has columns. A line with fewer or more is malformed, and so is one whose fields
nothing tells for certain:
- A line break inside a field makes two lines of a row, and both are malformed. Mostly each has too few fields. But a
  break in the last column leaves a first half that looks whole, and a line of one field below it: such a line takes
  the row above it along.
- Quotation marks (RFC 4180) matter only where a field begins with one. A field that nothing closes costs its own row.
  Only if the line below would close it, and both together would be one row, is that line in doubt as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..text.invisible import name_of, shown, strip_invisible

MALFORMED = "malformed row"  # the reason in the ledger
FEW = 10  # malformed lines that a table may have, whatever the number of its rows, if any line is a row
MOST_LINES = 100  # of one quoted field
NOWHERE = -1  # number of a line above that is none, or has no rest
HEAD, TAIL = 120, 60  # characters of a long line that an error shows

UNCLOSED = "a quotation mark opens a field and none closes it"
BEHIND = "text behind the quotation mark that closes a field"
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
    """

    line: int
    reason: str
    text: str
    fields: tuple[str, ...] = ()
    alone: bool = False

    def detail(self, file: str) -> str:
        """File, line, reason and what stands there, for a ledger."""
        return f"{file}, line {self.line}: {self.reason}: {excerpt(self.text)}"


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


def excerpt(text: str) -> str:
    """A line as an error shows it: its beginning and end, what nobody sees escaped."""
    return shown(text if len(text) <= HEAD + TAIL else f"{text[:HEAD]} … {text[-TAIL:]}")


def of_another_kind(rows: int, malformed: int) -> bool:
    """True if a file is no table of the form that it was read in: no line is a row of it, or less than half are."""
    return malformed > 0 and (not rows or (malformed >= FEW and malformed > rows))


def rows_of(lines: Iterable[Line], form: Form) -> Iterator[Row | Malformed]:
    """The rows of a table, and its malformed lines, in order; empty lines are passed over.

    Args:
        lines: (number, line without its end). A number that is left out stands for a line that could not be read.
    """
    held: Row | None = None  # until the line below it is known
    beginning = False  # the line above may be the beginning of this row
    names, foreign = {*form.header, *(f"\ufeff{name}" for name in form.header[:1])}, ""
    for row in _quoted(lines, form) if form.quotes else _plain(lines, form):
        if type(row) is tuple:
            if held:
                yield held
            held = row
            reason = foreign
            if beginning:
                reason = "the line above has one field, which may be its beginning"
            elif row[1][0].lower() in names and _is_header(row, form):
                reason, foreign = "the names of the columns again", _below(row, form)
            if reason:
                yield _doubtful(row, form, reason)
                held = None
            beginning = False
        elif isinstance(row, Malformed):
            if held:
                rest = "the line below has one field, which may be its rest"
                yield _doubtful(held, form, rest) if row.alone else held
                held = None
            yield row
            beginning = form.text_first and row.alone
    if held:
        yield held


def _is_header(row: Row, form: Form) -> bool:
    return sorted(name_of(field).lower() for field in row[1]) == sorted(form.header)


def _below(header: Row, form: Form) -> str:
    """Why rows below a second line of columns are none of this table; empty if its columns are in the same order."""
    same = tuple(name_of(field).lower() for field in header[1]) == form.header
    return "" if same else "it stands below the columns of another table"


def _doubtful(row: Row, form: Form, reason: str) -> Malformed:
    return Malformed(row[0], reason, form.delimiter.join(row[1]), tuple(row[1]))


def _plain(lines: Iterable[Line], form: Form) -> Iterator[Row | Malformed]:
    delimiter, columns, above = form.delimiter, form.columns, NOWHERE
    for number, line in lines:
        above = number - 1 if above == NOWHERE else above  # the first line stands below the header
        fields = line.split(delimiter)
        if len(fields) == columns and "\r" not in line:
            yield number, fields
        elif not _is_blank(line, delimiter):
            yield _malformed(number, line, fields, RETURN if "\r" in line else "", columns, above)
        above = number


def _quoted(lines: Iterable[Line], form: Form) -> Iterator[Row | Malformed]:
    delimiter, columns, above = form.delimiter, form.columns, NOWHERE
    source, again = iter(lines), deque[Line]()  # lines that were looked at ahead
    opened: list[str] = []  # lines from one on whose quoted field nothing has closed
    closed = False  # the row above ends in a quoted field, which has no rest
    while line_ := again.popleft() if again else next(source, None):
        number, line = line_
        above = number - 1 if above == NOWHERE else above  # the first line stands below the header
        fields, fault = cut_quoted(line, delimiter)
        whole = not fault and len(fields) == columns
        if opened:
            together, still = cut_quoted("\n".join([*opened, line]), delimiter)
            doubtful = whole and not still and len(together) == columns
            opened = [*opened, line] if still == UNCLOSED and not whole and len(opened) < MOST_LINES else []
            if doubtful:
                yield Malformed(number, "it may be the rest of the quoted field that is opened above", line)
                above = number
                continue
        if whole:
            yield number, fields
            closed = line.endswith('"') and not line.endswith(fields[-1])
        elif not _is_blank(line, delimiter):
            if fault == UNCLOSED and not opened:
                spanned = _spanned(line, source, again, form) if form.lines_in_quotes else None
                if spanned:
                    yield number, spanned
                    above = number
                    continue
                opened = [line]
            yield _malformed(number, line, fields, fault, columns, NOWHERE if closed else above)
            closed = False
        above = number


def _spanned(line: str, source: Iterator[Line], again: deque[Line], form: Form) -> list[str] | None:
    """The row that begins with `line` and goes on in the lines below, none of which is a row of its own; else None."""
    text = line
    looked: list[Line] = []
    while len(looked) < MOST_LINES and (below := again.popleft() if again else next(source, None)):
        looked.append(below)
        own, fault = cut_quoted(below[1], form.delimiter)
        if not fault and len(own) == form.columns:
            break
        text += "\n" + below[1]
        fields, fault = cut_quoted(text, form.delimiter)
        if not fault and len(fields) == form.columns:
            return fields
        if fault != UNCLOSED:
            break
    again.extendleft(reversed(looked))
    return None


def _malformed(number: int, line: str, fields: list[str], fault: str, columns: int, above: int) -> Malformed:
    reason = fault or f"{len(fields)} field{'s' * (len(fields) != 1)} where {columns} belong"
    alone = not fault and len(fields) == 1 and number == above + 1
    return Malformed(number, reason, line, tuple(fields), alone)


def _is_blank(line: str, delimiter: str) -> bool:
    return not line or (line.isspace() and delimiter not in line)


def cut_quoted(line: str, delimiter: str) -> tuple[list[str], str]:
    """(fields of a line of CSV, its fault: empty, UNCLOSED, BEHIND or RETURN). With a fault, the fields before it."""
    if "\r" in line:
        return [], RETURN
    if '"' not in line:
        return line.split(delimiter), ""
    fields: list[str] = []
    at = 0
    while True:
        if line.startswith('"', at):
            mark = line.find('"', at + 1)
            while mark >= 0 and line.startswith('"', mark + 1):  # two of them stand for one
                mark = line.find('"', mark + 2)
            if mark < 0:
                return fields, UNCLOSED
            if mark + 1 < len(line) and not line.startswith(delimiter, mark + 1):
                return fields, BEHIND
            fields.append(line[at + 1 : mark].replace('""', '"'))
            at = mark + 1
        else:
            end = line.find(delimiter, at)
            fields.append(line[at:end] if end >= 0 else line[at:])
            at = end if end >= 0 else len(line)
        if at == len(line):
            return fields, ""
        at += len(delimiter)


def led_rows(lines: Iterable[Line], is_id: Callable[[str], bool]) -> Iterator[tuple[int, str, str] | Malformed]:
    """(line, id, rest) of lines `id words...`. A line without an id may be the rest of the one above: none is a row.

    Ids lose what nobody sees, the rest does not.
    """
    held: tuple[int, str, str] | None = None
    above = 0
    for number, line in lines:
        given, rest = [*line.split(maxsplit=1), "", ""][:2]
        id = strip_invisible(given)
        if "\r" in line:
            if held:
                yield held
            yield Malformed(number, RETURN, line, (id,))
            held = None
        elif given and not (id and is_id(id)):
            if held and number == above + 1:
                text = f"{held[1]} {held[2]}"
                yield Malformed(held[0], "the line below has no id and may be its rest", text, (held[1],))
            elif held:
                yield held
            yield Malformed(number, f"it begins with no id, but with {given[:40]!r}", line)
            held = None
        elif id:
            if held:
                yield held
            held = number, id, rest.rstrip()
        above = number
    if held:
        yield held
