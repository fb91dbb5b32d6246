"""What is raced of ours with an audio LLM: steps of train.instruct, answers of pseudo.answer, sampling, hearing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch

from toolkit.core.config import build
from toolkit.core.record import Ledger
from toolkit.data.instruct_items import Item, read_part
from toolkit.data.listen import Listener
from toolkit.models.adapters import add_adapter
from toolkit.models.hear import heard_by, write_shard
from toolkit.models.heard import Heard
from toolkit.models.omni import load_omni
from toolkit.models.tuned import Tuned
from toolkit.pseudo.answer import AnswerConfig, answers_of
from toolkit.train.engine.loop import TrainingRun
from toolkit.train.engine.objective import At
from toolkit.train.engine.ranks import World
from toolkit.train.instruct_config import InstructTraining
from toolkit.train.instructed import Batches, FromCache, Live, rows_of
from toolkit.train.objectives.answers import Answers
from toolkit.train.samplers.diverse import Diverse, unit

RANK, ALPHA, SEED = 16, 32, 1


def order_of(count: int) -> list[int]:
    """Numbers of items in the order in which everyone trains."""
    return [int(i) for i in np.random.default_rng(SEED).permutation(count)]


class Step:
    """A round is `steps` updates of the next items. Output: loss of the first batch, the mean over its tokens."""

    def __init__(self, folder: str, threads: int, steps: int, batch: int, live: bool = False) -> None:
        """`live`: the tower hears each batch, whose states are else kept."""
        top = Path(folder)
        self.steps, self.batch, self.settings = steps, batch, ExitStack()
        loop = {"total_steps": "1000000", "tensorboard": "no", "threads": str(threads), "precision": "fp32"}
        optim = {"peak_lr": "1e-4", "schedule": "constant", "warmup": "0", "clip": "1.0"}
        config = build(InstructTraining, {"schedule": [{"type": "uniform"}], "loop": loop, "optim": optim}, "race")
        world = World.alone()
        self.settings.enter_context(world.computing(threads, False))
        omni = load_omni(top / "base")
        hears = Live(omni) if live else FromCache(Heard(top / "heard"))
        self.rows = rows_of(read_part(top / "items/train"), omni, hears, 0, lambda *_: None)
        self.batches, self.order = Batches(self.rows, omni, hears, "token"), order_of(len(self.rows))
        omni.model.requires_grad_(False)
        self.objective = Answers(omni, add_adapter(omni, RANK, ALPHA, 0.0, SEED), live=live)
        self.loop = TrainingRun(self.objective, config.optim, config.loop, top, world, "")
        with torch.no_grad():
            terms = [self.objective(self._on(part), At(1, 0, 1))["answer"] for part in self._parts(0)]
        self.loss = sum(float(t.sum) for t in terms) / sum(float(t.weight) for t in terms)

    def _parts(self, step: int) -> list[dict[str, Any]]:
        """The micro-batches of a step, each of one task, as Schedule makes them."""
        items = [self.order[(step * self.batch + i) % len(self.order)] for i in range(self.batch)]
        by_task: dict[str, list[int]] = {}
        for item in sorted(items, key=lambda n: (self.rows[n].item.task, self.rows[n].length)):
            by_task.setdefault(self.rows[item].item.task, []).append(item)
        return [self.batches.of(numbers, task) for task, numbers in by_task.items()]

    def _on(self, part: dict[str, Any]) -> dict[str, Any]:
        return {name: torch.as_tensor(v) if isinstance(v, np.ndarray) else v for name, v in part.items()}

    def run(self) -> dict[str, Any]:
        for _ in range(self.steps):
            parts = self._parts(self.loop.state.step)
            self.loop.step(parts, range(len(parts)))
        return {}

    def output(self) -> np.ndarray:
        return np.array([self.loss])


class Answering:
    """A round is the answering of all test items. Output: the texts' code points."""

    def __init__(self, folder: str, threads: int, batch: int) -> None:
        torch.set_num_threads(threads)
        top = Path(folder)
        self.table, self.config = read_part(top / "items/test"), AnswerConfig(batch=batch)
        self.tuned = Tuned(top / "base", Heard(top / "heard"), "cpu")
        self.texts: dict[str, str] = {}

    def run(self) -> dict[str, Any]:
        given = answers_of(list(self.table), self.tuned, self.table, self.config, Ledger("race"))
        self.texts = {f"{a.task}/{a.id}": a.text for a in given}
        return {"items": len(self.texts)}

    def output(self) -> np.ndarray:
        return np.array([ord(c) for key in sorted(self.texts) for c in f"{self.texts[key]}\n"])


class Selection:
    """A round is the items of `steps` steps by diverse sampling among so many, of four tasks and some labels."""

    def __init__(self, items: int, steps: int, batch: int, dim: int, pool: int, threads: int) -> None:
        torch.set_num_threads(threads)
        random = np.random.default_rng(SEED)
        tasks = random.choice(["asr", "dialect", "emotion", "summary"], items, p=[0.5, 0.15, 0.1, 0.25])
        labels = [f"{task}{i % 5}" if task in ("dialect", "emotion") else "" for i, task in enumerate(tasks)]
        embedding = unit(random.standard_normal((items, dim), np.float32))
        self.sampler = Diverse([str(t) for t in tasks], labels, batch, pool, SEED, embedding)
        self.steps, self.done = steps, 0

    def run(self) -> dict[str, Any]:
        for step in range(self.done, self.done + self.steps):
            self.sampler.step(step)
        self.done += self.steps
        return {}

    def output(self) -> np.ndarray:
        return self.sampler.step(0)


class Hearing:
    """A round hears `clips` clips, in shards of `shard`, as models.hear does. Output: their number of states."""

    def __init__(self, folder: str, clips: int, shard: int, threads: int) -> None:
        torch.set_num_threads(threads)
        top = Path(folder)
        self.omni = load_omni(top / "start")
        every = [item for item in read_part(top / "items/train") if item.task == "asr"]
        self.clips: Sequence[Item] = [every[i % len(every)] for i in range(clips)]
        self.shard, self.states, self.listener = shard, 0, Listener.plain()

    def run(self) -> dict[str, Any]:
        self.states = 0
        for first in range(0, len(self.clips), self.shard):
            part = self.clips[first : first + self.shard]
            numbered = [clip._replace(audio=f"{first + i}") for i, clip in enumerate(part)]
            states = heard_by(self.omni, numbered, 60.0, Ledger("race"), "fp16", self.listener)
            heard = {clip.audio: own for clip, own in states}
            self.states += sum(map(len, heard.values()))
            with tempfile.TemporaryDirectory() as folder:
                write_shard(Path(folder) / "shard", heard, self.omni.tower_width, "fp16")
                shutil.rmtree(Path(folder) / "shard")
        return {}

    def output(self) -> np.ndarray:
        return np.array([self.states])
