"""Figures of systems that wrote down the same sets: agreement with one of them, paired tests, the share of a gap.

Agreement of a system with the teacher is 100 − WER, the teacher's hypotheses taken for the references: 100 where both
wrote the same words, below 0 where the system wrote many more.

The gap that a student closes, of a set: (WER of the floor − WER of the student) / (WER of the floor − WER of the
teacher), the floor being the student before it was distilled: 0 where distilling changed nothing, 1 where the student
is as good as the teacher. Lengths cancel, so it is a ratio of edits, and all three are scored on the same draws. It is
given only where the floor is shown to be behind the teacher: of a gap that may be none there is no share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..core.systems_results import ALL, Categories, CategoryCounts, Share
from ..text.normalise import Profile
from .bootstrap import Interval, interval, paired_difference
from .categories import Thresholds
from .compare import Comparison, compared, corrected
from .edits import word_edits
from .inspect import Inputs, inspect, summary
from .inspect_page import Inspected
from .pairing import NO_SPEAKER, PairedSet
from .repetition import Repetition, repetition
from .scoreboard import Line, Scoreboard, score
from .system_inputs import TestSet, Trial

NO_GAP = "{floor} is not shown to be behind {reference} here: there is no gap to close"


@dataclass(frozen=True)
class Gap:
    """What a system closes of the gap between the floor and the reference system.

    Attributes:
        task: the set, or ALL.
        share: with its interval, as a fraction; None where there is no gap.
        utterances: that it was counted over.
        why: why there is no share.
    """

    system: str
    task: str
    profile: str
    share: Interval | None
    utterances: int
    why: str = ""


def error_rates(trial: Trial, system: str, profiles: Sequence[Profile], seed: int) -> tuple[list[Line], Scoreboard]:
    """(lines of WER and CER, the scoreboard of the sets): of sets, of dialects within them, of all sets.

    Means over sets are left out where the system lacks one: they would not be of what the others' are of.
    """
    board = score(trial.of(system), profiles, None, trial.speakers, seed)
    lines = comparable(trial, system, board.lines)
    for pair in trial.of(system):
        s = trial.sets[pair.name]
        if s.dialects:
            by_dialect = score([pair], profiles, s.dialects, s.speakers or None, seed)
            lines += [line for line in by_dialect.lines if line.dialect is not None or line.mean_of == "dialects"]
            board.findings[s.name] |= by_dialect.findings[s.name]
        if not s.speakers:
            board.findings[s.name].pop(NO_SPEAKER, None)
    return lines, board


def comparable(trial: Trial, system: str, lines: Sequence[Line]) -> list[Line]:
    """The lines of a system without those over all sets, where it lacks a set."""
    whole = len(trial.heard[system]) == len(trial.sets)
    return [line for line in lines if whole or line.set is not None]


def agreement(trial: Trial, system: str, reference: str, profiles: Sequence[Profile], seed: int) -> list[Line]:
    """Word error rates of a system's hypotheses against those of the reference system, of the sets that both have."""
    both = [(pair, trial.pairs[reference, pair.name]) for pair in trial.of(system) if _has(trial, reference, pair)]
    sets = [replace(pair, references=[list(of_teacher.hypotheses)]) for pair, of_teacher in both]
    if not sets:
        return []
    lines = [line for line in score(sets, profiles, None, trial.speakers, seed).lines if line.measure == "WER"]
    return lines if len(sets) == len(trial.sets) else [line for line in lines if line.set is not None]


def _has(trial: Trial, system: str, pair: PairedSet) -> bool:
    return (system, pair.name) in trial.pairs


def comparisons(trial: Trial, first: str, second: str, profile: Profile, seed: int) -> list[Comparison]:
    """Both tests of two systems on each set that both were tried on, corrected over these sets.

    A set whose references have no word under the profile is none to compare on.
    """
    made = [
        compared(pair, trial.pairs[second, pair.name], profile, trial.sets[pair.name].speakers or None, seed=seed)
        for pair in trial.of(first)
        if _has(trial, second, pair) and any(profile(text or "").split() for text in pair.references[0])
    ]
    return corrected(made)


def gaps(trial: Trial, system: str, floor: str, reference: str, profile: Profile, seed: int) -> list[Gap]:
    """What a system closes of the gap, set by set and, of several, over all of them."""
    names = [p.name for p in trial.of(system) if _has(trial, floor, p) and _has(trial, reference, p)]
    edits = {name: _edits(trial, name, (floor, system, reference), profile) for name in names}
    blocks = {name: _blocks(trial.sets[name], trial.pairs[system, name].ids) for name in names}
    shares = [_gap(system, name, profile.id, edits[name], blocks[name], seed) for name in names]
    if len(names) == len(trial.sets) > 1:
        whole = np.concatenate([edits[name] for name in names])
        shares.append(_gap(system, ALL, profile.id, whole, [b for name in names for b in blocks[name]], seed))
    why = NO_GAP.format(floor=floor, reference=reference)
    return [gap if gap.share else replace(gap, why=why) for gap in shares]


def _edits(trial: Trial, name: str, systems: Sequence[str], profile: Profile) -> np.ndarray:
    """Word edits [N, one per system], then the lengths of the references."""
    pairs = [trial.pairs[system, name] for system in systems]
    references = [profile(text or "") for text in pairs[0].references[0]]
    edits = [word_edits(references, [profile(text) for text in pair.hypotheses]) for pair in pairs]
    return np.stack([*(e.edits for e in edits), edits[0].lengths], 1).astype(float)


def _blocks(s: TestSet, ids: Sequence[str]) -> list[str]:
    return [s.speakers.get(id, f" {s.name} {id}") for id in ids]


def _gap(system: str, name: str, profile: str, edits_N4: np.ndarray, blocks: Sequence[str], seed: int) -> Gap:
    floor_N, system_N, reference_N, lengths_N = edits_N4.T
    floor_N2, reference_N2 = (np.stack([edits_N, lengths_N], 1) for edits_N in (floor_N, reference_N))
    behind = paired_difference(floor_N2, reference_N2, blocks, seed) if lengths_N.any() else None
    if behind is None or behind.low is None or behind.low <= 0:
        return Gap(system, name, profile, None, len(edits_N4))
    closed_N2 = np.stack([floor_N - system_N, floor_N - reference_N], 1)
    return Gap(system, name, profile, interval(closed_N2, blocks=blocks, seed=seed), len(edits_N4))


def inspected(pair: PairedSet, s: TestSet, profile: Profile, limits: Thresholds) -> list[Inspected]:
    """Every utterance of a set with its category of error."""
    references = {id: text or "" for id, text in zip(pair.ids, pair.references[0], strict=True)}
    hypotheses = dict(zip(pair.ids, pair.hypotheses, strict=True))
    return inspect(Inputs(references, hypotheses, s.dialects, {}), profile, limits)


def categories(
    system: str,
    utterances: Sequence[Inspected],
    pair: PairedSet,
    profile: Profile,
    limits: Thresholds,
    cut_off: int,
) -> Categories:
    """Counts of categories, over all and by dialect, and of hypotheses that repeat themselves or are empty.

    Args:
        cut_off: hypotheses that end at the limit of tokens.
    """
    counted = summary(utterances)
    return Categories(
        system,
        pair.name,
        _counts(counted["micro"]),
        {dialect: _counts(counts) for dialect, counts in counted["labels"].items()},
        counted["macro_percent"],
        repeating=sum(repeats(repetition(profile(text)), limits) for text in pair.hypotheses),
        empty=sum(not profile(text).strip() for text in pair.hypotheses),
        cut_off=cut_off,
        utterances=len(pair.ids),
    )


def _counts(counts: dict[str, Any]) -> CategoryCounts:
    return CategoryCounts(**{**counts, "categories": {name: Share(**s) for name, s in counts["categories"].items()}})


def repeats(heard: Repetition, limits: Thresholds) -> bool:
    """Whether a text is caught in a loop, whatever its reference says: by the limits of the category deterioration."""
    looped = heard.loop_count >= limits.loop_count and heard.loop_words >= limits.loop_words
    return looped or heard.letter_ratio > limits.letter_ratio
