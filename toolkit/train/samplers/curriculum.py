"""A curriculum over tasks (TPC): stages that add tasks, with the tasks of earlier stages replayed or left.

Task-progressive curriculum (arXiv 2601.12494), as we define it, since the paper states neither order nor lengths: first
transcription, then summaries, then labels; in each stage a share `replay` of the items is of the tasks before it.
Streams of items go on from stage to stage: an item comes again when all others of its task came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...core.errors import UserError
from .quota import Quota
from .stages import Stages


def lengths(shares: Sequence[float], steps: int, field: str) -> list[int]:
    """Steps of stages that have these shares of `steps`, at least one each. Raises UserError if they are too few."""
    ends = [round(steps * sum(shares[: i + 1])) for i in range(len(shares))]
    counts = [end - start for start, end in zip([0, *ends], [*ends[:-1], steps])]
    if min(counts) < 1:
        problem = f"{steps} steps are too few for {len(shares)} stages"
        raise UserError(problem, f"{field}, loop.total_steps", "train longer, or take a stage out")
    return counts


def curriculum(
    tasks: Sequence[str],
    order: Sequence[Sequence[str]],
    shares: Sequence[float],
    replay: float,
    steps: int,
    size: int,
    seed: int,
    field: str,
) -> Stages:
    """Sampler of single items.

    Args:
        tasks: of each item.
        order: tasks that each stage adds.
        shares: of the steps that each stage takes, 1 in sum.
        replay: share of a stage's items that are of earlier stages; 0: none (strict).
        steps: of all stages; size: items in a step.
        field: of the config, for errors.

    Raises UserError for a task that no item is of, or that no stage has.
    """
    counts = Counter(tasks)
    named = [task for stage in order for task in stage]
    if unknown := [task for task in named if task not in counts]:
        raise UserError(f"no item of the task {unknown[0]}", field, f"there are {', '.join(sorted(counts))}")
    if lacking := sorted(set(counts) - set(named)):
        raise UserError(f"no stage has the task {lacking[0]}", field, "add it to one, or leave its items out")
    stages: list[tuple[int | None, Quota]] = []
    before: dict[str, int] = {}
    seen: list[str] = []
    for added, length in zip(order, lengths(shares, steps, field), strict=True):
        wanted = dict.fromkeys(counts, 0.0)
        replayed = replay if seen else 0.0
        for of_stage, share in ((added, 1 - replayed), (seen, replayed)):
            total = sum(counts[task] for task in of_stage)
            wanted |= {task: share * counts[task] / total for task in of_stage}
        quota = Quota(tasks, wanted, 1, size, seed, first=before, field=field)
        stages.append((length, quota))
        before = quota.drawn(length)
        seen += added
    return Stages(stages, field)
