"""Read a corpus's text, tables, XML and paths, none of which can be trusted.

Errors name file, line and remedy. A caller that can do without the file catches SourceError and writes its reason to
the ledger.
"""

from __future__ import annotations

import csv
import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from ...core.errors import UserError
from ..tables import BOM

LONGEST_LINE = 1 << 20  # bytes; the longest line of any corpus here has a few thousand
MARKS_NAMED = 6  # number of names of a layout in an error
LARGEST_XML = 1 << 28  # bytes; an hour of words with their times has a few million
DEEPEST_XML = 64
LONGEST_TAG = 1 << 20  # bytes; expat scans a tag from its beginning again with every block
BLOCK = 1 << 16
_OFFSET = re.compile(r":\d+$")

TableRow = dict[str, str]
Report = Callable[["SourceError"], None]


class SourceError(UserError):
    """A file of a corpus that cannot be read.

    Args:
        reason: short category that can be counted: missing, encoding, line too long, columns, xml, entities.
        message, where, remedy: as what, where, remedy of UserError.
    """

    def __init__(self, reason: str, message: str, where: str, remedy: str = "") -> None:
        super().__init__(message, where, remedy)
        self.reason = reason


def corpus_folder(path: Path, *marks: str) -> Path:
    """`path`, if it has one of the relative paths or patterns `marks`, by which the layout is recognised.

    Raises UserError naming the expected files if it has none, and for a path that no table can hold.
    """
    if not path.is_dir():
        raise UserError("not a folder", str(path), "name the folder that holds the corpus")
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
    with _opened(path) as f:
        number = 0
        while raw := f.readline(LONGEST_LINE + 1):
            number += 1
            if number == 1:
                raw = _unmarked(raw, path)
            try:
                yield number, _line(raw, f"{path}, line {number}")
            except SourceError as e:
                if bad is None:
                    raise
                while raw and not raw.endswith(b"\n"):
                    raw = f.readline(LONGEST_LINE)
                bad(e)


def _opened(path: Path) -> BinaryIO:
    """Open the file. Raises SourceError if it is missing or no plain file: a pipe would wait for ever."""
    if path.exists() and not path.is_file():
        raise SourceError("missing", "not a file", str(path), "put the file of the corpus in its place")
    try:
        return open(path, "rb")
    except OSError as e:
        if e.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        raise SourceError("missing", "no such file in the corpus", str(path), "complete the corpus") from None


def _line(raw: bytes, where: str) -> str:
    if len(raw) > LONGEST_LINE:
        message = f"a line of more than {LONGEST_LINE >> 20} MiB: no table of this corpus"
        raise SourceError("line too long", message, where, "get the file anew")
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as e:
        message = f"no UTF-8: byte 0x{raw[e.start]:02X} at column {e.start + 1}"
        raise SourceError("encoding", message, where, "convert it, e.g. iconv -f cp1256 -t utf-8") from None
    if "\0" in line:
        raise SourceError("encoding", "a NUL: no text", where, "get the file anew")
    return line.rstrip("\r\n")


def _unmarked(raw: bytes, path: Path) -> bytes:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError("encoding", "a file in UTF-16", str(path), "convert it: iconv -f UTF-16 -t UTF-8")
    return raw.removeprefix(BOM)


def table_rows(
    path: Path,
    delimiter: str = "\t",
    names: Sequence[str] = (),
    wanted: Sequence[str] = (),
    quotes: bool = False,
    bad: Report | None = None,
) -> Iterator[tuple[int, TableRow]]:
    """(line, column -> field) of a table; missing fields of a short row are empty.

    Args:
        names: the columns, if the file has no header; else its first line names them.
        wanted: columns that must be there, by their names in lower case.
        quotes: True: `"` quotes a field (CSV); False: it is an ordinary character (Common Voice, FLEURS).
        bad: called with the error of a row that cannot be read, which is then skipped; None: the error is raised.

    Raises SourceError: missing, encoding, line too long, columns.
    """
    numbers: list[int] = []

    def lines() -> Iterator[str]:
        for number, line in text_lines(path, bad):
            numbers.append(number)
            yield line + "\n"

    csv.field_size_limit(LONGEST_LINE)
    if quotes:
        reader = csv.reader(lines(), delimiter=delimiter)
    else:
        reader = csv.reader(lines(), delimiter=delimiter, quoting=csv.QUOTE_NONE)
    try:
        header = _header(path, names or next(reader, []), wanted)
    except csv.Error as e:  # line ends of old Macs: the whole file is one line
        remedy = "give the file Unix line ends"
        raise SourceError("columns", f"no header of a table: {e}", f"{path}, line 1", remedy) from None
    while True:
        numbers.clear()
        try:
            fields = next(reader)
            if len(fields) > len(header):
                raise csv.Error(f"{len(fields)} columns where {len(header)} belong")
        except StopIteration:
            return
        except csv.Error as e:
            where = f"{path}, line {numbers[-1] if numbers else 1}"
            error = SourceError("columns", f"no row of this table: {e}", where, "mend the line")
            if bad is None:
                raise error from None
            bad(error)
            continue
        if fields:
            yield numbers[-1], {**dict.fromkeys(header, ""), **dict(zip(header, fields))}


def _header(path: Path, names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    header = [name.strip().lower() for name in names]
    if missing := [name for name in wanted if name not in header]:
        message = f"no column {', '.join(missing)} among {', '.join(header) or 'none'}"
        raise SourceError("columns", message, f"{path}, line 1", "is this the release that the recipe reads?")
    return header


def parse_xml(
    path: Path,
    begin: Callable[[str, Mapping[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Read an XML file element by element, in little memory. A file that declares entities is refused unread.

    Args:
        begin: called with the name and the attributes of an element; end: with its name; text: with a piece of text.

    Raises SourceError: missing, xml, entities.
    """
    parser, depth = expat.ParserCreate(), 0
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        line = f"{path}, line {parser.CurrentLineNumber}"
        raise SourceError("entities", "an XML file that declares entities or a DTD: refused", line, "get it anew")

    def opened(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST_XML:
            line = f"{path}, line {parser.CurrentLineNumber}"
            raise SourceError("xml", f"elements nested deeper than {DEEPEST_XML}", line, "get the file anew")
        begin(name, attributes)

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(name)

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = opened, closed, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        if size_of(path) > LARGEST_XML:
            message = f"an XML file of more than {LARGEST_XML >> 20} MiB"
            raise SourceError("xml", message, str(path), "get the file anew")
        with _opened(path) as f:
            read = 0
            while block := f.read(BLOCK):
                parser.Parse(block)
                read += len(block)
                if read - parser.CurrentByteIndex > LONGEST_TAG:
                    message = f"a tag of more than {LONGEST_TAG >> 20} MiB"
                    raise SourceError("xml", message, str(path), "get the file anew")
            parser.Parse(b"", True)
    except expat.ExpatError as e:
        raise SourceError("xml", f"not XML: {e}", str(path), "get the file anew") from None
    except (LookupError, UnicodeError) as e:  # of the encoding that its first line names
        raise SourceError("encoding", f"no encoding of XML: {e}", str(path), "convert it to UTF-8") from None
    except ValueError as e:
        if "multi-byte" not in str(e):
            raise
        raise SourceError("encoding", f"no encoding of XML here: {e}", str(path), "convert it to UTF-8") from None


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
