"""Utterances of data directories with the labels of a model, one at a time, matched by id.

Several folders of hypotheses of one model, e.g. one per set, are read as one. The model of the first folder wrote the
labels; folders of a second model are those of the proxy, whose agreement with the first is measured. Hypotheses are
read one by one; no audio is opened, not even for its length.
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
    """An utterance in its data directory.

    Attributes:
        set: name of the data directory; in one made by data.sample, of the set that the utterance is from.
        dialect: label of utt2lang; empty if it has none.
        seconds: length of the audio; NaN if no table gives it.
        reference: its transcript; None if it has none.
    """

    id: str
    set: str
    dialect: str
    seconds: float
    reference: str | None


@dataclass(frozen=True, slots=True)
class Labelled:
    """An utterance with its label, and the proxy model's label (None if unknown)."""

    known: Known
    label: Hypothesis
    proxy: str | None = None


@dataclass
class SelectInputs:
    """The step's inputs: data directories, folders of labels, folders of the proxy's labels."""

    data: list[Path] = field(default_factory=list)
    labels: list[Path] = field(default_factory=list)
    proxies: list[Path] = field(default_factory=list)
    headers: dict[Path, Header] = field(default_factory=dict)


def recognise(paths: Sequence[Path]) -> SelectInputs:
    """Sort inputs by content. Raises UserError if a kind is missing, or for labels of a third model."""
    inputs, models = SelectInputs(), list[str]()
    for path in paths:
        if (path / WAV).is_file():
            inputs.data.append(path)
        elif is_hypotheses(path):
            header = inputs.headers[path] = read_header(path)
            model = header.model_hash or header.model
            models += [model] if model not in models else []
            if len(models) > 2:
                names = ", ".join(dict.fromkeys(h.model for h in inputs.headers.values()))
                raise UserError(f"labels of {len(models)} models: {names}", "--in", "name those of one, and of a proxy")
            (inputs.labels if model == models[0] else inputs.proxies).append(path)
        else:
            message = "neither a data directory (wav.scp) nor labels (hypotheses.jsonl)"
            raise UserError(message, str(path), "name the outputs of the data stage and of pseudo.transcribe")
    for kind, message, remedy in (
        (inputs.data, "no data directory", "name a folder that has wav.scp"),
        (inputs.labels, "no labels", "name the output of pseudo.transcribe"),
    ):
        if not kind:
            raise UserError(f"{message} among the inputs", "--in", remedy)
    return inputs


def read_known(folders: Sequence[Path]) -> list[Known]:
    """The utterances of all data directories, sorted by id.

    Raises UserError for a broken directory, for two of one name, and for an id in two of them, as lists of
    ids would be ambiguous.
    """
    names = [folder.resolve().name for folder in folders]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        where = ", ".join(str(f) for f, name in zip(folders, names, strict=True) if name in twice)
        raise UserError(f"two data directories are called {twice[0]}", where, "rename one: tables tell them by name")
    utterances: list[Known] = []
    for folder, name in zip(folders, names, strict=True):
        data = DataDir.read(folder, allow_pipes=True, headers=False)
        text, dialects = data.tables.get("text", {}), data.tables.get("utt2lang", {})
        corpora = data.tables.get(CORPUS, {})  # in a set drawn from several sets
        utterances += [
            Known(u.id, corpora.get(u.id, name), dialects.get(u.id, ""), u.seconds, text.get(u.id)) for u in data
        ]
    utterances.sort(key=attrgetter("id"))
    both = [one.id for one, following in pairwise(utterances) if one.id == following.id]
    if both:
        message = f"{len(both)} utterances are in more than one of the sets: {', '.join(both[:SHOWN])}"
        raise UserError(message, ", ".join(map(str, folders)), "name each utterance once")
    return utterances


def ordered(folders: Sequence[Path]) -> Iterator[Hypothesis]:
    """The hypotheses of all folders in the order of their ids. Raises UserError for an id that comes twice."""
    previous = ""
    for row in heapq.merge(*map(_checked, folders), key=attrgetter("id")) if folders[1:] else _checked(folders[0]):
        if row.id == previous:  # from two folders: within one folder _checked refuses it
            where = ", ".join(map(str, folders))
            raise UserError(f"two labels of {row.id} by one model", where, "name one folder of labels for each set")
        previous = row.id
        yield row


def labelled(inputs: SelectInputs, ledger: Ledger) -> Iterator[Labelled]:
    """Every utterance that has a label, in the order of ids.

    Utterances without a label and labels without an utterance are rows of the ledger. Raises UserError if the
    labels, or the proxy's, match none of the utterances.
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
        proxy = proxies.at(utterance.id) if proxies else None
        met, agreed = met + 1, agreed + (proxy is not None)
        yield Labelled(utterance, label, None if proxy is None else proxy.text)
    for stranger in rows.rest():
        _drop_stranger(stranger, ledger)
    for count, folders in ((met, inputs.labels), (agreed, inputs.proxies)):
        if folders and not count:
            message, where = "labels of none of the utterances", ", ".join(map(str, folders))
            raise UserError(message, where, f"name those of {', '.join(map(str, inputs.data))}")


def _drop_stranger(row: Hypothesis, ledger: Ledger) -> None:
    ledger.drop(ascii(row.id)[:80] if fault(row.id) else row.id, NOT_IN_DATA)  # so that a table can hold it


class _Rows:
    """A stream of rows in the order of ids, with one row of lookahead."""

    def __init__(self, rows: Iterator[Hypothesis]) -> None:
        self._rows, self._ahead = rows, next(rows, None)

    def before(self, id: str) -> Iterator[Hypothesis]:
        while self._ahead is not None and self._ahead.id < id:
            yield self._ahead
            self._ahead = next(self._rows, None)

    def at(self, id: str) -> Hypothesis | None:
        """The row with this id, or None; skips the rows before it."""
        for _ in self.before(id):
            pass
        if self._ahead is None or self._ahead.id != id:
            return None
        row, self._ahead = self._ahead, next(self._rows, None)
        return row

    def rest(self) -> Iterator[Hypothesis]:
        if self._ahead is not None:
            yield self._ahead
            yield from self._rows


def _checked(folder: Path) -> Iterator[Hypothesis]:
    """The rows of a folder. Raises UserError if ids are out of order, or a row is not as transcribe writes it."""
    previous = ""
    for row in read_hypotheses(folder):
        if odd := _fault(row):
            raise UserError(f"a hypothesis {odd}", f"{folder}: {str(row.id)[:80]!r}", AGAIN)
        if row.id <= previous:
            message = "comes twice" if row.id == previous else f"comes after {previous}: not in the order of ids"
            raise UserError(f"{row.id[:80]} {message}", str(folder), AGAIN)
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
