"""Weights at stated shares of a training, exported as models beside the final one.

Rank 0 writes OUT/at/<percent>/weights.safetensors right after the step, before any checkpoint of that step. After
training, `export_kept` makes OUT/at/<percent>/hf of each and removes the file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...core.errors import UserError
from ...core.files import remove
from .checkpoint import FRESH, load_weights, save_weights
from .config import LoopConfig
from .objective import Objective

AT, WEIGHTS = "at", "weights.safetensors"


def step_of(share: float, total_steps: int) -> int:
    """The step of a share: the nearest one, at least the first."""
    return max(1, round(share * total_steps))


def shares_at(step: int, loop: LoopConfig) -> list[float]:
    """Shares of loop.keep_at whose step is `step`."""
    return [share for share in loop.keep_at if step_of(share, loop.total_steps) == step]


def folder_at(out: Path, share: float) -> Path:
    """Folder of a share's model: OUT/at/10 for share 0.1."""
    return out / AT / f"{100 * share:.10g}"


def keep(out: Path, share: float, objective: Objective) -> None:
    """Write the weights to export for a share, completely or not at all."""
    save_weights(folder_at(out, share) / WEIGHTS, objective)


def export_kept(out: Path, loop: LoopConfig, objective: Objective, export: Callable[[Path, int], None]) -> None:
    """Call `export(folder, step)` for each share of loop.keep_at with that step's weights in `objective`.

    `export` writes a Hugging Face folder. The objective ends with the weights of the last share: export the final model
    first. A share exported before the run was killed is skipped. Raises UserError if weights are missing.
    """
    for share in loop.keep_at:
        folder = folder_at(out, share)
        if (folder / WEIGHTS).is_file():
            load_weights(folder / WEIGHTS, objective)
            export(folder / "hf", step_of(share, loop.total_steps))
            remove(folder / WEIGHTS)
        elif not (folder / "hf").is_dir():
            remedy = f"redo the training: run the recipe with {FRESH}"
            raise UserError(f"the weights kept at share {share:g} are gone", str(folder / WEIGHTS), remedy)
