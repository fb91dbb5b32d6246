"""The honest statement: what the figures show and what they do not, generated from them alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from .probes import TASKS, Row, Task, metric_name, task_name
from .results import Results
from .tables import ABSENT, Estimate, listed

Outcome = Literal["ahead", "behind", "not told apart", "not measured"]
AGAINST = {"random": "its random initialisation", "fbank_stacked": "stacked FBANK"}


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


@dataclass(frozen=True)
class Verdict:
    """How a model stands to a baseline on a task; `ground` is empty where their intervals say it."""

    task: str
    outcome: Outcome
    ground: str


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


def verdicts(model: Row, other: Row, results: Results) -> list[Verdict]:
    """One verdict per task that any row was measured on."""
    tasks = dict.fromkeys(name for name in [*TASKS, *(n for r in results.rows for n in r.tasks)])
    measured = [name for name in tasks if any(name in row.tasks for row in results.rows)]
    return [Verdict(n, *compare(model.tasks.get(n), other.tasks.get(n), other.name)) for n in measured]


def statement(results: Results, synthetic: bool) -> list[Claim]:
    """What can be said of each model against its random initialisation and stacked FBANK; cautions last."""
    claims = [_claim(model, kind, name, results) for model in results.models for kind, name in AGAINST.items()] or [
        Claim("No trained model was probed, so nothing can be said of one.")
    ]
    claims += [claim for model in results.models if (claim := _chance(model))]
    claims.append(
        Claim(
            "Ahead and behind: the interval of the paired difference lies on one side of 0, or, where none is named, "
            "the two intervals are apart. Not told apart does not mean equal. "
            "The intervals cover the choice of test data only: this is one run with one seed."
        )
    )
    if synthetic:
        claims.append(
            Claim(f"{SYNTHETIC} The figures show that the chain works, and nothing about real Arabic speech.")
        )
    return claims


def _claim(model: Row, kind: str, name: str, results: Results) -> Claim:
    other = results.baseline(kind, model)
    if other is None:
        return Claim(f"Whether {model.title} is ahead of {name} cannot be said: the probe folder has no such row.")
    found = verdicts(model, other, results)
    tasks = {outcome: [task_name(v.task) for v in found if v.outcome == outcome] for outcome in get_args(Outcome)}
    if not found:
        return Claim(f"{model.title} was probed on no task: no set has labels for one.")
    ahead = tasks.pop("ahead")
    if kind == "random" and other.parameters != model.parameters:
        name = "a random initialisation of another size"
    if ahead:
        text = f"{model.title} beats {name} outside the interval on {len(ahead)} of {len(found)} tasks: "
        text += f"{listed(ahead)}."
    else:
        text = f"{model.title} does not beat {name} outside the interval on any of {len(found)} tasks."
    rest = [f"{outcome} on {listed(names)}" for outcome, names in tasks.items() if names]
    text += f" {listed(rest)[:1].upper()}{listed(rest)[1:]}." if rest else ""
    return Claim(text, tuple(_point(model, other, verdict) for verdict in found))


def _chance(model: Row) -> Claim | None:
    """How a model stands to always answering with the most frequent class, on the tasks that have one."""
    held = {
        n: compare(t, replace(t, estimate=Estimate(t.chance, t.chance, t.chance), paired={}))[0]
        for n, t in model.tasks.items()
        if t.chance is not None
    }
    if not held:
        return None
    groups = {o: listed(task_name(n) for n, found in held.items() if found == o) for o in get_args(Outcome)}
    said = [f"{outcome if outcome != 'ahead' else 'above'} on {names}" for outcome, names in groups.items() if names]
    return Claim(f"{model.title} against chance (always the most frequent class): {'; '.join(said)}.")


def _point(model: Row, other: Row, verdict: Verdict) -> Point:
    mine, theirs = model.tasks.get(verdict.task), other.tasks.get(verdict.task)
    metric = next((metric_name(task.metric) for task in (mine, theirs) if task), "")
    figures = f"{mine.estimate if mine else ABSENT} against {theirs.estimate if theirs else ABSENT}"
    return Point(
        f"{task_name(verdict.task)} {metric}".strip(),
        verdict.outcome,
        f"{figures}; {verdict.ground}" if verdict.ground else figures,
    )
