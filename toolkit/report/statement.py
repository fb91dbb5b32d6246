"""The honest statement: what the figures show and what they do not, generated from them alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .compare import Comparison, Contest, comparisons, keeps, learnt, measured, students
from .model_table import compression, task_columns
from .probes import task_name
from .results import Results
from .tables import THIS_RUN, UNPAIRED, Cell, Column, Outcome, Table, listed

SYNTHETIC = "The audio is SYNTHETIC."
UNDECIDED: tuple[Outcome, ...] = ("not told apart", "not comparable", "not measured")


@dataclass(frozen=True)
class Said:
    """A sentence and what it is on; `title` is empty where the sentence says so itself."""

    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.title}: {self.text}" if self.title else self.text


NOTHING = Said("", "Nothing.")


@dataclass(frozen=True)
class Statement:
    """Sentences that the figures bear out, those that they do not, the comparisons behind them, and cautions."""

    shows: list[Said]
    lacks: list[Said]
    tables: list[Table]
    cautions: list[str]


def statement(results: Results, synthetic: bool) -> Statement:
    """What can be said of the models of a run."""
    made = comparisons(results)
    count = len(measured(results))
    shows = [said for c in made if (said := _shown(c, count))] + _kept(results)
    lacks = [said for c in made if (said := _not_shown(c, count))]
    lacks += _nothing_to_keep(results)
    lacks += [Said("", said) for c in made for said in c.unsaid]
    if not results.models:
        lacks.append(Said("", "No trained model was probed frozen, so nothing can be said of one."))
    elif not measured(results):
        names = listed(model.name for model in results.models)
        lacks.append(Said("", f"{names} was probed on no task: no set has labels for one."))
    tables = [_table(c, results) for c in made if c.tabled and any(x.verdicts for x in c.contests)]
    return Statement(shows, lacks, tables, _cautions(results, synthetic))


def _shown(comparison: Comparison, count: int) -> Said | None:
    """Where contests were decided."""

    def clause(contest: Contest) -> str:
        ahead, behind = contest.on("ahead"), contest.on("behind")
        return listed(
            f"{word} on {_tasks(names, count)}" for word, names in (("ahead", ahead), ("behind", behind)) if names
        )

    return _sentence(comparison, clause)


def _not_shown(comparison: Comparison, count: int) -> Said | None:
    """Where contests were not decided, or never held."""

    def clause(contest: Contest) -> str:
        open_ = [
            f"{outcome} on {_tasks(found, count)}"
            for outcome in UNDECIDED
            if (found := contest.on(outcome)) and (outcome != "not measured" or comparison.tabled)
        ]
        none = comparison.hoped and open_ and not contest.on("ahead")
        return ", ".join(["ahead on none", *open_] if none else open_)

    return _sentence(comparison, clause)


def _sentence(comparison: Comparison, clause: Callable[[Contest], str]) -> Said | None:
    """`A and B ahead on phone; C against D behind on ASR.`: one clause for all contests that came out alike."""
    alike: dict[tuple[str, str], list[str]] = {}
    for contest in comparison.contests:
        alike.setdefault((clause(contest), contest.other), []).append(contest.name)
    said = [
        f"{listed(names)}{f' against {other}' if other else ''} {words}"
        for (words, other), names in alike.items()
        if words
    ]
    return Said(comparison.title, f"{'; '.join(said)}.") if said else None


def _tasks(names: Sequence[str], count: int) -> str:
    return f"all {count} tasks" if len(names) == count > 1 else listed(map(task_name, names))


def _kept(results: Results) -> list[Said]:
    """What each student has left of its teacher, in its own figures, where the teacher has anything to keep."""
    said = []
    for student, teacher in students(results):
        shares = [(t, keeps(results, student, teacher, t)) for t in measured(results)]
        words = [f"{task_name(t)} {share.removeprefix('keeps ')}" for t, share in shares if share]
        if words:
            title = (
                f"What {student.name} keeps of {teacher.name}, with {compression(student, teacher)} % fewer parameters"
            )
            said.append(Said(title, f"{', '.join(words)}."))
    return said


def _nothing_to_keep(results: Results) -> list[Said]:
    """Tasks on which a teacher is not ahead of its random twin, so that a share of its figure says nothing."""
    said = []
    for teacher in dict.fromkeys(teacher.name for _, teacher in students(results)):
        row = next(row for row in results.models if row.name == teacher)
        tasks = [t for t in measured(results) if t in row.tasks and not learnt(results, row, t)]
        if tasks:
            words = f"it is not ahead of its random initialisation on {_tasks(tasks, len(measured(results)))}"
            said.append(Said(f"What students keep of {teacher}", f"{words}, so there is nothing to keep."))
    return said


def _table(comparison: Comparison, results: Results) -> Table:
    """A row per contest, a column per task."""
    tasks = [t for t in measured(results) if any(t in c.verdicts for c in comparison.contests)]
    titles = {c.task: c.title for c in task_columns(results) if not c.other}
    columns = [Column("Model", "left")]
    for task in tasks:
        beside = comparison.against.get(task)
        columns.append(Column(titles[task].replace(" %", "") + (f", against {beside}" if beside else "")))
    rows: list[list[Cell]] = [[c.label, *(c.verdicts.get(t) for t in tasks)] for c in comparison.contests]
    verdicts = [v for c in comparison.contests for v in c.verdicts.values()]
    notes = list(comparison.notes)
    if any(v.outcome == "not comparable" for v in verdicts):
        notes.append("Not comparable: the two were probed on different classes, on different sets, or in other tokens.")
    if any(v.difference and not v.paired for v in verdicts):
        notes.append(f"{UNPAIRED}: no paired test; judged by the intervals of the two figures.")
    return Table(comparison.title, columns, rows, notes, THIS_RUN)


def _cautions(results: Results, synthetic: bool) -> list[str]:
    """What no figure of this report can show."""
    cautions = [
        "Ahead and behind: the interval of the paired difference (points, in brackets) lies on one side of 0, or, "
        "where there is none, the two intervals are apart. Not told apart does not mean equal. "
        "This is one run: another seed may give other figures. The intervals cover the choice of test data only; "
        "of many comparisons some come out by chance."
    ]
    drawn = [
        n for n in measured(results) if any(n in r.tasks and r.tasks[n].blocks == "utterance" for r in results.rows)
    ]
    if drawn:
        cautions[0] += (
            f" On {listed(map(task_name, drawn))} that is the choice of utterances: "
            "variation between speakers is not covered."
        )
    if any(task.chance is not None for model in results.models for task in model.tasks.values()):
        cautions[0] += " Against chance, chance is taken as exact: only the model's figure has an interval."
    if results.tuned:
        names = listed(row.title for row in results.tuned)
        cautions.append(f"{names}: trained together with the head, so held against the same network frozen only.")
    if results.strange:
        rows = sorted({p.row for p in results.strange} | {p.other for p in results.strange})
        known = {row.name for row in results.rows}
        gone = listed(name for name in rows if name not in known) or "tasks that have no figure here"
        cautions.append(f"{len(results.strange)} paired differences are left out: they are of {gone}.")
    if synthetic:
        cautions.append(f"{SYNTHETIC} The figures show that the chain works, and nothing about real Arabic speech.")
    return cautions
