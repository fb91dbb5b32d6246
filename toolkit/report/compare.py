"""Which rows are held against which, and how they come out: the paired test where there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from .probes import BASELINES, TASKS, Row, Task, task_name
from .results import Results
from .tables import Estimate, Judged, Outcome, listed

FILTER_BANKS = ("fbank", "fbank_stacked")


@dataclass(frozen=True)
class Contest:
    """How a row came out against another on each task; `other` is empty where the comparison says what it is."""

    name: str
    other: str
    verdicts: dict[str, Judged]

    @property
    def label(self) -> str:
        return f"{self.name} against {self.other}" if self.other else self.name

    def on(self, outcome: Outcome) -> list[str]:
        return [task for task, verdict in self.verdicts.items() if verdict.outcome == outcome]


@dataclass(frozen=True)
class Comparison:
    """Contests of one sort.

    Attributes:
        title: begins every sentence on it.
        against: by task, the row that all were held against, where it is one for all but differs by task.
        unsaid: sentences on contests that could not be held.
        tabled: whether its figures get a table.
        hoped: whether one hopes to be ahead, so that being ahead on no task is worth a word.
        notes: sentences that stand under its table.
    """

    title: str
    contests: list[Contest]
    against: dict[str, str] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)
    tabled: bool = True
    hoped: bool = True
    notes: list[str] = field(default_factory=list)


def judge(task: Task | None, other: Task | None, other_row: str = "") -> Judged:
    """How `task` stands to `other`.

    The paired test decides where there is one: the interval of the difference lies on one side of 0. Else
    ahead means that the two intervals are apart: the low end of the one above the high end of the other
    (reversed for error rates).
    """
    if task is None or other is None:
        return Judged("not measured")
    if not comparable(task, other):
        return Judged("not comparable")
    sign = -1 if task.lower_is_better else 1
    paired = task.paired.get(other_row)
    if paired is not None and (found := _apart(paired, Estimate(0, 0, 0), sign)) is not None:
        return Judged(found, paired)
    apart = _apart(task.estimate, other.estimate, sign)
    return Judged(apart or "not measured", Estimate(task.estimate.value - other.estimate.value) if apart else None)


def comparable(task: Task, other: Task) -> bool:
    """Whether both tell the same classes apart, of the same sets, in the same tokens."""
    return task.conditions == other.conditions


def _apart(a: Estimate, b: Estimate, sign: int) -> Outcome | None:
    """How interval `a` lies to `b`, higher being better times `sign`; None where one is missing."""
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return None
    low, high = sorted((sign * a.low, sign * a.high))
    other_low, other_high = sorted((sign * b.low, sign * b.high))
    return "ahead" if low > other_high else "behind" if high < other_low else "not told apart"


def measured(results: Results) -> list[str]:
    """Tasks that any row was measured on, in the order of the tables."""
    found = dict.fromkeys(name for row in results.rows for name in row.tasks)
    return [*(name for name in TASKS if name in found), *(name for name in found if name not in TASKS)]


def contest(row: Row, other: Row, tasks: Sequence[str], said: str | None = None) -> Contest:
    """`said`: what to call `other`, where that is not its name."""
    return Contest(
        row.name,
        other.name if said is None else said,
        {t: judge(row.tasks.get(t), other.tasks.get(t), other.name) for t in tasks},
    )


def comparisons(results: Results) -> list[Comparison]:
    """All that the rows at hand allow, in the order of the report; none without a contest or a word on why."""
    made = [
        _random(results),
        _filter_banks(results),
        _chance(results),
        _iterations(results),
        _students(results),
        _thin(results),
        _pca(results),
        _tuned(results),
    ]
    return [c for c in made if c.contests or c.unsaid]


def _random(results: Results) -> Comparison:
    tasks = measured(results)
    title = "Against a random initialisation of the same shape"
    twins = [(model, results.twin(model)) for model in results.models]
    same = [(m, twin) for m, twin in twins if twin and (twin.of or twin.parameters == m.parameters)]
    other = [(m, twin) for m, twin in twins if twin and not (twin.of or twin.parameters == m.parameters)]
    contests = [contest(m, twin, tasks, "") for m, twin in same]
    contests += [contest(m, twin, tasks, f"{twin.name} of another size") for m, twin in other]
    return Comparison(title, contests, unsaid=_no_row([m for m, twin in twins if not twin], "random initialisation"))


def _no_row(models: Sequence[Row], what: str) -> list[str]:
    if not models:
        return []
    be = "is" if len(models) == 1 else "are"
    names = listed(model.name for model in models)
    return [f"Whether {names} {be} ahead of {what} cannot be said: no probe folder has such a row."]


def best_filter_bank(results: Results, name: str) -> Row | None:
    """The row of filter banks with the better figure on the task `name`; None where none was measured on it."""
    found = [row for row in results.rows if row.kind in FILTER_BANKS and name in row.tasks]
    sign = -1 if any(row.tasks[name].lower_is_better for row in found) else 1
    return max(found, key=lambda row: sign * row.tasks[name].estimate.value, default=None)


def _filter_banks(results: Results) -> Comparison:
    """Against whichever filter banks are better on a task, so that no weak one stands for all."""
    there = [kind for kind in FILTER_BANKS if any(row.kind == kind for row in results.rows)]
    gone = [BASELINES[kind] for kind in FILTER_BANKS if kind not in there]
    if not there:
        return Comparison("Against filter banks", [], unsaid=_no_row(results.models, " or ".join(gone)))
    title = f"Against {'the better of ' if not gone else ''}{listed(BASELINES[kind] for kind in there)}"
    best = {task: best_filter_bank(results, task) for task in measured(results)}
    contests = [
        Contest(
            m.name,
            "",
            {t: judge(m.tasks.get(t), b.tasks.get(t) if b else None, b.name if b else "") for t, b in best.items()},
        )
        for m in results.models
    ]
    against = {task: BASELINES[row.kind] for task, row in best.items() if row}
    unsaid = [f"No probe folder has a row of {gone[0]}."] if gone and results.models else []
    return Comparison(title, contests, against, unsaid)


def _chance(results: Results) -> Comparison:
    """Against always answering with the most frequent class of training, on the tasks that have such a figure."""
    contests = []
    for model in results.models:
        held = {
            n: judge(t, replace(t, estimate=Estimate(t.chance, t.chance, t.chance)))
            for n, t in model.tasks.items()
            if t.chance is not None
        }
        contests += [Contest(model.name, "", held)] if held else []
    return Comparison("Against chance, always the most frequent class of training", contests, tabled=False)


def _taught(results: Results, wanted: Callable[[Row, Row], bool]) -> list[tuple[Row, Row]]:
    """(model, teacher) of the models whose units were made of a layer of another model, and for which it is wanted."""
    found = [(model, teacher) for model in results.models if (teacher := results.teacher(model))]
    return [(model, teacher) for model, teacher in found if wanted(model, teacher)]


def smaller(model: Row, other: Row) -> bool:
    return (model.parameters or 0) < (other.parameters or 0)


def _versus(title: str, found: Sequence[tuple[Row, Row]], results: Results) -> Comparison:
    tasks = measured(results)
    return Comparison(title, [contest(a, b, tasks) for a, b in found])


def _iterations(results: Results) -> Comparison:
    found = _taught(results, lambda model, teacher: not smaller(model, teacher))
    return _versus("Another iteration, against the network that made its units", found, results)


def students(results: Results) -> list[tuple[Row, Row]]:
    """(student, teacher): networks smaller than the one that made their units."""
    return _taught(results, smaller)


def _students(results: Results) -> Comparison:
    tasks = measured(results)
    contests = []
    for student, teacher in students(results):
        held = contest(student, teacher, tasks)
        verdicts = {t: replace(v, note=keeps(results, student, teacher, t)) for t, v in held.verdicts.items()}
        contests.append(replace(held, verdicts=verdicts))
    return Comparison("What compression costs, students against their teacher", contests, hoped=False)


def keeps(results: Results, student: Row, teacher: Row, task: str) -> str:
    """`keeps 91 %` of the teacher's accuracy, `1.08 times the error`.

    Empty where one was not measured, or where there is nothing to keep: the teacher is not ahead of its random twin.
    """
    mine, theirs = student.tasks.get(task), teacher.tasks.get(task)
    if mine is None or theirs is None or not theirs.estimate.value or not learnt(results, teacher, task):
        return ""
    if not comparable(mine, theirs):
        return ""
    ratio = mine.estimate.value / theirs.estimate.value
    return f"{ratio:.2f} times the error" if mine.lower_is_better else f"keeps {100 * ratio:.0f} %"


def learnt(results: Results, row: Row, task: str) -> bool:
    """Whether `row` is ahead of its random twin, or has none that would say otherwise."""
    twin = results.twin(row)
    if twin is None or task not in twin.tasks or not comparable(row.tasks[task], twin.tasks[task]):
        return True
    return judge(row.tasks.get(task), twin.tasks[task], twin.name).outcome == "ahead"


def _thin(results: Results) -> Comparison:
    """Students of the same units, each against the next larger one."""
    found = []
    by_tag: dict[str, list[Row]] = {}
    for student, _ in students(results):
        training = results.training(student)
        by_tag.setdefault(training.tag if training else "", []).append(student)
    for group in by_tag.values():
        group.sort(key=lambda row: -(row.parameters or 0))
        found += [(b, a) for a, b in pairwise(group) if smaller(b, a)]
    return replace(_versus("Thin against wide students of the same units", found, results), hoped=False)


def _pca(results: Results) -> Comparison:
    rows = [(results.row(pca.name), results.row(raw.name)) for pca, raw in results.pca_arms]
    return _versus("PCA units against raw units", [(a, b) for a, b in rows if a and b], results)


def _tuned(results: Results) -> Comparison:
    found = _tuned_and_frozen(results)
    contests = [contest(row, frozen, list(row.tasks)) for row, frozen in found]
    held = {row.name for row, _ in found}
    alone = [row.title for row in results.tuned if row.name not in held]
    said = f"What fine-tuning gave {listed(alone)} cannot be said: there is no row of the same network frozen."
    title, unsaid = "Fine-tuned against the same network frozen", [said] if alone else []
    return Comparison(title, contests, unsaid=unsaid, notes=tuned_otherwise(results))


def _tuned_and_frozen(results: Results) -> list[tuple[Row, Row]]:
    return [(row, frozen) for row in results.tuned if (frozen := results.row(row.of)) and frozen.frozen]


def tuned_otherwise(results: Results) -> list[str]:
    """`Steps: ASR 800 (fine-tuned 150).`: in what the training of fine-tuned heads differs from that of frozen ones."""
    measures: dict[str, Callable[[Task], float | None]] = {
        "Steps": lambda task: task.steps,
        "Learning rates tried": lambda task: task.tried,
    }
    said = []
    for name, of in measures.items():
        differ = [words for task in measured(results) if (words := _differ(results, task, of))]
        said += [f"{name}: {', '.join(differ)}."] if differ else []
    return [" ".join(said)] if said else []


def _differ(results: Results, task: str, of: Callable[[Task], float | None]) -> str:
    """`ASR 800 (fine-tuned 150)`; empty where a measure of the task is the same, or not known."""
    rows = [(a, b) for a, b in _tuned_and_frozen(results) if task in a.tasks and task in b.tasks]
    found = dict.fromkeys((of(b.tasks[task]), of(a.tasks[task])) for a, b in rows)
    words = [f"{frozen:g} (fine-tuned {tuned:g})" for frozen, tuned in found if frozen and tuned and frozen != tuned]
    return f"{task_name(task)} {listed(words)}" if words else ""
