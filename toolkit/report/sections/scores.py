"""Systems that transcribed test sets: every figure set by set, dialects, gaps closed, categories of error, texts."""

from __future__ import annotations

from ...core.results import System
from ...core.systems_results import AGREEMENT, CER, GAP_CLOSED, MACRO, NOT_KNOWN, WER, SystemsResult, TestSet
from ..board import ARROWS, Column
from ..render import plots
from ..section import Block, Cell, Folded, Picture, Pictures, Section, Table, Texts, Written, listed
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import ABSENT, fixed, shown
from .systems import plural

HALF = 50.0  # percent of the gap that a distilled student is hoped to close


def by_set(run: Run) -> Section | None:
    """A table for each set: WER and CER under each profile, agreement, gap closed, speed and memory."""
    scores = run.scores
    if scores is None:
        return None
    tables = [set_table(run, scores, test) for test in scores.tests]
    drawn = gap_pictures(run, scores)
    blocks: list[Block] = [Pictures(drawn)] if drawn else []
    blocks += [Folded(table.title, [table]) for table in tables]
    return Section("sets", "Set by set", blocks)


def set_table(run: Run, scores: SystemsResult, test: TestSet) -> Table:
    """A row for each system."""
    columns = [Column(test.name, "", metric, profile) for profile in scores.profiles for metric in (WER, CER)]
    columns += [Column(test.name, "", metric, scores.profile) for metric in (AGREEMENT, GAP_CLOSED)]
    columns = [c for c in columns if any(run.board.figure(s.name, c) for s in scores.systems)]
    costs = {cost.system: cost.cost for cost in run.set_costs if cost.task == test.name}
    rows: list[list[Cell]] = []
    for system in scores.systems:
        cells: list[Cell] = [shown(run.board.figure(system.name, column)) for column in columns]
        if costs:
            cost = costs.get(system.name)
            cells += [_fixed(cost.rtf, 3), _fixed(cost.peak_mb, 0)] if cost else [None, None]
        rows.append([system.title, *cells])
    titles = [f"{c.metric.heading} % {ARROWS[c.metric.better]}, {c.profile}" for c in columns]
    headings = [Heading("System", "left"), *map(Heading, titles)]
    headings += [Heading("RTF ↓"), Heading("Memory MB ↓")] if costs else []
    strong = frozenset(i for i, s in enumerate(scores.systems) if s.name == scores.reference)
    return Table(test.title, headings, rows, _notes(scores, test, bool(costs)), "this run", strong)


def _notes(scores: SystemsResult, test: TestSet, costs: bool) -> list[str]:
    notes = [
        f"{test.utterances:,} utterances; bootstrap, {scores.replicates:,} replicates, {plural(test.blocks)} drawn.",
        f"Agreement: 100 - WER against the words of {scores.reference}. Gap closed: 0 is the undistilled student, 100 "
        f"is {scores.reference}, all three on the same draws.",
    ]
    reasons = {entry.why for entry in scores.unmeasured if (entry.task, entry.profile) == (test.name, scores.profile)}
    notes += [f"{ABSENT} under Gap closed: {why}." for why in sorted(reasons)]
    gone = [entry.system for entry in scores.lacking if entry.task == test.name or test.kind != "set"]
    if gone:
        place = test.title if test.kind == "set" else "every set"
        notes.append(f"{ABSENT}: {listed(dict.fromkeys(gone))} did not transcribe {place}.")
    return [*notes, "RTF: seconds of decoding per second of audio, as measured in this run."] if costs else notes


def gap_pictures(run: Run, scores: SystemsResult) -> list[Picture]:
    """A picture for each set: the share of the gap that each student closes, half of it dashed."""
    drawn = []
    floors = listed(dict.fromkeys(scores.floors.values()))
    for i, test in enumerate(test for test in scores.tests if test.kind == "set"):
        column = Column(test.name, test.title, GAP_CLOSED, scores.profile)
        rows = [(s.title, value, True) for s in students(scores) if (value := shown(run.board.figure(s.name, column)))]
        if rows:
            svg = plots.interval_plot(f"gap{i}", rows, HALF, "gap closed %")
            under = f"0: {floors}; 100: {scores.reference}; dashed: half"
            drawn.append(Picture(f"{test.title}: gap closed %, higher is better", svg, under))
    return drawn


def students(scores: SystemsResult) -> list[System]:
    """Systems that were distilled: neither the reference nor a floor, nor set aside."""
    others = {scores.reference, *scores.floors.values(), *scores.aside}
    return [system for system in scores.systems if system.name not in others]


def dialects(run: Run) -> Section | None:
    """A table for each set of several dialects: a row for each dialect, a column for each system."""
    scores = run.scores
    blocks: list[Block] = []
    for test in scores.tests if scores else ():
        if scores and test.dialects:
            blocks.append(_dialects(run, scores, test))
    return Section("dialects", "Dialects", blocks) if blocks else None


def _dialects(run: Run, scores: SystemsResult, test: TestSet) -> Table:
    rows: list[list[Cell]] = []
    for dialect, utterances in [*test.dialects.items(), (MACRO, None)]:
        column = Column(test.name, test.title, WER, scores.profile, dialect)
        figures = [shown(run.board.figure(system.name, column)) for system in scores.systems]
        name = "mean of the dialects" if dialect == MACRO else dialect
        rows.append([name, None if utterances is None else f"{utterances:,}", *figures])
    few = min(test.dialects.values()) < 2
    notes = ["Without an interval: a dialect of one speaker or utterance, which tells little of it."] if few else []
    if without := test.dialects.get(NOT_KNOWN):
        notes.append(f"The mean is without the {without:,} utterances of no known dialect.")
    headings = [Heading("Dialect", "left"), Heading("Utterances"), *(Heading(s.title) for s in scores.systems)]
    title = f"{test.title} by dialect: WER % ↓, {scores.profile}"
    return Table(title, headings, rows, notes, "this run")


def errors(run: Run) -> Section | None:
    """Categories of error, and texts drawn by seed."""
    scores = run.scores
    if scores is None or not (scores.categories or scores.examples):
        return None
    titles = {test.name: test.title for test in scores.tests}
    written = []
    for example in scores.examples:
        place = ", ".join(filter(None, (titles.get(example.task, example.task), example.dialect)))
        texts = [("reference", example.reference)]
        texts += [(s.title, example.hypotheses[s.name]) for s in scores.systems if s.name in example.hypotheses]
        written.append(Written(example.id, place, texts))
    blocks: list[Block] = [category_table(scores, titles)] if scores.categories else []
    return Section("texts", "What goes wrong", [*blocks, Texts(written)] if written else blocks)


def category_table(scores: SystemsResult, titles: dict[str, str]) -> Table:
    """Percent of the utterances with each category of error, and of those that repeat themselves or are cut off."""
    rows: list[list[Cell]] = []
    first = set()
    for test in scores.tests:
        first.add(len(rows))
        for of_system in (c for c in scores.categories if c.task == test.name):
            shares = [of_system.whole.categories.get(name) for name in scores.category_names]
            n = max(1, of_system.utterances)
            tail = [fixed(100 * number / n) for number in (of_system.repeating, of_system.cut_off)]
            cells = [None if share is None else fixed(share.percent) for share in shares]
            rows.append([titles[test.name], of_system.system, *cells, *tail])
    names = [*scores.category_names, "repeats itself", "cut off"]
    headings = [Heading("Set", "left"), Heading("System", "left"), *map(Heading, names)]
    note = (
        f"Percent of utterances, under {scores.category_profile}. An utterance has the first category that fits, by "
        "rules of spelling that are ours, not the paper's, which people judged. Repeats itself: a hypothesis caught in "
        "a loop; cut off: one that ends at the limit of tokens. Alignments: the pages in inspect/ beside systems.json."
    )
    return Table("Categories of error", headings, rows, [note], "this run", first=frozenset(first - {0}))


def _fixed(value: float | None, digits: int) -> str | None:
    return None if value is None else f"{value:,.{digits}f}"
