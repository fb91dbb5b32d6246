"""survival.json, which pseudo.select leaves: what each limit of the WER keeps, and which scores find bad labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .resultfile import ResultFile
from .tables import ABSENT, THIS_RUN, Cell, Column, Table, fixed, listed

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


def _histogram(name: str, said: ResultFile) -> Histogram:
    outside = sum(said.whole(key) for key in ("below", "above"))
    return Histogram(name, said.text("meaning"), said.numbers("edges"), said.numbers("counts"), outside)


def survival_table(selection: Selection) -> Table:
    """A row per limit: how much it keeps, and how wrong that still is."""
    rows: list[list[Cell]] = [
        [
            "no limit" if row.limit is None else f"{row.limit:g}",
            f"{row.utterances:,} of {row.of:,}",
            _one(row.percent),
            f"{row.hours:.2f}",
            _one(row.wer),
            _one(row.cer),
        ]
        for row in selection.of("all")
    ]
    titles = ["Utterances", "Share %", "Hours", "WER of them % ↓", "CER of them % ↓"]
    notes = [
        f"λ: an utterance stays whose label has a WER of at most so many percent against its reference, under "
        f"{selection.profile}; single utterances, before packing. No limit: every label that is neither empty nor cut "
        f"off, of all labels; with a limit, of those with a reference."
    ]
    said = [f"{n:,.0f} {what}" for key, what in COUNTED.items() if (n := selection.counts.get(key))]
    notes += [f"Labels: {', '.join(said)}."] if said else []
    if not selection.limits:
        notes.append(f"{ABSENT}: no label has a reference, so there is no WER to filter by.")
    columns = [Column("λ", "left"), *map(Column, titles)]
    return Table("What each limit of the WER keeps", columns, rows or [[ABSENT, *[None] * 5]], notes, THIS_RUN)


COUNTED = {
    "utterances": "in all",
    "empty": "empty",
    "cut_off": "cut off at the limit of tokens",
    "referenced": "with a reference",
    "no_label": "utterances without a label",
}


def group_table(selection: Selection, group: str) -> Table | None:
    """Percent that each limit keeps, by what one group tells apart; None where there is one value, or none."""
    rows = selection.of(group)
    values = list(dict.fromkeys(row.value for row in rows))
    if len(values) < 2 or not selection.limits:
        return None
    by = {(row.value, row.limit): row for row in rows}
    body: list[list[Cell]] = []
    for value in values:
        counted = [by.get((value, limit)) for limit in selection.limits]
        of = next((row.of for row in counted if row), None)
        body.append(
            [value, None if of is None else f"{of:,}", *(_one(row.percent) if row else None for row in counted)]
        )
    columns = [Column(GROUPS[group], "left"), Column("Of"), *(Column(f"λ {limit:g}") for limit in selection.limits)]
    title = f"What each limit keeps, by {group}, % of utterances with a reference"
    return Table(title, columns, body, [], THIS_RUN)


def area_table(selection: Selection) -> Table | None:
    """How well scores that need no reference find the labels that a limit would drop; None without any."""
    if not selection.areas:
        return None
    limits = sorted({limit for of_limit in selection.areas.values() for limit in of_limit})
    body: list[list[Cell]] = []
    unknown = [score for score, of in selection.areas.items() if not any(n for _, _, n in of.values())]
    for score, of_limit in selection.areas.items():
        if score in unknown:
            continue
        cells = [of_limit.get(limit, (None, 0, 0))[0] for limit in limits]
        body.append([score, *(None if area is None else fixed(area, 3) for area in cells)])
    bad = {limit: max((of[limit][1] for of in selection.areas.values() if limit in of), default=0) for limit in limits}
    notes = [
        "AUC: the chance that a label whose WER is above λ has the worse score than one whose WER is not: 0.5 finds "
        "nothing, 1 all. Above λ: " + ", ".join(f"{n:,} at {limit:g}" for limit, n in bad.items()) + ".",
    ]
    notes += [f"{ABSENT}: all labels are on one side of λ."] if any(None in row for row in body) else []
    notes += [f"Not known of these labels: {listed(unknown)}."] if unknown else []
    columns = [Column("Score", "left"), *(Column(f"λ {limit:g}") for limit in limits)]
    title = "Scores that need no reference: AUC against WER > λ"
    return Table(title, columns, body or [[ABSENT, *[None] * len(limits)]], notes, THIS_RUN)


def kept_table(selection: Selection) -> Table | None:
    """The named selections; None where there is none."""
    body: list[list[Cell]] = []
    for name, said in selection.selections.items():
        dropped = said.get("dropped")
        reasons = ", ".join(f"{reason}: {n:,}" for reason, n in dropped.items()) if isinstance(dropped, dict) else ""
        numbers = [_number(said.get(key)) for key in ("utterances", "hours", "wer", "cer")]
        shown = [None if n is None else f"{n:,.{digits}f}" for n, digits in zip(numbers, (0, 2, 1, 1), strict=True)]
        body.append([name, str(said.get("criterion") or "every label"), *shown, reasons or None])
    words = [Column("Selection", "left"), Column("Asks for", "left")]
    figures = map(Column, ["Utterances", "Hours", "WER of them % ↓", "CER of them % ↓"])
    columns = [*words, *figures, Column("Dropped", "left")]
    notes = [f"{ABSENT}: no reference to hold the labels against, or nothing dropped."]
    return Table("Selections", columns, body, notes, THIS_RUN) if body else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _one(value: float | None) -> str | None:
    return None if value is None else fixed(value)
