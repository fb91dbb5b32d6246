"""Read a corpus's text, tables, lists and paths, none of which can be trusted. (Its XML: xml_elements.)

Errors name file, line and remedy. A caller that can do without the file catches SourceError and writes its reason to
the ledger.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ...core.errors import UserError
from ...core.links import absent, dangling
from ...text.invisible import name_of, strip_invisible
from ..malformed import MEND, RETURN, Form, Line, Malformed, read_line
from ..quoted import cut_quoted
from ..rows import led_rows, of_another_kind, rows_of
from ..tables import LONGEST_LINE

MARKS_NAMED = 6  # number of names of a layout in an error
_OFFSET = re.compile(r":\d+$")
_DELIMITER = re.compile(r"[\t;,|]")
_BEFORE = re.compile(r'[",;\t]')

TableRow = dict[str, str]
Report = Callable[["SourceError"], None]


class SourceError(UserError):
    """A file of a corpus that cannot be read.

    Args:
        reason: short category that can be counted: missing, encoding, line too long, malformed row, columns, xml,
            entities.
        message, where, remedy: as what, where, remedy of UserError.
    """

    def __init__(self, reason: str, message: str, where: str, remedy: str = "") -> None:
        super().__init__(message, where, remedy)
        self.reason = reason


class MalformedRow(SourceError):
    """A line of a table that is no row of it.

    Attributes:
        row: column -> field of the fields before its fault. They are never used as the row's, but tell which recording
            or speaker may be meant, which is then used nowhere else either.
    """

    def __init__(self, path: Path, malformed: Malformed, header: Sequence[str]) -> None:
        where = f"{path}, line {malformed.line}"
        super().__init__(malformed.kind, malformed.detail(path.name), where, malformed.remedy)
        fields = malformed.fields or (_BEFORE.split(malformed.text.lstrip('"'), 1)[0],)  # in an unclosed first field
        self.row: TableRow = dict(zip(header, fields))


def corpus_folder(path: Path, *marks: str) -> Path:
    """`path`, if it has one of the relative paths or patterns `marks`, by which the layout is recognised.

    Raises UserError naming the expected files if it has none, and for a path that no table can hold.
    """
    if not path.is_dir():
        raise UserError(dangling(path) or "not a folder", str(path), "name the folder that holds the corpus")
    text = os.fsencode(path).decode("utf-8", "replace")
    if "\n" in text or "\r" in text or "\ufffd" in text or text != text.strip():
        raise UserError("a corpus path that no table can hold", repr(str(path)), "rename the folder")
    if not any(next(path.glob(mark), None) for mark in marks):
        names = sorted(p.name for p in path.iterdir())[:8]
        more = f" or {len(marks) - MARKS_NAMED} like them" if len(marks) > MARKS_NAMED else ""
        raise UserError(
            f"not the layout of this corpus: none of {', '.join(marks[:MARKS_NAMED])}{more} is here",
            str(path),
            f"name the folder that holds them; this one has {', '.join(names) or 'nothing in it'}",
        )
    return path


def check_inside(corpus: Path, rel: str, follow_links: bool = False) -> None:
    """Raise SourceError (path leaves the corpus, unusable name, link out of the corpus) if `rel` is not allowed.

    A name from a table must stay below the corpus; so must the target of a link, unless links are followed.
    """
    parts = rel.split("/")
    if rel.startswith("/") or ".." in parts or "\0" in rel or "\n" in rel or "\r" in rel:
        raise SourceError("path leaves the corpus", f"a path that leaves the corpus: {rel!r}", rel)
    if any("\ud800" <= c <= "\udfff" for c in rel):
        raise SourceError("unusable name", f"a name that is no UTF-8: {rel!r}", rel)
    if rel != rel.strip():
        raise SourceError("unusable name", f"a name with white space at its end: {rel!r}", rel)
    if not follow_links:
        file = corpus / rel if os.path.lexists(corpus / rel) else corpus / _OFFSET.sub("", rel)  # of `file.ark:15`
        root, real = os.path.realpath(corpus), os.path.realpath(file)
        if real != root and not real.startswith(root.rstrip("/") + "/"):
            message = f"{rel!r} is a link out of the corpus, to {real!r}; --take.follow_links true takes it"
            raise SourceError("link out of the corpus", message, rel)


def text_lines(path: Path, bad: Report | None = None) -> Iterator[tuple[int, str]]:
    """(number, line without its end) of a text file in UTF-8, with or without a byte order mark.

    Args:
        bad: called with the error of a line that cannot be read, which is then skipped; None: the error is raised.

    Raises SourceError: missing, encoding, line too long.
    """
    for line in row_lines(path):
        if isinstance(line, tuple):
            yield line
            continue
        e = SourceError(line.kind, line.why, f"{path}, line {line.line}", line.remedy)
        if bad is None:
            raise e
        bad(e)


def row_lines(path: Path, delimiter: str = "\t") -> Iterator[Line | Malformed]:
    """The lines of a text file; malformed ones cannot be read. Raises SourceError: missing, encoding (UTF-16)."""
    with opened(path) as f:
        number = 0
        while raw := f.readline(LONGEST_LINE + 1):
            number += 1
            if number == 1 and raw.startswith((b"\xff\xfe", b"\xfe\xff")):
                remedy = "convert it: iconv -f UTF-16 -t UTF-8"
                raise SourceError("encoding", "a file in UTF-16", str(path), remedy)
            yield read_line(number, raw, delimiter)
            while len(raw) > LONGEST_LINE and not raw.endswith(b"\n"):
                raw = f.readline(LONGEST_LINE + 1)


def opened(path: Path) -> BinaryIO:
    """Open the file. Raises SourceError if it is missing or no plain file: a pipe would wait for ever."""
    if path.exists() and not path.is_file():
        raise SourceError("missing", "not a file", str(path), "put the file of the corpus in its place")
    try:
        return open(path, "rb")
    except OSError as e:
        if e.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        raise SourceError("missing", absent(path, "file in the corpus"), str(path), "complete the corpus") from None


def table_rows(
    path: Path,
    delimiter: str = "\t",
    names: Sequence[str] = (),
    wanted: Sequence[str] = (),
    quotes: bool = False,
    lines_in_quotes: bool = False,
    bad: Report | None = None,
) -> Iterator[tuple[int, TableRow]]:
    """(line, column -> field) of a table. A row has as many fields as the header; others are malformed (data/rows.py).

    Args:
        names: the columns, if the file has no header; else its first line names them.
        wanted: columns that must be there, by their names in lower case.
        quotes: True: `"` quotes a field (CSV); False: it is an ordinary character (Common Voice, FLEURS).
        lines_in_quotes: True: a quoted field may have several lines.
        bad: called with the error of a line that is no row, which is then skipped; None: the error is raised.

    Raises SourceError: missing, encoding, line too long, malformed row, columns. `columns` too for a file of another
    kind, of which no line, or less than half of the lines, are rows.
    """
    tally = Tally(path, bad)
    lines = row_lines(path, delimiter)
    header = _header(path, names or _first_row(path, lines, delimiter, quotes), wanted)
    for row in rows_of(lines, Form(len(header), delimiter, quotes, lines_in_quotes, header=tuple(header))):
        if isinstance(row, Malformed):
            tally.lose(MalformedRow(path, row, header))
        else:
            tally.rows += 1
            yield row[0], dict(zip(header, row[1]))
    tally.check()


def word_rows(
    path: Path, form: str, fits: Callable[[Sequence[str]], bool], bad: Report | None = None
) -> Iterator[tuple[int, list[str]]]:
    """(line, words) of a list, whose lines are words apart by white space; they lose what nobody sees.

    Args:
        form: what a line is, for errors; its first word names the first column, e.g. `id label`.
        fits: whether the words of a line are of this form; a line that is not is malformed.
        bad: as table_rows has it.

    Raises SourceError as table_rows does.
    """
    tally = Tally(path, bad)
    for row in row_lines(path):
        number, line = (row.line, row.text) if isinstance(row, Malformed) else row
        words = line.split() if line.isascii() else strip_invisible(line).split()
        if isinstance(row, tuple) and words and fits(words) and "\r" not in line:
            tally.rows += 1
            yield number, words
        elif words:
            malformed = row if isinstance(row, Malformed) else Malformed(number, f"not `{form}`", line)
            tally.lose(MalformedRow(path, replace(malformed, fields=tuple(words)), form.split()[:1]))
    tally.check()


def id_rows(path: Path, is_id: Callable[[str], bool], bad: Report | None = None) -> Iterator[tuple[int, str, str]]:
    """(line, id, words) of lines `id words...`; a line that begins with no id is malformed, and so is the one above.

    Raises SourceError as table_rows does; `bad` as table_rows has it.
    """
    tally = Tally(path, bad)
    for row in led_rows(row_lines(path), is_id):
        if isinstance(row, Malformed):
            tally.lose(MalformedRow(path, row, ["id"]))
        else:
            tally.rows += 1
            yield row
    tally.check()


class Tally:
    """Counts the rows of a file and the lines that are none."""

    def __init__(self, path: Path, bad: Report | None) -> None:
        self.path, self.bad, self.rows, self.lost = path, bad, 0, 0
        self.first: SourceError | None = None

    def lose(self, e: SourceError) -> None:
        """Tell of a line that is no row; raise its error if nobody is told."""
        if self.bad is None:
            raise e
        self.lost, self.first = self.lost + 1, self.first or e
        self.bad(e)

    def check(self) -> None:
        """Raise SourceError (columns) if the file is of another kind."""
        if self.first and of_another_kind(self.rows, self.lost):
            message = f"{self.lost:,} of {self.rows + self.lost:,} lines are no rows of this table: {self.first.what}"
            row = list(self.first.row.values()) if isinstance(self.first, MalformedRow) else []
            remedy = other_delimiter(row) or "is this the file that the recipe reads?"
            raise SourceError(
                "columns", message, self.first.where, remedy if self.first.remedy == MEND else self.first.remedy
            )


def _first_row(path: Path, lines: Iterator[Line | Malformed], delimiter: str, quotes: bool) -> list[str]:
    first = next(lines, (1, ""))
    if isinstance(first, Malformed):
        raise MalformedRow(path, first, ())
    number, line = first
    fields, fault = cut_quoted(line, delimiter) if quotes else (line.split(delimiter), RETURN if "\r" in line else "")
    if fault:  # e.g. line ends of old Macs: the whole file is one line
        remedy = "give the file Unix line ends" if fault == RETURN else "mend the line"
        raise SourceError("columns", f"no header of a table: {fault}", f"{path}, line {number}", remedy)
    return fields


def _header(path: Path, names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    header = [name_of(name).lower() for name in names]
    if remedy := other_delimiter(header):
        raise SourceError("columns", f"no columns: {', '.join(header)}", f"{path}, line 1", remedy)
    if missing := [name for name in wanted if name not in header]:
        message = f"no column {', '.join(missing)} among {', '.join(header) or 'none'}"
        raise SourceError("columns", message, f"{path}, line 1", "is this the release that the recipe reads?")
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        message = f"two columns of one name: {', '.join(twice)}"
        raise SourceError("columns", message, f"{path}, line 1", "take one of the two out")
    return header


def other_delimiter(fields: Sequence[str]) -> str:
    """What to do about a line that is one field because its fields are apart by another sign; "" if it is not so."""
    if fields and fields[0].strip().lower().startswith("sep="):
        return "the first line is Excel's own, not of the table: take it out"
    if len(fields) != 1 or not (mark := _DELIMITER.search(fields[0])):
        return ""
    return f"the fields are apart by {mark[0]!r}: get the file as the release has it, or write it so again"


def size_of(path: Path) -> int:
    """Bytes of a file; 0 for a dangling link, which is an error when it is read."""
    return path.stat().st_size if path.exists() else 0


def folders_below(corpus: Path, pattern: str) -> list[Path]:
    """Paths that match `pattern` below the corpus, in C order, so that the order does not depend on the disk."""
    return sorted(corpus.glob(pattern), key=os.fsencode)


_TAKEN = re.compile(r"[^\w]+")


def like(name: str, known: Iterable[str]) -> str | None:
    """The name in `known` that equals `name` without regard to case, spaces and hyphens; else None."""
    wanted = _TAKEN.sub("", name).casefold()
    return next((k for k in known if _TAKEN.sub("", k).casefold() == wanted), None)
