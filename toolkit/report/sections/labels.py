"""Pseudo-labels: how many there are, what each limit of the WER keeps, and which scores find bad ones."""

from __future__ import annotations

from ..render import plots
from ..section import Block, Cell, Picture, Pictures, Section, Table, listed
from ..section import Column as Heading
from ..sources.collect import Run
from ..sources.selection import GROUPS, Selection
from ..value import ABSENT, fixed
from .systems import count

SPREAD = ("wer", "confidence")  # scores whose histograms are drawn
MOST_CURVES = 6  # of one picture of survival


def labels(run: Run) -> Section | None:
    """The labels and windows, then the selection."""
    if not (run.labels or run.packs or run.selection):
        return None
    blocks: list[Block] = [label_table(run)] if run.labels or run.packs else []
    if selection := run.selection:
        drawn = pictures(selection)
        blocks += [Pictures(drawn)] if drawn else []
        groups = [group_table(selection, name) for name in ("corpus", "dialect", "duration")]
        tables = [survival_table(selection), kept_table(selection), *groups, area_table(selection)]
        blocks += [table for table in tables if table]
    return Section("labels", "Labels", blocks)


def label_table(run: Run) -> Table:
    """Pseudo-labels and the windows they were packed into."""
    rows: list[list[Cell]] = []
    for labels in run.labels:
        made = f"{labels.set} by {labels.model} ({count(labels.parameters) or ABSENT} parameters)"
        rows.append(
            [
                str(labels.folder),
                f"pseudo-labels of {made}",
                *_counted(labels.counts),
                None if labels.rtf is None else f"{labels.rtf:.3f}",
            ]
        )
    for pack in run.packs:
        kind = f"windows of {pack.labels} labels" + (f", selection {pack.keep}" if pack.keep else "")
        rows.append([str(pack.folder), kind, *_counted(pack.counts), None])
    titles = [Heading("Utterances"), Heading("Hours"), Heading("Windows"), Heading("Padding %"), Heading("RTF ↓")]
    columns = [Heading("Folder", "left"), Heading("Content", "left"), *titles]
    notes = [
        f"{ABSENT}: the record does not count it. Padding: what of the encoder's 30 s is silence after packing. RTF: "
        "seconds of decoding over seconds of audio, as measured in this run."
    ]
    return Table("Labels", columns, rows, notes, "this run")


def _counted(counts: dict[str, float]) -> list[Cell]:
    shown = (("utterances", "{:,.0f}"), ("hours", "{:,.2f}"), ("windows", "{:,.0f}"), ("padding_percent", "{:.1f}"))
    return [shape.format(counts[name]) if name in counts else None for name, shape in shown]


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
    counts = [f"{n:,.0f} {words}" for key, words in COUNTED.items() if (n := selection.counts.get(key))]
    notes += [f"Labels: {', '.join(counts)}."] if counts else []
    if not selection.limits:
        notes.append(f"{ABSENT}: no label has a reference, so there is no WER to filter by.")
    columns = [Heading("λ", "left"), *map(Heading, titles)]
    return Table("What each limit of the WER keeps", columns, rows or [[ABSENT, *[None] * 5]], notes, "this run")


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
    columns = [Heading(GROUPS[group], "left"), Heading("Of"), *(Heading(f"λ {limit:g}") for limit in selection.limits)]
    title = f"What each limit keeps, by {group}, % of utterances with a reference"
    return Table(title, columns, body, [], "this run")


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
    columns = [Heading("Score", "left"), *(Heading(f"λ {limit:g}") for limit in limits)]
    title = "Scores that need no reference: AUC against WER > λ"
    return Table(title, columns, body or [[ABSENT, *[None] * len(limits)]], notes, "this run")


def kept_table(selection: Selection) -> Table | None:
    """The named selections; None where there is none."""
    body: list[list[Cell]] = []
    for name, about in selection.selections.items():
        dropped = about.get("dropped")
        reasons = ", ".join(f"{reason}: {n:,}" for reason, n in dropped.items()) if isinstance(dropped, dict) else ""
        numbers = [_number(about.get(key)) for key in ("utterances", "hours", "wer", "cer")]
        shown = [None if n is None else f"{n:,.{digits}f}" for n, digits in zip(numbers, (0, 2, 1, 1), strict=True)]
        body.append([name, str(about.get("criterion") or "every label"), *shown, reasons or None])
    words = [Heading("Selection", "left"), Heading("Asks for", "left")]
    figures = map(Heading, ["Utterances", "Hours", "WER of them % ↓", "CER of them % ↓"])
    columns = [*words, *figures, Heading("Dropped", "left")]
    notes = [f"{ABSENT}: no reference to hold the labels against, or nothing dropped."]
    return Table("Selections", columns, body, notes, "this run") if body else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _one(value: float | None) -> str | None:
    return None if value is None else fixed(value)


def pictures(selection: Selection) -> list[Picture]:
    """What each limit leaves: of all, by dialect and by duration; how WER and confidence are spread."""
    made = []
    whole = [
        (row.limit, row.percent) for row in selection.of("all") if row.limit is not None and row.percent is not None
    ]
    if whole:
        all_of_them = ("all", [x for x, _ in whole], [y for _, y in whole])
        for group in ("dialect", "duration", "corpus"):
            values = list(dict.fromkeys(row.value for row in selection.of(group)))
            if not 1 < len(values) <= MOST_CURVES:
                continue
            curves = [all_of_them]
            for value in values:
                rows = [
                    r for r in selection.of(group) if r.value == value and r.limit is not None and r.percent is not None
                ]
                title = f"{value} s" if group == "duration" else value
                curves.append((title, [float(r.limit or 0) for r in rows], [float(r.percent or 0) for r in rows]))
            made.append(Picture(f"Kept at λ, by {group}", plots.survival_plot(f"kept-{group}", curves, "% kept")))
        if not made:
            made.append(Picture("Kept at λ", plots.survival_plot("kept", [all_of_them], "% kept")))
    for histogram in selection.histograms:
        if histogram.score in SPREAD and any(histogram.counts):
            svg = plots.bins_plot(f"spread-{histogram.score}", histogram.edges, histogram.counts, histogram.meaning)
            under = f"{histogram.outside:,} labels lie outside" if histogram.outside else ""
            made.append(Picture(f"Labels by {histogram.score}", svg, under))
    return made
