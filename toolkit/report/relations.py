"""Which systems are held against which, and what is asked by it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ..core.results import System
from .sources.collect import Run


@dataclass(frozen=True)
class Question:
    """Pairs of one sort: (system, the one that it is held against)."""

    title: str
    pairs: list[tuple[str, str]]


def questions(run: Run) -> list[Question]:
    """All that the systems of a run allow, in the order of the report; none without a pair."""
    asked = [*_of_networks(run), *_of_transcribers(run)]
    return [question for question in asked if question.pairs]


def _of_networks(run: Run) -> list[Question]:
    board, models = run.board, run.models
    trained = [system.name for system in board.systems if system.arm == "trained"]
    taught = _taught(run)
    arms = [(pca.name, raw.name) for pca, raw in run.pca_arms()]
    names = {system.name for system in board.systems}
    return [
        Question("Untrained, of the same shape", [(m.name, twin.name) for m in models for twin in twins(run, m)]),
        Question("The network that made its units", [(m.name, t.name) for m, t in taught if not smaller(m, t)]),
        Question("Student − its teacher", [(m.name, t.name) for m, t in students(run)]),
        Question("Thinner − wider student of the same units", _thin(run)),
        Question("Units with PCA − without", [pair for pair in arms if set(pair) <= names]),
        Question(
            "Fine-tuned − frozen",
            [(s.name, s.model) for s in board.systems if not s.frozen and s.model in trained and s.arm == "trained"],
        ),
    ]


def _of_transcribers(run: Run) -> list[Question]:
    """The paired tests that the scoring made: those of the config, against undistilled students, the reference."""
    scores = run.scores
    if scores is None:
        return []
    tested = list(dict.fromkeys((p.system, p.against) for p in run.board.pairs))
    floors = set(scores.floors.values())
    return [
        Question("What the recipe asks", [p for p in tested if p[1] not in {*floors, scores.reference}]),
        Question("Undistilled student", [pair for pair in tested if pair[1] in floors]),
        Question(f"Reference system {scores.reference}", [pair for pair in tested if pair[1] == scores.reference]),
    ]


def twins(run: Run, model: System) -> list[System]:
    """The untrained network of a model's shape, in a list; an empty one if it was not probed."""
    return [s for s in run.board.systems if s.arm == "random" and s.frozen and s.model == model.group][:1]


def smaller(system: System, against: System) -> bool:
    return (system.parameters or 0) < (against.parameters or 0)


def students(run: Run) -> list[tuple[System, System]]:
    """(student, teacher): networks smaller than the one that they learnt from, then those that the config names."""
    return list(dict.fromkeys([*_of_units(run), *named_students(run)]))


def _of_units(run: Run) -> list[tuple[System, System]]:
    return [(model, teacher) for model, teacher in _taught(run) if smaller(model, teacher)]


def named_students(run: Run) -> list[tuple[System, System]]:
    """(student, teacher), as the config names them, in the order of the table of systems."""
    board = run.board
    pairs = [(system, board.system(run.teachers.get(system.name))) for system in board.systems]
    return [(student, teacher) for student, teacher in pairs if teacher]


def _taught(run: Run) -> list[tuple[System, System]]:
    """(model, teacher): networks that learnt the inside, or units of a layer, of another network of this run."""
    return [(model, teacher) for model in run.models if (teacher := run.teacher(model))]


def _thin(run: Run) -> list[tuple[str, str]]:
    """Students of the same units, each against the next larger one."""
    by_tag: dict[str, list[System]] = {}
    for student, _ in _of_units(run):
        training = run.training(student)
        by_tag.setdefault(training.tag if training else "", []).append(student)
    groups = [sorted(group, key=lambda system: -(system.parameters or 0)) for group in by_tag.values()]
    return [(thin.name, wide.name) for group in groups for wide, thin in pairwise(group) if smaller(thin, wide)]
