"""Lines of a table as rows: whole ones, and malformed ones that say why. No row is filled up, shifted or guessed.

A row has as many fields as its table has columns. A line with fewer or more is malformed, and so is one whose fields
nothing tells for certain. A line break inside a field makes two lines of a row, and both are malformed. Mostly each has
too few fields. But a break in the last column leaves a first half that looks whole, and a line of one field below it:
such a line takes the row above it along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ..text.invisible import name_of, strip_invisible
from .malformed import RETURN, Form, Line, Malformed, Row, as_row
from .quoted import quoted_rows

FEW = 10  # malformed lines that a table may have, whatever the number of its rows, if any line is a row

REST = "the line below has one field, which may be its rest"
BEGINNING = "the line above has one field, which may be its beginning"
HEADER = "the names of the columns again"
FOREIGN = "it stands below the columns of another table"


def of_another_kind(rows: int, malformed: int) -> bool:
    """True if a file is no table of the form that it was read in: no line is a row of it, or less than half are."""
    return malformed > 0 and (not rows or (malformed >= FEW and malformed > rows))


def rows_of(lines: Iterable[Line | Malformed], form: Form) -> Iterator[Row | Malformed]:
    """The rows of a table, and its malformed lines, in order; empty lines are passed over.

    Args:
        lines: those below the header, also those that cannot be read (read_line).
    """
    rows = quoted_rows(lines, form) if form.quotes else _plain(lines, form)
    return _whole(_below_one_header(rows, form) if form.header else rows, form)


def _plain(lines: Iterable[Line | Malformed], form: Form) -> Iterator[Row | Malformed]:
    delimiter, columns = form.delimiter, form.columns
    for line in lines:
        if isinstance(line, Malformed):
            yield line
            continue
        fields = line[1].split(delimiter)
        if len(fields) == columns and line[1] and "\r" not in line[1]:
            yield line[0], fields
        elif row := as_row(*line, fields, RETURN if "\r" in line[1] else "", form):
            yield row


def _below_one_header(rows: Iterable[Row | Malformed], form: Form) -> Iterator[Row | Malformed]:
    """Rows; malformed are a second line of columns and, if its columns are in another order, all rows below it."""
    header = sorted(form.header)
    names, foreign = {*header, *(f"\ufeff{name}" for name in form.header[:1])}, False
    for row in rows:
        if type(row) is tuple:
            if row[1][0].lower() in names:
                fields = [name_of(field).lower() for field in row[1]]
                if sorted(fields) == header:
                    foreign = tuple(fields) != form.header
                    yield _doubtful(row, form, HEADER)
                    continue
            yield _doubtful(row, form, FOREIGN) if foreign else row
        else:
            yield row


def _whole(rows: Iterable[Row | Malformed], form: Form) -> Iterator[Row | Malformed]:
    """Rows; malformed are those of which a line of one field, below or above, may be a part."""
    held: Row | None = None  # until the line below it is known
    beginning = False  # the line above may be the beginning of this row
    for row in rows:
        if type(row) is tuple:
            if held:
                yield held
            held = None if beginning else row
            if beginning:
                yield _doubtful(row, form, BEGINNING)
            beginning = False
        elif isinstance(row, Malformed):
            if held:
                yield _doubtful(held, form, REST) if row.alone else held
            held = None
            yield row
            beginning = form.text_first and row.alone
    if held:
        yield held


def _doubtful(row: Row, form: Form, reason: str) -> Malformed:
    return Malformed(row[0], reason, form.delimiter.join(row[1]), tuple(row[1]))


def led_rows(
    lines: Iterable[Line | Malformed], is_id: Callable[[str], bool]
) -> Iterator[tuple[int, str, str] | Malformed]:
    """(line, id, rest) of lines `id words...`. A line without an id may be the rest of the one above: none is a row.

    Ids lose what nobody sees, the rest does not.
    """
    held: tuple[int, str, str] | None = None
    for line in lines:
        row = _led(line, is_id)
        if held and row:
            if isinstance(row, Malformed) and row.alone:
                text = f"{held[1]} {held[2]}"
                yield Malformed(held[0], "the line below has no id and may be its rest", text, (held[1],))
            else:
                yield held
            held = None
        if isinstance(row, Malformed):
            yield row
        elif row:
            held = row
    if held:
        yield held


def _led(line: Line | Malformed, is_id: Callable[[str], bool]) -> tuple[int, str, str] | Malformed | None:
    """The line as a row; malformed (`alone` if it begins with no id); None if it is blank."""
    number, text = (line.line, line.text) if isinstance(line, Malformed) else line
    given, rest = [*text.split(maxsplit=1), "", ""][:2]
    id = strip_invisible(given)
    known = bool(id) and is_id(id)
    if isinstance(line, Malformed):
        return replace(line, fields=(id,) if known else (), alone=not known)
    if "\r" in text:
        return Malformed(number, RETURN, text, (id,))
    if given and not known:
        return Malformed(number, f"it begins with no id, but with {given[:40]!r}", text, alone=True)
    return (number, id, rest.rstrip()) if given else None
