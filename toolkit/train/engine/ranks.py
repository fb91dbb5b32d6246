"""The processes that train together: one per GPU, or up to two on CPU cores."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ...core.errors import UserError

T = TypeVar("T")
M_MMAP_MAX, M_TRIM_THRESHOLD = -4, -1  # of malloc.h


@dataclass(frozen=True)
class World:
    """The place of this process: `rank` of `size`, on `device`."""

    rank: int
    size: int
    device: torch.device

    @staticmethod
    def alone(device: str = "cpu") -> World:
        """A world of this process alone."""
        return World(0, 1, torch.device(device))

    @staticmethod
    def choose(ngpu: int) -> World:
        """Alone on the first GPU (`ngpu` 1) or on the CPU (0). Raises UserError if there are too few GPUs."""
        if ngpu > torch.cuda.device_count():
            raise UserError(
                f"{ngpu} GPUs are asked for and {torch.cuda.device_count()} can be used", "--ngpu", "ask for fewer"
            )
        return World.alone("cuda:0" if ngpu else "cpu")

    @staticmethod
    @contextmanager
    def joined(ngpu: int) -> Iterator[World]:
        """The world that torchrun's environment describes: NCCL between GPUs, gloo between CPU processes.

        Without such an environment this process is alone. Raises UserError if there are too few GPUs.
        """
        if "RANK" not in os.environ:
            yield World.choose(ngpu)
            return
        local = int(os.environ["LOCAL_RANK"])
        if ngpu:
            torch.cuda.set_device(local)
        device = torch.device(f"cuda:{local}" if ngpu else "cpu")
        dist.init_process_group("nccl" if ngpu else "gloo", device_id=device if ngpu else None)
        yield World(dist.get_rank(), dist.get_world_size(), device)
        dist.destroy_process_group()  # not after an error: ranks could wait for each other

    def leave(self) -> NoReturn:
        """End this rank's process when all ranks are done.

        Skips the destructors of C++: sometimes one of gloo's threads still runs, and the process would abort.
        """
        if self.size > 1:
            dist.barrier()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    @property
    def first(self) -> bool:
        """True if this is rank 0, which writes and prints."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """`values` summed over all ranks, in place; every rank gets the same bits."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def agree(self, value: int) -> int:
        """Rank 0's `value`, on all ranks."""
        if self.size == 1:
            return value
        shared = torch.tensor(value, device=self.device)
        dist.broadcast(shared, 0)
        return int(shared)

    def gather(self, value: T) -> list[T]:
        """Every rank's value of a small Python object, in the order of the ranks; all ranks get the same list."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    @contextmanager
    def computing(self, threads: int, strict: bool = False) -> Iterator[None]:
        """Deterministic kernels on `threads` CPU threads; restores the settings at the end, except `keep_freed_memory`.

        Args:
            strict: True: an operation without a deterministic kernel is an error. False: it is named and used, and
                attention on a GPU uses its faster kernel (torch's warn_only).
        """
        if self.device.type == "cpu":
            keep_freed_memory()
        threads_before, mode_before = torch.get_num_threads(), torch.get_deterministic_debug_mode()
        settings: Any = torch.utils.deterministic
        fill = settings.fill_uninitialized_memory
        torch.set_num_threads(threads)
        # Sets the same flags as torch.use_deterministic_algorithms, which also imports torch's compiler: 1.3 s.
        torch.set_deterministic_debug_mode("error" if strict else "warn")
        settings.fill_uninitialized_memory = False  # would fill every new tensor, to find bugs
        try:
            yield
        finally:
            torch.set_num_threads(threads_before)
            torch.set_deterministic_debug_mode(mode_before)
            settings.fill_uninitialized_memory = fill


def keep_freed_memory() -> None:
    """Let this process keep freed memory until it ends, because the next step needs it again.

    glibc returns every large tensor to the system, which clears all pages of the next one: a tenth to a quarter of a
    step on a CPU. Does nothing on other systems.
    """
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change:
        change(M_MMAP_MAX, 0)
        change(M_TRIM_THRESHOLD, -1)  # never
