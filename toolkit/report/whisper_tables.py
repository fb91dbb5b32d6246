"""The tables of a distillation: systems, dialects, paired tests, categories of error, labels, packs, training."""

from __future__ import annotations

from dataclasses import replace

from .model_table import count
from .tables import ABSENT, THIS_RUN, UNPAIRED, Cell, Column, Estimate, Judged, Outcome, Table, fixed, listed
from .whisper_results import Distillation, Trained
from .whisper_systems import ALL, MACRO, Scores

MEASURES = ("WER", "CER")
DEV_WER = "dev wer"  # column of loss.tsv, a fraction
WHERE = {ALL: "all sets (micro: all utterances as one set)", MACRO: "all sets (macro: mean of the sets, unweighted)"}
AGREEMENT = (
    "Agreement: 100 − WER of the system's words against those of {reference}, as if {reference} were right; below 0 "
    "where a system writes many words more."
)
GAP = (
    "Gap closed: (U − WER) / (U − WER of {reference}), U being the WER of the undistilled student ({floor}), all "
    "three on the same draws: 0 is the undistilled student, 100 is {reference}."
)
PAIRED = (
    "Points: WER of the system − WER of {reference}, tested in pairs, ahead or behind where the interval leaves out 0; "
    "p of the bootstrap, corrected over the sets (Holm)."
)


def system_tables(scores: Scores) -> list[Table]:
    """Table 1 in parts: the mean over sets where there are several, each set, all utterances as one set."""
    names = [s.name for s in scores.sets]
    places = [MACRO, *names, ALL] if len(names) > 1 else names
    shown = [place for place in places if any(scores.rate(s.name, place) for s in scores.systems)]
    letters = "abcdefghijklmnopqrstuvwxyz"
    tables = [
        system_table(scores, place, f"Table 1{letters[i] if len(shown) > 1 and i < len(letters) else ''}")
        for i, place in enumerate(shown)
    ]
    if tables:
        tables[0] = replace(tables[0], notes=[*tables[0].notes, *_definitions(scores)])
    return tables


def _definitions(scores: Scores) -> list[str]:
    """What the columns mean: once, under the first of the tables."""
    named = {"reference": scores.reference, "floor": scores.floor}
    words = [AGREEMENT, *([GAP] if scores.gaps else []), *([PAIRED] if scores.contests else [])]
    said = [f"Columns without a profile are under {scores.profile}. {' '.join(words).format(**named)}"]
    if any(c.difference.low is None for c in scores.contests):
        said.append(f"{UNPAIRED}: no interval: every draw gives the same difference, or there is a single block.")
    if any(found.share and found.share.low is None for found in scores.gaps.values()):
        said.append("A share of the gap without an interval: the same on every draw, or of a single block.")
    if scores.costs:
        machines = dict.fromkeys(cost.machine for cost in scores.costs.values() if cost.machine)
        where = "; ".join(machines) or "on a machine that is not named"
        said.append(
            f"RTF: seconds of decoding over seconds of audio, and the most memory of the process: as measured in this "
            f"run, {where}."
        )
    return said


def system_table(scores: Scores, place: str, label: str) -> Table:
    """A row per system: error rates under each profile, agreement, gap, paired test, size, speed."""
    measured = [(profile, measure) for profile in scores.profiles for measure in MEASURES]
    paired = any(c.set == place and c.other == scores.reference for c in scores.contests)
    gaps, costs = any(key[1] == place for key in scores.gaps), any(key[1] == place for key in scores.costs)
    rows: list[list[Cell]] = []
    for system in scores.systems:
        cells: list[Cell] = [system.name, count(system.parameters)]
        cells += [scores.rates.get((system.name, place, "", profile, measure)) for profile, measure in measured]
        cells.append(scores.agreement.get((system.name, place, scores.profile)))
        if gaps:
            found = scores.gaps.get((system.name, place, scores.profile))
            cells.append(found.share if found else None)
        if paired:
            contest = scores.contest(system.name, scores.reference, place, scores.profile)
            cells += [judged(contest.difference), p_value(contest.p_holm)] if contest else [None, None]
        if costs:
            cost = scores.costs.get((system.name, place))
            cells += [_fixed(cost.rtf, 3), _fixed(cost.memory_mb, 0)] if cost else [None, None]
        rows.append(cells)
    titles = ["Parameters", *(f"{m} % ↓, {profile}" for profile, m in measured), "Agreement % ↑"]
    titles += ["Gap closed % ↑"] if gaps else []
    titles += [f"Points to {scores.reference}", "p"] if paired else []
    titles += ["RTF ↓", "Memory MB ↓"] if costs else []
    reference = frozenset(i for i, s in enumerate(scores.systems) if s.name == scores.reference)
    return Table(
        title=f"{label}. Systems on {WHERE.get(place, place)}",
        columns=[Column("System", "left"), *map(Column, titles)],
        rows=rows,
        notes=_notes(scores, place),
        mark=THIS_RUN,
        strong=reference,
    )


def _notes(scores: Scores, place: str) -> list[str]:
    """What holds of this table alone."""
    notes = []
    if test := next((s for s in scores.sets if s.name == place), None):
        notes.append(
            f"{test.utterances:,} utterances. [{scores.confidence:g} % interval]: bootstrap, {scores.replicates:,} "
            f"replicates, {test.blocks}s drawn."
        )
    reasons = sorted({found.why for key, found in scores.gaps.items() if key[1] == place and found.why})
    notes += [f"{ABSENT} under Gap closed: {why}." for why in reasons]
    gone = [system for system, name in scores.lacking if place in (name, ALL, MACRO)]
    if gone:
        what = place if test else "every set"
        notes.append(f"{ABSENT}: {listed(dict.fromkeys(gone))} did not transcribe {what}.")
    return notes


def dialect_tables(scores: Scores) -> list[Table]:
    """A table per set of several dialects: a row per dialect, a column per system."""
    made = []
    for test in (s for s in scores.sets if s.dialects):
        rows: list[list[Cell]] = []
        for dialect, utterances in [*test.dialects.items(), ("macro over dialects", None)]:
            figures = [scores.rate(s.name, test.name, "WER", dialect) for s in scores.systems]
            rows.append([dialect, None if utterances is None else f"{utterances:,}", *figures])
        columns = [Column("Dialect", "left"), Column("Utterances"), *(Column(s.name) for s in scores.systems)]
        title = f"Dialects of {test.name}: WER % ↓, {scores.profile}"
        made.append(Table(title, columns, rows, [_few(test.dialects, scores)], THIS_RUN))
    return made


def _few(dialects: dict[str, int], scores: Scores) -> str:
    least = min(dialects.values())
    said = f"[{scores.confidence:g} % interval], as in Table 1."
    return said if least > 1 else f"{said} Without one: a dialect of one speaker or utterance, which says little of it."


def contest_table(scores: Scores) -> Table:
    """Every paired test, under every profile."""
    rows: list[list[Cell]] = []
    for c in scores.contests:
        figures: list[Cell] = [judged(c.difference), p_value(c.p), p_value(c.p_holm)]
        figures += [f"{c.segments:,}", p_value(c.segments_p), p_value(c.segments_p_holm)]
        rows.append([c.system, c.other, c.set, c.profile, *figures])
    words = [Column(title, "left") for title in ("System", "Against", "Set", "Profile")]
    titles = ["Points of WER", "p", "p, Holm", "Segments", "MAPSSWE p", "MAPSSWE p, Holm"]
    notes = [
        "Points: WER of the system − WER of the other, negative where the system has fewer errors. p: paired "
        "bootstrap; Holm: corrected over the sets. MAPSSWE knows no speakers; of fewer than 50 segments it is rough."
    ]
    if not rows:
        notes = [f"{ABSENT}: only one system was scored."]
    absent: list[list[Cell]] = [[ABSENT, *[None] * 9]]
    return Table("Paired tests", [*words, *map(Column, titles)], rows or absent, notes, THIS_RUN)


def category_table(scores: Scores) -> Table:
    """Share of utterances with each category of error, and of those that repeat themselves or are empty."""
    names = scores.category_names
    rows: list[list[Cell]] = []
    first = set()
    for test in scores.sets:
        first.add(len(rows))
        for system in scores.systems:
            found = scores.categories.get((system.name, test.name))
            if found:
                shares = [fixed(found[name][1]) if name in found else None for name in names]
                rows.append(
                    [test.name, system.name, *shares, *(fixed(found[name][1]) for name in ("repeating", "cut_off"))]
                )
    columns = [Column("Set", "left"), Column("System", "left"), *map(Column, [*names, "repeats itself", "cut off"])]
    notes = [
        f"Percent of utterances, under {scores.category_profile}. An utterance has the first category that fits, by "
        "rules of spelling that are ours; they are not the paper's, which people judged. Repeats itself: a hypothesis "
        "caught in a loop, whatever its reference says; cut off: one that ends at the limit of tokens. The "
        "alignments are pages in inspect/ beside systems.json."
    ]
    absent: list[list[Cell]] = [[ABSENT, *[None] * (len(names) + 3)]]
    return Table("Categories of error", columns, rows or absent, notes, THIS_RUN, first=frozenset(first - {0}))


def example_table(scores: Scores, longest: int = 300) -> Table | None:
    """Some utterances as the reference and every system write them; None where none are told."""
    rows: list[list[Cell]] = []
    first = set()
    for example in scores.examples:
        first.add(len(rows))
        where = ", ".join(filter(None, (str(example.get("set", "")), str(example.get("dialect", "")))))
        texts = example.get("hypotheses")
        said = texts if isinstance(texts, dict) else {}
        rows.append([f"{example.get('id', '')} ({where})", "reference", cut(example.get("reference"), longest)])
        rows += [["", s.name, cut(said[s.name], longest)] for s in scores.systems if s.name in said]
    columns = [Column(title, "left") for title in ("Utterance", "By", "Text")]
    notes = ["Drawn by seed, not chosen; texts as they stand in the files, before any normalisation."]
    return Table("What they write", columns, rows, notes, THIS_RUN, first=frozenset(first - {0})) if rows else None


def cut(text: object, longest: int) -> str:
    said = " ".join(str(text or "").split())
    return (said if len(said) <= longest else said[: longest - 1] + "…") or "(nothing)"


def label_table(found: Distillation) -> Table:
    """Pseudo-labels and the windows they were packed into."""
    rows: list[list[Cell]] = []
    for labels in found.labels:
        said = f"{labels.set} by {labels.model} ({count(labels.parameters) or ABSENT} parameters)"
        rows.append([str(labels.folder), f"pseudo-labels of {said}", *_counted(labels.counts), _fixed(labels.rtf, 3)])
    for pack in found.packs:
        what = f"windows of {pack.labels} labels" + (f", selection {pack.keep}" if pack.keep else "")
        rows.append([str(pack.folder), what, *_counted(pack.counts), None])
    titles = [Column("Utterances"), Column("Hours"), Column("Windows"), Column("Padding %"), Column("RTF ↓")]
    columns = [Column("Folder", "left"), Column("What", "left"), *titles]
    notes = [
        f"{ABSENT}: the record does not count it. Padding: what of the encoder's 30 s is silence after packing. RTF: "
        "seconds of decoding over seconds of audio, as measured in this run."
    ]
    if not rows:
        notes = [f"{ABSENT}: neither pseudo-labels nor windows are among the inputs."]
    return Table("Labels", columns, rows or [[ABSENT, *[None] * 6]], notes, THIS_RUN)


def _counted(counts: dict[str, float]) -> list[Cell]:
    shown = (("utterances", "{:,.0f}"), ("hours", "{:,.2f}"), ("windows", "{:,.0f}"), ("padding_percent", "{:.1f}"))
    return [shape.format(counts[name]) if name in counts else None for name, shape in shown]


def training_table(found: Distillation) -> Table:
    """What each network learnt from, how large it is, and where its losses began and ended."""
    sizes = {s.name: s.parameters for s in found.scores.systems} if found.scores else {}
    rows: list[list[Cell]] = []
    for network in found.networks:
        size = network.parameters or sizes.get(network.name)
        rows.append(
            [network.name, _said(network.shape), count(size) if size else None, "not trained here", *[None] * 6]
        )
    for trained in found.trained:
        t = trained.training
        size = sizes.get(t.name)
        losses = [None if v is None else f"{v:.3f}" for v in (t.first("loss"), t.last("loss"), t.last("dev loss"))]
        figures: list[Cell] = [f"{t.steps:,}", *losses, _best_wer(trained), _minutes(trained.seconds)]
        rows.append([t.name, _said(t.shape), count(size) if size else None, trained.pack, *figures])
    words = [Column("Network", "left"), Column("Shape", "left"), Column("Parameters"), Column("Learnt from", "left")]
    titles = ["Steps", "First loss", "Last loss", "Last dev loss", "Best dev WER % ↓", "Minutes"]
    notes = []
    if any(None in row for row in rows):
        notes.append(
            f"{ABSENT}: parameters are known of systems that were scored; what a network learnt from, of trainings "
            "with a record; losses and WER, where loss.tsv has them."
        )
    if skipped := [f"{t.name}: {t.gaps}" for t in found.common.trainings if t.gaps]:
        notes.append(f"Values of loss.tsv that are not finite: {', '.join(skipped)}.")
    if not rows:
        notes = [f"{ABSENT}: no network is among the inputs."]
    absent: list[list[Cell]] = [[ABSENT, *[None] * 9]]
    return Table("Training", [*words, *map(Column, titles)], rows or absent, notes, THIS_RUN)


def _best_wer(trained: Trained) -> str | None:
    """The lowest WER on the dev set in percent; loss.tsv has fractions."""
    _, values = trained.training.curves.get(DEV_WER, ([], []))
    return fixed(100 * min(values)) if values else None


def _minutes(seconds: float | None) -> str | None:
    return None if seconds is None else fixed(seconds / 60)


def _said(shape: dict[str, str]) -> str | None:
    return ", ".join(f"{name} {value}" for name, value in shape.items()) or None


def judged(difference: Estimate) -> Judged:
    """How a system stands to the other, of which it has so many points of WER more: by the interval alone."""
    low, high = difference.low, difference.high
    outcome: Outcome = "not told apart"
    if low is not None and high is not None and not low <= 0 <= high:
        outcome = "ahead" if high < 0 else "behind"
    return Judged(outcome, difference)


def p_value(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _fixed(value: float | None, digits: int) -> str | None:
    return None if value is None else f"{value:,.{digits}f}"
