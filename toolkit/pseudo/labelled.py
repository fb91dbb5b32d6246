"""Utterances of data directories with what a model wrote for each of them, one at a time, tied by their ids.

Several folders of hypotheses of one model are read as one: a folder for each set, say. The first folder's model wrote
the labels; folders of another model are a proxy's, with whom the first one may agree or not. Hypotheses stay on the
disk until it is their turn; no audio is opened, not even for its length.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

from ..core.errors import UserError
from ..core.record import Ledger
from ..data.ids import fault
from ..data.kaldi import WAV, DataDir
from ..data.sample import CORPUS
from ..score.hypotheses import Header, Hypothesis, is_hypotheses, read_header, read_hypotheses

NO_LABEL, NOT_IN_DATA = "no label", "label of no utterance"
SHOWN = 5
AGAIN = "transcribe again"


@dataclass(frozen=True, slots=True)
class Known:
    """What a data directory says of an utterance.

    Attributes:
        set: name of the data directory, or, in one that data.sample has drawn, of the set an utterance is from;
            dialect: of utt2lang, empty if it has none.
        seconds: of its audio; NaN if no table says.
        reference: its transcript; None if there is none.
    """

    id: str
    set: str
    dialect: str
    seconds: float
    reference: str | None


@dataclass(frozen=True, slots=True)
class Labelled:
    """An utterance with its label, and what the proxy model wrote for it: None if that is not known."""

    known: Known
    label: Hypothesis
    proxy: str | None = None


@dataclass
class SelectInputs:
    """Data directories; folders of hypotheses of the model that labels, and of the proxy."""

    data: list[Path] = field(default_factory=list)
    labels: list[Path] = field(default_factory=list)
    proxies: list[Path] = field(default_factory=list)
    headers: dict[Path, Header] = field(default_factory=dict)


def recognise(paths: Sequence[Path]) -> SelectInputs:
    """Sort inputs by content. Raises UserError if a kind is missing, for labels of a third model, and the like."""
    found, models = SelectInputs(), list[str]()
    for path in paths:
        if (path / WAV).is_file():
            found.data.append(path)
        elif is_hypotheses(path):
            header = found.headers[path] = read_header(path)
            model = header.model_hash or header.model
            models += [model] if model not in models else []
            if len(models) > 2:
                names = ", ".join(dict.fromkeys(h.model for h in found.headers.values()))
                raise UserError(f"labels of {len(models)} models: {names}", "--in", "name those of one, and of a proxy")
            (found.labels if model == models[0] else found.proxies).append(path)
        else:
            what = "neither a data directory (wav.scp) nor labels (hypotheses.jsonl)"
            raise UserError(what, str(path), "name the outputs of the data stage and of pseudo.transcribe")
    for kind, what, remedy in (
        (found.data, "no data directory", "name a folder that has wav.scp"),
        (found.labels, "no labels", "name the output of pseudo.transcribe"),
    ):
        if not kind:
            raise UserError(f"{what} among the inputs", "--in", remedy)
    return found


def read_known(folders: Sequence[Path]) -> list[Known]:
    """The utterances of all data directories, sorted by id; what they say of themselves.

    Raises UserError for a broken directory, for two of one name, and for an id in two of them: a list of ids could
    not say which one is meant.
    """
    names = [folder.resolve().name for folder in folders]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        where = ", ".join(str(f) for f, name in zip(folders, names, strict=True) if name in twice)
        raise UserError(f"two data directories are called {twice[0]}", where, "rename one: tables tell them by name")
    found: list[Known] = []
    for folder, name in zip(folders, names, strict=True):
        data = DataDir.read(folder, allow_pipes=True, headers=False)
        text, dialects = data.tables.get("text", {}), data.tables.get("utt2lang", {})
        corpora = data.tables.get(CORPUS, {})  # of a set that was drawn from several
        found += [Known(u.id, corpora.get(u.id, name), dialects.get(u.id, ""), u.seconds, text.get(u.id)) for u in data]
    found.sort(key=attrgetter("id"))
    both = [one.id for one, other in pairwise(found) if one.id == other.id]
    if both:
        what = f"{len(both)} utterances are in more than one of the sets: {', '.join(both[:SHOWN])}"
        raise UserError(what, ", ".join(map(str, folders)), "name each utterance once")
    return found


def ordered(folders: Sequence[Path]) -> Iterator[Hypothesis]:
    """The hypotheses of all folders in the order of their ids. Raises UserError for an id that comes twice."""
    previous = ""
    for row in heapq.merge(*map(_checked, folders), key=attrgetter("id")) if folders[1:] else _checked(folders[0]):
        if row.id == previous:  # of two folders: within one it would have been refused
            where = ", ".join(map(str, folders))
            raise UserError(f"two labels of {row.id} by one model", where, "name one folder of labels for each set")
        previous = row.id
        yield row


def labelled(inputs: SelectInputs, ledger: Ledger) -> Iterator[Labelled]:
    """Every utterance that has a label, in the order of ids.

    Utterances without a label and labels without an utterance are rows of the ledger. Raises UserError if the
    labels, or the proxy's, are of none of the utterances at all.
    """
    known, rows = read_known(inputs.data), _Rows(ordered(inputs.labels))
    proxies = _Rows(ordered(inputs.proxies)) if inputs.proxies else None
    met = agreed = 0
    for utterance in known:
        for stranger in rows.before(utterance.id):
            _drop_stranger(stranger, ledger)
        if (label := rows.at(utterance.id)) is None:
            ledger.drop(utterance.id, NO_LABEL)
            continue
        other = proxies.at(utterance.id) if proxies else None
        met, agreed = met + 1, agreed + (other is not None)
        yield Labelled(utterance, label, None if other is None else other.text)
    for stranger in rows.rest():
        _drop_stranger(stranger, ledger)
    for count, folders in ((met, inputs.labels), (agreed, inputs.proxies)):
        if folders and not count:
            what, where = "labels of none of the utterances", ", ".join(map(str, folders))
            raise UserError(what, where, f"name those of {', '.join(map(str, inputs.data))}")


def _drop_stranger(row: Hypothesis, ledger: Ledger) -> None:
    ledger.drop(ascii(row.id)[:80] if fault(row.id) else row.id, NOT_IN_DATA)  # a table is to hold it


class _Rows:
    """A stream in the order of ids, of which one row is looked at ahead."""

    def __init__(self, rows: Iterator[Hypothesis]) -> None:
        self._rows, self._ahead = rows, next(rows, None)

    def before(self, id: str) -> Iterator[Hypothesis]:
        while self._ahead is not None and self._ahead.id < id:
            yield self._ahead
            self._ahead = next(self._rows, None)

    def at(self, id: str) -> Hypothesis | None:
        """The row of that id, if there is one; those before it are passed over."""
        for _ in self.before(id):
            pass
        if self._ahead is None or self._ahead.id != id:
            return None
        found, self._ahead = self._ahead, next(self._rows, None)
        return found

    def rest(self) -> Iterator[Hypothesis]:
        if self._ahead is not None:
            yield self._ahead
            yield from self._rows


def _checked(folder: Path) -> Iterator[Hypothesis]:
    """The rows of a folder. Raises UserError if they are not in the order of ids, or not what transcribe writes."""
    previous = ""
    for row in read_hypotheses(folder):
        if odd := _fault(row):
            raise UserError(f"a hypothesis {odd}", f"{folder}: {str(row.id)[:80]!r}", AGAIN)
        if row.id <= previous:
            what = "comes twice" if row.id == previous else f"comes after {previous}: not in the order of ids"
            raise UserError(f"{row.id[:80]} {what}", str(folder), AGAIN)
        previous = row.id
        yield row


def _fault(row: Hypothesis) -> str:
    """What of a row is not as Hypothesis says; empty where all is. A model's NaN is not a fault, but unknown."""
    if not isinstance(row.id, str) or not isinstance(row.text, str) or not isinstance(row.language, str):
        return "whose id, text or language is no text"
    if not isinstance(row.seconds, int | float) or not (math.isfinite(row.seconds) and row.seconds >= 0):
        return "whose seconds are no length"
    for name in ("avg_logprob", "entropy", "no_speech"):
        value = getattr(row, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            return f"whose {name} is no number"
    return "" if isinstance(row.ended, bool) else "whose `ended` is neither true nor false"
