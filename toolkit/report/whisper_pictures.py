"""What the page of a distillation draws."""

from __future__ import annotations

from . import pictures, plots
from .pictures import Picture
from .tables import Estimate
from .whisper_results import Distillation
from .whisper_selection import Selection
from .whisper_systems import Scores
from .whisper_tables import DEV_WER

SPREAD = ("wer", "confidence")  # scores whose histograms are drawn
MOST_CURVES = 6  # of one picture of survival


def rates(scores: Scores) -> list[Picture]:
    """A picture per set: the WER of every system with its interval."""
    made = []
    for i, test in enumerate(scores.sets):
        rows = [
            (s.name, e, s.name != scores.reference) for s in scores.systems if (e := scores.rate(s.name, test.name))
        ]
        if rows:
            svg = plots.interval_plot(f"wer{i}", rows, None, "WER %")
            under = f"{scores.profile}; n {test.utterances:,} utterances; grey: {scores.reference}"
            made.append(Picture(f"{test.name}: WER %, lower is better", svg, under))
    return made


def gaps(scores: Scores) -> list[Picture]:
    """A picture per set: the share of the gap that each student closes, half of it dashed."""
    made = []
    for i, test in enumerate(scores.sets):
        rows: list[tuple[str, Estimate, bool]] = []
        for system in scores.students:
            found = scores.gaps.get((system.name, test.name, scores.profile))
            rows += [(system.name, found.share, True)] if found and found.share else []
        if rows:
            svg = plots.interval_plot(f"gap{i}", rows, 50.0, "gap closed %")
            under = f"0: {scores.floor}; 100: {scores.reference}; dashed: half"
            made.append(Picture(f"{test.name}: gap closed %, higher is better", svg, under))
    return made


def survival(selection: Selection) -> list[Picture]:
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


def losses(found: Distillation) -> list[Picture]:
    """The losses and accuracies of each training, and the WER on its dev set."""
    made = pictures.losses(found.common)
    for i, training in enumerate(found.common.trainings):
        if DEV_WER in training.curves:
            steps, fractions = training.curves[DEV_WER]
            percent = [(DEV_WER, steps, [100 * x for x in fractions])]
            made.append(Picture(f"{training.name}: dev WER %", plots.loss_plot(f"devwer{i}", percent, "WER %")))
    return made
