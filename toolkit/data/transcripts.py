"""A table of transcripts, speakers and labels beside a folder of recordings.

Tab-separated, the first line names the columns, quotation marks are text (QUOTE_NONE), UTF-8 with or without a
byte order mark. Every row has as many fields as the first line; a recording that another row may mean is not used.
"""

from __future__ import annotations

import codecs
import difflib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from ..core.links import absent
from ..text.invisible import name_of
from ..text.not_known import is_not_known, known_name, transcript_of
from .malformed import ENCODING, MALFORMED, Form, Malformed, read_line
from .rows import of_another_kind, rows_of
from .tables import BOM

COLUMNS = {  # meaning of a column -> its possible names; the first that exists is used
    "path": ("path", "file", "filename", "file_name", "audio", "wav"),
    "text": ("text", "sentence", "transcript", "transcription"),
    "speaker": ("speaker", "speaker_id", "client_id", "spk"),
    "dialect": ("dialect", "lang", "language"),
    "gender": ("gender", "sex"),
    "emotion": ("emotion",),
    "summary": ("summary",),
}
NAMES = ("speaker", "dialect", "gender", "emotion")  # names as they are compared; empty where one is not known
NEAR = 0.75  # similarity (difflib) above which an unknown name counts as a misspelt known one


def _text(field: str) -> str:
    return transcript_of(field.strip())


_CLEAN = {**dict.fromkeys(NAMES, known_name), "text": _text, "summary": _text}


@dataclass(frozen=True, slots=True)
class TranscriptRow:
    """A line of the table; a field without a column or value is empty."""

    line: int
    path: str
    text: str = ""
    speaker: str = ""
    dialect: str = ""
    gender: str = ""
    emotion: str = ""
    summary: str = ""


@dataclass(frozen=True)
class LostRow:
    """A row that cannot be used: the reason and a detail for the ledger; its path and its other fields, if told."""

    line: int
    reason: str
    detail: str
    path: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transcripts:
    """The rows that can be used, the meanings that have a column, and the rows that cannot be used."""

    rows: list[TranscriptRow]
    columns: frozenset[str]
    lost: list[LostRow]

    @property
    def bad(self) -> list[tuple[int, str, str]]:
        """(line, reason, detail) of the rows that cannot be used."""
        return [(row.line, row.reason, row.detail) for row in self.lost]


def read_transcripts(path: Path) -> Transcripts:
    """The table at `path`; prints which of its columns are used.

    Raises UserError if it is no table in UTF-8 with rows and a column of paths, if a column seems misspelt, and if less
    than half of its lines, or none, are rows.
    """
    header, *lines = _lines(path)
    names = [name_of(name).lower() for name in header.decode("utf-8", "replace").split("\t")]
    places = {meaning: names.index(name) for meaning, name in _columns(names, path).items()}
    columns = [(meaning, place, _CLEAN.get(meaning, str.strip)) for meaning, place in places.items()]
    form = Form(len(names), text_first=0 in places.values() and places["path"] != 0, header=tuple(names))
    rows: list[TranscriptRow] = []
    lost: list[LostRow] = []
    for row in rows_of((read_line(number, raw) for number, raw in enumerate(lines, 2)), form):
        if isinstance(row, Malformed):
            given = row.fields[places["path"]].strip() if places["path"] < len(row.fields) else ""
            lost.append(LostRow(row.line, row.kind, row.detail(path.name), given, row.fields))
            continue
        line, fields = row
        if fields[places["path"]].strip():
            rows.append(TranscriptRow(line, **{meaning: clean(fields[place]) for meaning, place, clean in columns}))
        else:
            lost.append(LostRow(line, "columns", "no path", fields=tuple(fields)))
    _tell_quoted(path.name, rows)
    _refuse_another_kind(path, rows, lost, lines)
    return Transcripts(rows, frozenset(places), lost)


def _tell_quoted(name: str, rows: Sequence[TranscriptRow]) -> None:
    """Warn of fields as spreadsheets and pandas write them, whose quotation marks are text here."""
    doubled = [
        row.line for row in rows if any(_quoted(value) and '""' in value[1:-1] for value in (row.text, row.summary))
    ]
    paths = [row.line for row in rows if _quoted(row.path)]
    remedy = "this table has no quotation marks of CSV, they are text; write it without them (quoting=csv.QUOTE_NONE)"
    for count, fields in (
        (doubled, "fields stand in quotation marks with doubled ones inside"),
        (paths, "paths stand in quotation marks"),
    ):
        if count:
            print(f"WARNING: {name}: {len(count):,} {fields}, the first in line {count[0]}: {remedy}")


def _quoted(value: str) -> bool:
    return len(value) > 2 and value.startswith('"') and value.endswith('"')


def _refuse_another_kind(
    path: Path, rows: Sequence[TranscriptRow], lost: Sequence[LostRow], lines: Sequence[bytes]
) -> None:
    """Raise UserError if rows with letters are mostly in another encoding, or lines mostly no rows."""
    foreign = sum(not raw.isascii() for raw in lines)
    broken = sum(row.reason == ENCODING for row in lost)
    if broken > 1 and 2 * broken > foreign:
        message = f"{broken} of the {foreign} rows with letters beyond ASCII are not UTF-8 (cp1256?)"
        raise UserError(message, str(path), _rewritten(path, "iconv -f CP1256 -t UTF-8"))
    malformed = [row for row in lost if row.reason == MALFORMED]
    if of_another_kind(len(rows), len(malformed)):
        count = f"{len(malformed):,} of {len(rows) + len(malformed):,} lines are no rows of this table"
        remedy = "give each row as many tabs as the first line has, also before empty fields"
        raise UserError(f"{count}: {malformed[0].detail}", f"{path}, line {malformed[0].line}", remedy)


def _lines(path: Path) -> list[bytes]:
    """Lines of the table, the header first. Raises UserError for other encodings, line ends and separators."""
    data = path.read_bytes()
    lines = data.removeprefix(BOM).split(b"\n")
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if marked or b"\0" in lines[0]:
        code = "UTF-16" if marked else "UTF-16LE" if data[1:2] == b"\0" else "UTF-16BE"
        raise UserError("a table that looks like UTF-16", str(path), _rewritten(path, f"iconv -f {code} -t UTF-8"))
    if b"\r" in lines[0].rstrip(b"\r"):
        message = "a table whose lines end in a carriage return alone"
        raise UserError(message, str(path), _rewritten(path, "tr '\\r' '\\n'"))
    if b"\t" not in lines[0] and (mark := re.search(rb"[,;]", lines[0])):
        remedy = _rewritten(path, _from_csv(mark[0].decode()))
        raise UserError(f"a table without tabs: is it apart by {mark[0].decode()!r}?", f"{path}, line 1", remedy)
    if not any(line.strip() for line in lines[1:]):
        raise UserError("a table without a row below its header", str(path), "fill it, or set `table: none`")
    return lines


def _columns(names: Sequence[str], path: Path) -> dict[str, str]:
    """Meaning -> name of its column, printed. Raises UserError: no paths, one name twice, a name near a known one."""
    where = f"{path}, line 1"
    used = {m: matching[0] for m, known in COLUMNS.items() if (matching := [name for name in known if name in names])}
    if "path" not in used:
        wanted = COLUMNS["path"]
        near = [name for name in names if difflib.get_close_matches(name, wanted, 1)]
        hint = f"rename {near[0]!r} to path" if near else f"call the column of recordings {' or '.join(wanted[:2])}"
        raise UserError(f"no column of paths among {', '.join(names)}", where, hint)
    if twice := [name for name in used.values() if names.count(name) > 1]:
        raise UserError(f"two columns of one name: {', '.join(twice)}", where, "take one of the two out")
    free = [name for meaning, known in COLUMNS.items() if meaning not in used for name in known]
    ignored = [name for name in names if name not in used.values()]
    if misspelt := [f"{name} (did you mean {n}?)" for name in ignored for n in _near(name, free, NEAR)]:
        raise UserError(f"columns that seem misspelt: {', '.join(misspelt)}", where, "rename them, or take them out")
    everything = [name for known in COLUMNS.values() for name in known]
    told = [
        (name or "one without a name") + "".join(f" (like {n})" for n in _near(name, everything)) for name in ignored
    ]
    columns = [name if name == meaning else f"{name} as {meaning}" for meaning, name in used.items()]
    print(f"table {path.name}: uses {', '.join(columns)}" + (f"; ignores {', '.join(told)}" if told else ""))
    return used


def _near(name: str, known: Sequence[str], closeness: float = 0.6) -> list[str]:
    return difflib.get_close_matches(name, known, 1, closeness)


def _rewritten(path: Path, command: str) -> str:
    """A remedy: a command line that passes the file through `command` in place."""
    file, new = shlex.quote(str(path)), shlex.quote(f"{path}.new")
    return f"{command} < {file} > {new} && mv {new} {file}"


def _from_csv(delimiter: str = ",") -> str:
    reader = f"csv.reader(open(0, encoding='utf-8-sig', newline=''), delimiter='{delimiter}')"
    return f"python3 -c \"import csv; [print(*row, sep='\\t') for row in {reader}]\""


def _as_tsv(path: Path) -> str:
    old, new = shlex.quote(str(path)), shlex.quote(str(path.with_suffix(".tsv")))
    return f"{_from_csv()} < {old} > {new}" if path.suffix.lower() == ".csv" else f"mv {old} {new}"


def find_table(corpus: Path, named: str) -> Path | None:
    """The table of a corpus: as named, or with `auto` the only .tsv at its top; None if there is none."""
    if named == "none":
        return None
    if named != "auto":
        path = corpus / named
        if not path.is_file():
            raise UserError(absent(path, "table of transcripts"), str(path), "mend `table`, or set it to none")
        return path
    tables = sorted(p for p in corpus.glob("*.[tcTC][sS][vV]") if p.is_file() and not p.name.startswith("."))
    tsv = [p for p in tables if p.suffix == ".tsv"]
    if len(tsv) > 1:
        names = ", ".join(p.name for p in tsv)
        raise UserError(f"several tables: {names}", str(corpus), "name one: table: FILE (or none)")
    if tables and not tsv:
        names = ", ".join(p.name for p in tables[:3]) + ", ..." * (len(tables) > 3)
        print(
            f"NOTE: not read: {names}: a table is a .tsv, with tabs between columns. To make one: {_as_tsv(tables[0])}"
        )
    return tsv[0] if tsv else None


def speaker_of(rel: str, row: TranscriptRow | None, rule: str) -> str:
    """Speaker of the recording `rel`: from its row, else by the rule (folder, top_folder, recording).

    As names are compared, since two systems may write one differently. A folder called unknown names nobody.
    """
    folder = rel.rpartition("/")[0]
    if row and row.speaker:
        return name_of(row.speaker)
    name = folder.split("/")[0] if rule == "top_folder" else folder
    if rule == "recording" or is_not_known(name):
        name = rel.rpartition(".")[0]
    return name_of(name)
