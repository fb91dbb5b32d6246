"""Ours and the peers in one run: processes that wait their turn, rounds in which each has one, medians and ratios.

One works at a time, the others wait; every second round goes backwards, so that a machine that grows slower (or
faster) harms all alike. What is quoted is the median over the rounds, with the least and the most; a ratio is the
median of the ratios round by round.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from toolkit.core.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
OURS, PEERS = ROOT / ".venv/bin/python", ROOT / ".venv-peers/bin/python"


@dataclass(frozen=True)
class Contestant:
    """Who computes: a class made with `arguments`.

    Attributes:
        name: as the table calls it.
        place: `module:class`, importable from the root of the repository.
    """

    name: str
    place: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        return not self.place.startswith("benchmarks.peers.")


@dataclass
class Result:
    """A contestant's rounds: what the worker said of each."""

    name: str
    rounds: list[dict[str, Any]] = field(default_factory=list)

    def values(self, name: str) -> list[float]:
        return [float(round_[name]) for round_ in self.rounds]

    def median(self, name: str) -> float:
        return median(self.values(name))


def environment(threads: int) -> dict[str, str]:
    """What every contestant's process gets."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    quiet = {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, **dict.fromkeys(names, str(threads)), **quiet, "PYTHONPATH": str(ROOT)}


class Worker:
    """The process of a contestant. Raises UserError with what it printed if it dies, or cannot begin."""

    def __init__(self, contestant: Contestant, threads: int) -> None:
        self.contestant, self.errors = contestant, tempfile.TemporaryFile("w+")
        command = [str(OURS if contestant.ours else PEERS), "-m", "benchmarks.worker"]
        command += [contestant.place, json.dumps(contestant.arguments)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=ROOT,
            env=environment(threads),
        )

    def prepared(self) -> None:
        """Wait until it is ready to run."""
        self._answer()

    def ask(self, command: str) -> dict[str, Any]:
        assert self.process.stdin
        with suppress(BrokenPipeError):  # it died meanwhile, killed perhaps: there is no answer
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.errors.seek(0)
            words = self.errors.read()[-3000:].rstrip()
            remedy = "mend what it says; make bench brings both environments up to date"
            raise UserError(
                f"{self.contestant.name} died with exit code {code}:\n{words}", self.contestant.place, remedy
            )
        round_: dict[str, Any] = json.loads(line)
        return round_

    def output(self) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            self.ask(f"save {folder}/output.npy")
            array: np.ndarray = np.load(f"{folder}/output.npy")
        return array

    def end(self) -> None:
        assert self.process.stdin
        with suppress(BrokenPipeError):  # it has died
            self.process.stdin.close()
        self.process.wait()


def race(
    contestants: Sequence[Contestant], rounds: int, threads: int, warm_up: bool = True
) -> tuple[list[Result], list[np.ndarray]]:
    """(what each contestant took in each round, what each made), in the order given.

    Args:
        threads: of everyone.
        warm_up: whether one more round goes before, which does not count.
    """
    workers: list[Worker] = []
    try:
        for contestant in contestants:
            workers.append(Worker(contestant, threads))
        for worker in workers:
            worker.prepared()
        results, begun = [Result(contestant.name) for contestant in contestants], time.monotonic()
        for number in range(-warm_up, rounds):
            for i in range(len(workers)) if number % 2 == 0 else reversed(range(len(workers))):
                round_ = workers[i].ask("run")
                print(f"    {contestants[i].name}: {round_['seconds']:.3f} s", flush=True)
                if number >= 0:
                    results[i].rounds.append(round_)
            print(f"  {progress(number + 1, rounds, time.monotonic() - begun, warm_up)}", flush=True)
        return results, [worker.output() for worker in workers]
    finally:
        for worker in workers:
            worker.end()


def progress(done: int, rounds: int, seconds: float, warm_up: bool) -> str:
    """`done` of `rounds` rounds took so many seconds, the warm-up among them: how long the others will."""
    left = seconds / (done + warm_up) * (rounds - done)
    return f"{f'round {done} of {rounds}' if done else 'warm-up'} done" + (f", about {left:.0f} s left" if left else "")


def ratios(ours: Result, peer: Result, name: str = "seconds") -> list[float]:
    """Peer over ours, round by round: how many times as fast (or as small) ours is."""
    return [b / a for a, b in zip(ours.values(name), peer.values(name), strict=True)]
