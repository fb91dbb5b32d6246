"""Where a step computes: the CPU, or one of the GPUs that --ngpu allows. Imports torch only where it must."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .shards import others_work

if TYPE_CHECKING:
    from .step import Step


def device_of(step: Step[Any]) -> str:
    """The device of this process: worker i of a sharded step takes GPU i modulo --ngpu; the CPU without GPUs.

    Where GPUs were asked for and CUDA is not there, it says so.
    """
    if not step.ngpu:
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        print(f"note: --ngpu is {step.ngpu}, but torch finds no CUDA here: {step.name} computes on the CPU", flush=True)
        return "cpu"
    return f"cuda:{(step.worker[0] - 1 if step.worker else 0) % step.ngpu}"


def device_of_shards(step: Step[Any], teacher: Path | None) -> str:
    """The device on which this process makes features: the CPU for MFCC, and where others make the shards."""
    return device_of(step) if teacher and not others_work(step, on_device=True) else "cpu"


def exact_float32() -> None:
    """Multiply and convolve in float32 on GPUs too, not in TF32 (10 bits), which some cards have: else units differ."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
