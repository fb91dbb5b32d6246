"""Rows of CSV (RFC 4180), where a quotation mark that does not fit costs its own row and no other.

Quotation marks matter only where a field begins with one. Only if the line below would close a field that nothing
closes, and both together would be one row, is that line in doubt as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .malformed import RETURN, Form, Line, Malformed, Row, as_row

MOST_LINES = 100  # of one quoted field

UNCLOSED = "a quotation mark opens a field and none closes it"
BEHIND = "text behind the quotation mark that closes a field"


def quoted_rows(lines: Iterable[Line | Malformed], form: Form) -> Iterator[Row | Malformed]:
    """The rows of a table of CSV and its malformed lines, in order."""
    source, again = iter(lines), deque[Line | Malformed]()  # lines that were looked at ahead
    opened: list[str] = []  # lines from one on whose quoted field nothing has closed
    closed = False  # the row above ends in a quoted field, which has no rest
    while line := again.popleft() if again else next(source, None):
        row = line if isinstance(line, Malformed) else cut_row(*line, form)
        text = line.text if isinstance(line, Malformed) else line[1]
        if opened:
            together, still = cut_quoted("\n".join([*opened, text]), form.delimiter)
            doubtful = isinstance(row, tuple) and not still and len(together) == form.columns
            goes_on = still == UNCLOSED and not isinstance(row, tuple) and len(opened) < MOST_LINES
            opened = [*opened, text] if goes_on else []
            if doubtful and isinstance(row, tuple):
                yield Malformed(row[0], "it may be the rest of the quoted field that is opened above", text)
                continue
        if isinstance(row, Malformed):
            if row.reason == UNCLOSED and not opened:
                spanned = _spanned(text, source, again, form) if form.lines_in_quotes else None
                if spanned:
                    yield row.line, spanned
                    closed = "\n" in spanned[-1]
                    continue
                opened = [text]
            yield replace(row, alone=row.alone and not closed)
            closed = False
        elif row:
            yield row
            last = row[1][-1]
            closed = text.endswith('"') and not (last and text.endswith(last))


def _spanned(
    line: str, source: Iterator[Line | Malformed], again: deque[Line | Malformed], form: Form
) -> list[str] | None:
    """The row that begins with `line` and goes on in the lines below, none of which is a row of its own; else None."""
    text = line
    looked: list[Line | Malformed] = []
    while len(looked) < MOST_LINES and (below := again.popleft() if again else next(source, None)):
        looked.append(below)
        if isinstance(below, Malformed) or isinstance(cut_row(*below, form), tuple):
            break
        text += "\n" + below[1]
        fields, fault = cut_quoted(text, form.delimiter)
        if not fault and len(fields) == form.columns:
            return fields
        if fault != UNCLOSED:
            break
    again.extendleft(reversed(looked))
    return None


def cut_row(number: int, line: str, form: Form) -> Row | Malformed | None:
    """The row that a line is, or why it is none; None if it is blank."""
    fields, fault = cut_quoted(line, form.delimiter)
    return as_row(number, line, fields, fault, form)


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
