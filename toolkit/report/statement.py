"""The honest statement: what the figures show and what they do not, generated from them alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from .probes import BASELINES, TASKS, Row, Task, metric_name, task_name
from .results import Results
from .tables import ABSENT, Estimate, listed

Outcome = Literal["ahead", "behind", "not told apart", "not measured"]
FILTER_BANKS = ("fbank", "fbank_stacked")
SYNTHETIC = "The audio is SYNTHETIC."


@dataclass(frozen=True)
class Point:
    """One task of a claim: `phone accuracy`, `ahead`, the two figures and the ground."""

    task: str
    outcome: Outcome
    figures: str


@dataclass(frozen=True)
class Claim:
    """A sentence, and what stands under it, one per task."""

    text: str
    points: tuple[Point, ...] = ()


def compare(task: Task | None, other: Task | None, other_row: str = "") -> tuple[Outcome, str]:
    """Outcome of `task` against `other`, and its ground where that is not the two intervals alone.

    The paired test decides where there is one: the interval of the difference lies on one side of 0. Else
    ahead means that the two intervals are apart: the low end of the one above the high end of the other
    (reversed for error rates).
    """
    if task is None or other is None:
        return "not measured", "no figure"
    sign = -1 if task.lower_is_better else 1
    apart = _apart(task.estimate, other.estimate, sign)
    paired = task.paired.get(other_row)
    zero = Estimate(0, 0, 0)
    if paired is not None and (found := _apart(paired, zero, sign)) is not None:
        beside = "" if apart is None else ", the two intervals overlap" if apart == "not told apart" else ""
        return found, f"paired difference {paired} points{beside}"
    return (apart, "") if apart else ("not measured", "no interval")


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


def best_filter_bank(results: Results, name: str) -> Row | None:
    """The row of filter banks with the better figure on the task `name`; None where none was measured on it."""
    found = [row for row in results.rows if row.kind in FILTER_BANKS and name in row.tasks]
    sign = -1 if any(row.tasks[name].lower_is_better for row in found) else 1
    return max(found, key=lambda row: sign * row.tasks[name].estimate.value, default=None)


def statement(results: Results, synthetic: bool) -> list[Claim]:
    """What can be said of each model against its random initialisation and against filter banks; cautions last."""
    held = (_against_random, _against_filter_banks)
    claims = [against(model, results) for model in results.models for against in held] or [
        Claim("No trained model was probed, so nothing can be said of one.")
    ]
    claims += [claim for model in results.models if (claim := _chance(model))]
    claims.append(_caution(results))
    if synthetic:
        claims.append(
            Claim(f"{SYNTHETIC} The figures show that the chain works, and nothing about real Arabic speech.")
        )
    return claims


def _caution(results: Results) -> Claim:
    text = (
        "Ahead and behind: the interval of the paired difference lies on one side of 0, or, where none is named, "
        "the two intervals are apart. Not told apart does not mean equal. "
        "This is one run with one seed, and the intervals cover the choice of test data only."
    )
    drawn = [
        n for n in measured(results) if any(n in r.tasks and r.tasks[n].blocks == "utterance" for r in results.rows)
    ]
    if drawn:
        text += (
            f" On {listed(map(task_name, drawn))} that is the choice of utterances: "
            "variation between speakers is not covered."
        )
    return Claim(text)


def _against_random(model: Row, results: Results) -> Claim:
    other = results.baseline("random", model)
    if other is None:
        return _unsaid(model, "its random initialisation", "the probe folder has no such row")
    same = other.parameters == model.parameters
    name = "its random initialisation" if same else "a random initialisation of another size"
    return _claim(model, name, dict.fromkeys(measured(results), other))


def _against_filter_banks(model: Row, results: Results) -> Claim:
    """Against whichever filter banks are better on a task, so that no weak one stands for all."""
    there = [kind for kind in FILTER_BANKS if any(row.kind == kind for row in results.rows)]
    gone = [BASELINES[kind] for kind in FILTER_BANKS if kind not in there]
    if not there:
        return _unsaid(model, " or ".join(gone), "the probe folder has a row of neither")
    name = BASELINES[there[0]] if gone else f"the better of {listed(BASELINES[kind] for kind in there)}"
    others = {task: best_filter_bank(results, task) for task in measured(results)}
    claim = _claim(model, name, others, named=True)
    return replace(claim, text=f"{claim.text} The probe folder has no row of {gone[0]}.") if gone else claim


def _unsaid(model: Row, name: str, why: str) -> Claim:
    return Claim(f"Whether {model.title} is ahead of {name} cannot be said: {why}.")


def _claim(model: Row, name: str, others: Mapping[str, Row | None], named: bool = False) -> Claim:
    """Of `model` against the row that each task has in `others`; `named`: each point says which row that is."""
    if not others:
        return Claim(f"{model.title} was probed on no task: no set has labels for one.")
    points = {task: _point(model, other, task, named) for task, other in others.items()}
    tasks = {
        outcome: [task_name(t) for t, p in points.items() if p.outcome == outcome] for outcome in get_args(Outcome)
    }
    ahead = tasks.pop("ahead")
    if ahead:
        text = f"{model.title} beats {name} outside the interval on {len(ahead)} of {len(others)} tasks: "
        text += f"{listed(ahead)}."
    else:
        text = f"{model.title} does not beat {name} outside the interval on any of {len(others)} tasks."
    rest = [f"{outcome} on {listed(names)}" for outcome, names in tasks.items() if names]
    text += f" {listed(rest)[:1].upper()}{listed(rest)[1:]}." if rest else ""
    return Claim(text, tuple(points.values()))


def _chance(model: Row) -> Claim | None:
    """How a model stands to always answering with the most frequent class of training, on the tasks that have one."""
    held = {
        n: compare(t, replace(t, estimate=Estimate(t.chance, t.chance, t.chance), paired={}))[0]
        for n, t in model.tasks.items()
        if t.chance is not None
    }
    if not held:
        return None
    groups = {o: listed(task_name(n) for n, found in held.items() if found == o) for o in get_args(Outcome)}
    said = [f"{outcome if outcome != 'ahead' else 'above'} on {names}" for outcome, names in groups.items() if names]
    return Claim(f"{model.title} against chance (always the most frequent class of training): {'; '.join(said)}.")


def _point(model: Row, other: Row | None, name: str, named: bool) -> Point:
    mine, theirs = model.tasks.get(name), other.tasks.get(name) if other else None
    outcome, ground = compare(mine, theirs, other.name if other else "")
    found = [task for task in (mine, theirs) if task]
    metric = metric_name(found[0].metric) if found else ""
    title = f"{other.title}: " if named and other else ""
    figures = f"{mine.estimate if mine else ABSENT} against {title}{theirs.estimate if theirs else ABSENT}"
    counts = listed(dict.fromkeys(f"{task.n:,} {task.unit_of_n}" for task in found))
    said = [figures, f"n {counts}" if counts else "", ground]
    return Point(f"{task_name(name)} {metric}".strip(), outcome, "; ".join(word for word in said if word))
