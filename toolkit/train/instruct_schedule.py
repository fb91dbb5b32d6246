"""The schedule of a training on instructions: its pool of items, its sampler, and afterwards what it drew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..core.errors import UserError
from ..core.schedule_results import WHOLE, Drawn, Gradient, ScheduleResult
from ..core.seed import seed_of
from ..models.heard import Heard
from ..models.omni import Omni
from ..units.clustering import fit
from ..units.config import KmeansConfig
from ..units.nearest import Nearest
from .engine.history import ABSENT, NORM, VARIANCE
from .instruct_config import InstructTraining
from .instructed import Row
from .samplers.config import CurriculumConfig, DiverseConfig, StageConfig, UniformConfig
from .samplers.diverse import Reals, projection_of, unit
from .samplers.instructions import Pool, Schedule, refuse_unfit, staged

PIECE = 8192  # clips at a time
CUT = 0.1  # share of the steps, the first ones, whose gradients do not count


def embedding_of(rows: Sequence[Row], omni: Omni, heard: Heard, dim: int, seed: int) -> Reals:
    """What diverse sampling sees of each item [N, D]: the mean of what the aligner makes of its clip; 0 without one.

    Centred, projected at random to `dim` dimensions if it has more (0: never), of length 1. In pieces, so that a
    million items of a wide model need no more than the result. Raises UserError for values that are not finite.
    """
    with_audio = [n for n, row in enumerate(rows) if row.item.audio]
    projection = projection_of(omni.width, dim, seed)
    every = np.zeros((len(rows), projection.shape[1] if projection is not None else omni.width), np.float32)
    if not with_audio:
        return every
    weight, bias = (p.detach().float().cpu() for p in (omni.tower.proj.weight, omni.tower.proj.bias))

    def aligned(numbers: Sequence[int]) -> Reals:
        means = torch.from_numpy(heard.means([rows[n].item.audio for n in numbers]))
        values: Reals = torch.nn.functional.linear(means, weight, bias).numpy()
        return values

    pieces = [with_audio[i : i + PIECE] for i in range(0, len(with_audio), PIECE)]
    centre = np.sum([aligned(piece).sum(0, dtype=np.float64) for piece in pieces], 0) / len(with_audio)
    for piece in pieces:
        centred = aligned(piece) - centre.astype(np.float32)
        if bad := [n for n, values in zip(piece, centred, strict=True) if not np.isfinite(values).all()]:
            problem = f"embeddings are not finite, e.g. of {rows[bad[0]].item.audio}"
            remedy = "the aligner or the kept states are broken: hear again with --fresh"
            raise UserError(problem, str(heard.folder), remedy)
        every[piece] = unit(centred if projection is None else centred @ projection)
    return every


def strata_of(rows: Sequence[Row], embedding: Reals, clusters: int, seed: int) -> list[str]:
    """Label of each item, or in tasks without labels the cluster of its embedding."""
    strata = [row.item.label for row in rows]
    for task in sorted({row.item.task for row in rows if not row.item.label}) if clusters > 1 else ():
        own = [n for n, row in enumerate(rows) if row.item.task == task]
        order = np.random.default_rng(seed_of(seed, "clusters", task)).permutation(len(own))
        points = torch.from_numpy(embedding[own])
        centroids = fit(points[order], KmeansConfig(k=min(clusters, len(own))), seed).best
        if centroids is None:
            raise ValueError("k-means gave no centroids")
        for n, cluster in zip(own, Nearest(centroids)(points)[0].tolist(), strict=True):
            strata[n] = f"cluster {cluster}"
    return strata


def schedule_of(rows: Sequence[Row], omni: Omni, heard: Heard | None, config: InstructTraining, ranks: int) -> Schedule:
    """Raises UserError for a schedule that does not fit the items, or needs embeddings where nothing was heard."""
    tasks, seed = [row.item.task for row in rows], config.loop.seed
    refuse_unfit(config.schedule, tasks)
    diverse = [stage for stage in config.schedule if isinstance(stage, DiverseConfig)]
    embedding, strata = None, [row.item.label for row in rows]
    if any(stage.pool > 1 or stage.clusters > 1 for stage in diverse):
        if heard is None:
            problem = "diverse sampling sees the states of clips, and none were kept"
            raise UserError(problem, "schedule, --in", "give the output of models.hear, or set pool: 1")
        embedding = embedding_of(rows, omni, heard, diverse[0].dim, seed)
        strata = strata_of(rows, embedding, diverse[0].clusters, seed)
    pool = Pool(tasks, [row.item.label for row in rows], strata, np.array([row.length for row in rows]), embedding)
    data = config.data
    sampler = staged(config.schedule, pool, config.loop.total_steps, data.batch, seed)
    return Schedule(sampler, pool, data.batch, data.micro_items, ranks)


def in_words(stages: Sequence[StageConfig]) -> str:
    """`curriculum 50 %, then diverse`."""
    return ", then ".join(_stage(stage) for stage in stages)


def _stage(stage: StageConfig) -> str:
    share = f" {100 * stage.share:g} %" if stage.share else ""
    if isinstance(stage, CurriculumConfig):
        order = " > ".join("+".join(tasks) for tasks in stage.order)
        return f"curriculum{share} ({order}; replay {100 * stage.replay:g} %)"
    if isinstance(stage, DiverseConfig):
        return f"diverse{share} (pool {stage.pool})"
    kind = "task-uniform" if isinstance(stage, UniformConfig) and stage.equal else "uniform"
    return kind + share


def told(name: str, schedule: Schedule, config: InstructTraining, out: Path) -> ScheduleResult:
    """What a finished training drew, and the gradients of its loss.tsv."""
    steps = config.loop.total_steps
    covered = schedule.coverage(steps)
    drawn = {task: Drawn(c["draws"], c["items"], c["distinct"], c["labels"]) for task, c in covered.items()}
    gradients = gradients_of(out / "loss.tsv", CUT * steps)
    return ScheduleResult(name, in_words(config.schedule), steps, config.data.batch, drawn, gradients)


def gradients_of(path: Path, after: float) -> dict[str, Gradient]:
    """Group -> mean and variance of its gradient's norm over the rows after step `after` of a loss.tsv.

    A row has mean and variance within it; the variance of all is the mean of these plus the variance of the means.
    """
    header, *lines = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    gradients: dict[str, Gradient] = {}
    for name in (column.removeprefix(NORM) for column in header if column.startswith(NORM)):
        cells = [(row[NORM + name], row[VARIANCE + name]) for row in rows if int(row["step"]) > after]
        pairs = [(float(mean), float(square)) for mean, square in cells if ABSENT not in (mean, square)]
        pairs = [pair for pair in pairs if all(map(math.isfinite, pair))]
        if pairs:
            means, inside = np.array(pairs).T
            gradients[name] = Gradient(float(means.mean()), float(inside.mean() + means.var()))
    return dict(sorted(gradients.items(), key=lambda pair: (pair[0] != WHOLE, pair[0])))
