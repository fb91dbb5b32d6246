"""The honest statement of a distillation: what the figures show and what they do not, generated from them alone.

Shown is what the interval of a paired difference, or of the share of the gap, leaves no doubt of; of anything else it
is said that it is not shown, with the interval.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .statement import SYNTHETIC, Said, Statement
from .tables import Estimate, fixed
from .whisper_systems import Scores
from .whisper_tables import judged

HALF = 50.0  # percent of the gap that a distilled student is hoped to close
RANDOM = "The weights are RANDOM."


def statement(scores: Scores | None, synthetic: bool) -> Statement:
    """What can be said of the systems of a run."""
    shows: list[Said] = []
    lacks: list[Said] = []
    if scores is None:
        lacks.append(Said("", "No system was scored, so nothing can be said of one."))
        return Statement(shows, lacks, [], _cautions(None, synthetic))
    for question in (*_gaps(scores), *_contests(scores)):
        shows += [Said(question.title, f"{'; '.join(question.shown)}.")] if question.shown else []
        lacks += [Said(question.title, f"{'; '.join(question.open)}.")] if question.open else []
    if not scores.students:
        lacks.append(Said("", "No distilled student was scored."))
    if not scores.floors:
        lacks.append(Said("", "No undistilled student is named, so of no gap can be said how much was closed."))
    lacks += [Said("", f"{system} did not transcribe {name}.") for system, name in scores.lacking]
    return Statement(shows, lacks, [], _cautions(scores, synthetic))


@dataclass
class Question:
    """What is asked of one system, with a clause for each set: where the figures answer it, and where they do not."""

    title: str
    shown: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)


def _gaps(scores: Scores) -> list[Question]:
    """Whether each student closes at least half of the gap."""
    made = []
    for system in scores.students:
        if system.name not in scores.floors:
            continue
        ends = f"{scores.floors[system.name]} and {scores.reference}"
        asked = Question(f"At least half of the gap between {ends}, by {system.name}")
        for test in scores.sets:
            found = scores.gaps.get((system.name, test.name, scores.profile))
            if found is None:
                continue
            if found.share is None:
                asked.open.append(f"{test.name}: {found.why or 'no share is given'}")
            elif found.share.low is not None and found.share.low >= HALF:
                asked.shown.append(f"{test.name}: {found.share} %")
            else:
                asked.open.append(f"{test.name}: {found.share} %{_why_not_half(found.share)}")
        made.append(asked)
    return made


def _why_not_half(share: Estimate) -> str:
    if share.value < HALF:
        return ", which is less"
    return ", without an interval" if share.low is None else ", which is more, but the interval holds less than half"


def _contests(scores: Scores) -> list[Question]:
    """The paired tests under the profile of the report: floor first, then the config's pairs, then the teacher."""
    mine = [c for c in scores.contests if c.profile == scores.profile]
    order = {scores.reference: 2} | dict.fromkeys(scores.floors.values(), 0)
    asked: dict[tuple[str, str], Question] = {}
    for c in sorted(mine, key=lambda c: order.get(c.other, 1)):
        question = asked.setdefault((c.system, c.other), Question(f"{c.system} against {c.other}"))
        verdict = judged(c.difference)
        figure = f"{fixed(c.difference.value, 1, '+')} {c.difference.interval or '(no interval)'} points of WER"
        answers = question.open if verdict.outcome == "not told apart" else question.shown
        answers.append(f"{c.set}: {verdict.outcome}, {figure}")
    return list(asked.values())


def _cautions(scores: Scores | None, synthetic: bool) -> list[str]:
    """What no figure of this report can show."""
    cautions = []
    if scores:
        drawn = {test.blocks for test in scores.sets}
        cautions.append(
            f"Points of WER under {scores.profile}; ahead means fewer errors. Ahead and behind: the interval of the "
            "paired difference lies on one side of 0. Not told apart does not mean equal. This is one run: another "
            "seed may give other figures. The intervals cover the choice of test data only; of many comparisons some "
            "come out by chance."
        )
        if "utterance" in drawn:
            names = ", ".join(test.name for test in scores.sets if test.blocks == "utterance")
            cautions[0] += f" On {names} utterances were drawn: variation between speakers is not covered."
        if random := [s.name for s in scores.systems if s.random_weights]:
            cautions.append(f"{RANDOM} {', '.join(random)}: the figures show that the chain works, and nothing else.")
    if synthetic:
        cautions.append(f"{SYNTHETIC} The figures show that the chain works, and nothing about real Arabic speech.")
    return cautions
