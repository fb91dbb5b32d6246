"""survival.json, which pseudo.select leaves: what each limit of the WER keeps, and which scores find bad labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .resultfile import ResultFile

SURVIVAL = "survival.json"
GROUPS = {"all": "all", "corpus": "Corpus", "dialect": "Dialect", "duration": "Seconds"}


@dataclass(frozen=True)
class Kept:
    """What a limit keeps of a group: `limit` None is every label that is one. Rates in percent, of what is kept."""

    group: str
    value: str
    limit: float | None
    utterances: int
    of: int
    hours: float
    wer: float | None
    cer: float | None

    @property
    def percent(self) -> float | None:
        return 100 * self.utterances / self.of if self.of else None


@dataclass(frozen=True)
class Histogram:
    """How a score is spread: counts between edges, and how many lie outside them or are not known."""

    score: str
    meaning: str
    edges: list[float]
    counts: list[float]
    outside: int


@dataclass(frozen=True)
class Selection:
    """A folder of pseudo.select.

    Attributes:
        counts: of labels, by what they are.
        areas: score -> limit -> (AUC or None, bad labels, labels).
        selections: name -> what it asks for, how much it keeps, and with which WER and CER.
    """

    profile: str
    counts: dict[str, float]
    rows: list[Kept]
    histograms: list[Histogram]
    areas: dict[str, dict[float, tuple[float | None, int, int]]]
    selections: dict[str, dict[str, Any]]

    @property
    def limits(self) -> list[float]:
        return sorted({row.limit for row in self.rows if row.limit is not None})

    def of(self, group: str) -> list[Kept]:
        return [row for row in self.rows if row.group == group]


def read_selection(folder: Path) -> Selection:
    """Raises UserError for a broken file."""
    whole = ResultFile.read(folder / SURVIVAL)
    areas: dict[str, dict[float, tuple[float | None, int, int]]] = {}
    for row in whole.sections("auc"):
        of_limit = areas.setdefault(row.text("score"), {})
        of_limit[row.number("lambda")] = (row.maybe("auc"), row.whole("bad"), row.whole("of"))
    counts, spread = whole.section("counts"), whole.section("histograms")
    kept = whole.section("selections")
    return Selection(
        profile=whole.text("profile"),
        counts={name: counts.number(name) for name in counts.tree},
        rows=[_kept(row) for row in whole.sections("survival")],
        histograms=[_histogram(name, spread.section(name)) for name in spread.tree],
        areas=areas,
        selections={name: dict(kept.section(name).tree) for name in kept.tree},
    )


def _kept(row: ResultFile) -> Kept:
    return Kept(
        row.text("group"),
        row.text("value"),
        row.maybe("lambda"),
        row.whole("utterances"),
        row.whole("of"),
        row.number("hours"),
        row.maybe("wer"),
        row.maybe("cer"),
    )


def _histogram(name: str, file: ResultFile) -> Histogram:
    outside = sum(file.whole(key) for key in ("below", "above"))
    return Histogram(name, file.text("meaning"), file.numbers("edges"), file.numbers("counts"), outside)
