"""From the lines of a scoreboard to the results of systems on tasks, with the items behind them.

Every test set is a task; of several, so are all of them as one (ALL) and their mean (MACRO).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ..core.record import digest
from ..core.results import Figure, Metric, Pair, TaskResult, percent
from ..core.systems_results import AGREEMENT, ALL, CER, GAP_CLOSED, MACRO, MAPSSWE, WER, EditCounts, TestSet
from ..text.normalise import Profile
from ..text.not_known import label_of
from .bootstrap import Interval
from .compare import Comparison
from .edits import character_edits, word_edits
from .items import Items
from .pairing import PairedSet
from .scoreboard import ALL as ALL_TITLE
from .scoreboard import Line
from .system_figures import Gap
from .system_inputs import TestSet as SetInput
from .system_inputs import Trial

TYPE = "transcribe"  # of the task
METRICS = {"WER": WER, "CER": CER}


def tests(trial: Trial) -> list[TestSet]:
    """The tasks in the order of the tables."""
    made = [_test(trial, s) for s in trial.sets.values()]
    if len(made) == 1:
        return made
    blocks = " or ".join(dict.fromkeys(test.blocks for test in made))
    number = sum(test.utterances for test in made)
    all_sets = TestSet(ALL, ALL_TITLE, "all", number, blocks)
    return [*made, all_sets, TestSet(MACRO, "macro over sets", "macro", number, blocks)]


def _test(trial: Trial, s: SetInput) -> TestSet:
    ids = next(pair.ids for (_, name), pair in trial.pairs.items() if name == s.name)
    of_dialect = [label_of(s.dialects.get(id, "")) for id in ids] if s.dialects else []
    dialects = {dialect: of_dialect.count(dialect) for dialect in sorted(set(of_dialect))}
    speakers = len({s.speakers.get(id) for id in ids}) if s.speakers else None
    return TestSet(s.name, s.name, "set", len(ids), s.blocks, speakers, dialects)


def items_of(pair: PairedSet, s: SetInput, profile: Profile) -> Items:
    """Normalised texts of a system on a set with their edits, from which WER and CER are computed again.

    The speaker of an utterance without one, or of a set with too few of them, is the utterance.
    """
    references = [" ".join(profile(text or "").split()) for text in pair.references[0]]
    answers = [" ".join(profile(text).split()) for text in pair.hypotheses]
    edits = {"wer": word_edits(references, answers), "cer": character_edits(references, answers)}
    counts = {name: np.stack([e.edits, e.lengths], 1).astype(float) for name, e in edits.items()}
    return Items(pair.ids, [s.speakers.get(id, id) for id in pair.ids], references, answers, counts)


def results(
    system: str, tests: Sequence[TestSet], figures: Mapping[str, Sequence[Figure]], digests: Mapping[str, str]
) -> Iterator[TaskResult]:
    """The result of a system on each task that it has a figure of.

    Args:
        figures: task -> all of it; those of the last profile come first in the result.
        digests: set -> digest of its references.
    """
    sets = [test.name for test in tests if test.kind == "set"]
    for test in tests:
        of_task = figures.get(test.name, ())
        if not of_task:
            continue
        over = [test.name] if test.kind == "set" else sets
        references = digests[test.name] if test.kind == "set" else digest("".join(digests[s] for s in sets).encode())
        yield TaskResult(system, test.name, test.title, TYPE, tuple(of_task), references, conditions={"sets": over})


def figures_by_task(
    lines: Sequence[Line], agreement: Sequence[Line], gaps: Sequence[Gap], tests: Sequence[TestSet], decides: str
) -> dict[str, list[Figure]]:
    """task -> figures of one system, those under the profile `decides` first."""
    blocks = {test.name: test.blocks for test in tests}
    placed = [(task_of(line), f) for line in lines for f in _rates(line, blocks[task_of(line)])]
    placed += [(task_of(line), f) for line in agreement for f in _agreement(line, blocks[task_of(line)])]
    for gap in gaps:
        if gap.share is not None:
            about = {"blocks": blocks[gap.task], "profile": gap.profile, "unit_of_n": "utterances"}
            placed.append((gap.task, _figure(GAP_CLOSED, gap.share, n=gap.utterances, **about)))
    by_task: dict[str, list[Figure]] = {}
    for task, figure in sorted(placed, key=lambda pair: pair[1].profile != decides):
        by_task.setdefault(task, []).append(figure)
    return by_task


def task_of(line: Line) -> str:
    """The set, ALL or MACRO."""
    return MACRO if line.mean_of == "sets" else line.set or ALL


def group_of(line: Line) -> str:
    """The dialect, MACRO for the mean over dialects, or nothing."""
    return MACRO if line.mean_of == "dialects" else line.dialect or ""


def _rates(line: Line, blocks: str) -> Iterator[Figure]:
    for score in line.scores:
        if score.rate is not None:
            yield _figure(METRICS[line.measure], score.rate, **_about(line, score.profile, score.parts, blocks))


def _agreement(line: Line, blocks: str) -> Iterator[Figure]:
    """Word error rates against the reference system, turned round."""
    for score in line.scores:
        if score.rate is not None:
            rate = score.rate.percent
            value, high, low = (None if end is None else 100 - end for end in map(rate.get, ("percent", "low", "high")))
            ends = {"percent": value, "low": low, "high": high, "agreeing": score.rate.agreeing}
            about = _about(line, score.profile, score.parts, blocks)
            yield percent(AGREEMENT, ends, block_count=score.rate.blocks, **about)


def _about(line: Line, profile: str, parts: int | None, blocks: str) -> dict[str, Any]:
    """What a figure was counted over. `parts`: of a macro mean."""
    n, unit = (line.utterances, "utterances") if parts is None else (parts, line.mean_of)
    return {"n": n, "unit_of_n": unit, "blocks": blocks, "profile": profile, "group": group_of(line)}


def _figure(metric: Metric, rate: Interval, **about: Any) -> Figure:
    return percent(metric, rate.percent, block_count=rate.blocks, **about)


def edit_counts(system: str, lines: Iterable[Line]) -> Iterator[EditCounts]:
    """The edits of every line that is no macro mean."""
    for line in lines:
        for score in line.scores:
            if score.counts is not None:
                about = (system, task_of(line), METRICS[line.measure].name, score.profile, group_of(line))
                counts = score.counts
                yield EditCounts(
                    *about,
                    substitutions=counts["substitutions"],
                    deletions=counts["deletions"],
                    insertions=counts["insertions"],
                    length=counts["length"],
                    mean_of_utterances=score.mean_of_utterances,
                )


def pair_of(system: str, other_system: str, compared: Comparison, blocks: str) -> Pair:
    """Both paired tests of two systems on a set."""
    about = {"blocks": blocks, "profile": compared.profile, "unit_of_n": "utterances"}
    difference = _figure(WER, compared.difference, n=compared.utterances, **about)
    further = {MAPSSWE: {**asdict(compared.segments), "p_holm": compared.segments_p_holm}}
    return Pair(compared.set, system, other_system, difference, compared.p, compared.p_holm, further)
