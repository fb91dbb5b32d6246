"""Checkpoints: safetensors for weights and moments, JSON for the rest; whole or absent, the newest few kept.

checkpoints/<step>/state.safetensors holds `model.<name>` and `optimiser.<number of the parameter>.<moment>`;
checkpoints/<step>/state.json the fields of State. No random generator's state is needed (see loop.py): the
sampler's position is the step. Nothing is pickled.
"""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.files import TEMPORARY, atomic, read_json, remove, write_json
from ..models.tensors import read_tensors, write_tensors

TENSORS, STATE, BEST = "state.safetensors", "state.json", "checkpoints/best.safetensors"
FRESH = "--fresh STAGE (--list names the stages)"
ORDERED = ("window", "train", "dev")  # fields of State whose names have an order
SHOWN = 3  # names that an error lists


@dataclass
class State:
    """Where a run stands, beside its tensors.

    Attributes:
        step: steps done.
        skipped: of these, steps skipped because loss or gradient were not finite; `in_a_row` of them just now.
        window: sums of the rows of loss.tsv that are not written yet.
        train, dev: newest means, by name.
        best: `step` and `value` of the validation whose weights are kept; empty where none are.
    """

    identity: str = ""
    step: int = 0
    skipped: int = 0
    in_a_row: int = 0
    window: dict[str, list[float]] = field(default_factory=dict)
    train: dict[str, float] = field(default_factory=dict)
    dev: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)


def folder_of(out: Path, step: int) -> Path:
    return out / "checkpoints" / f"{step:08d}"


def steps_saved(out: Path) -> list[int]:
    """Steps that have a whole checkpoint, oldest first."""
    return sorted(int(p.name) for p in (out / "checkpoints").glob("*") if p.name.isdigit())


def save(out: Path, state: State, model: nn.Module, optimiser: torch.optim.Optimizer, keep: int, every: int) -> None:
    """Write a checkpoint of `state.step` and `rotate`."""
    tensors = {f"model.{name}": t for name, t in model.state_dict().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(t) for name, t in moments.items()}
    with atomic(folder_of(out, state.step)) as temporary:
        temporary.mkdir(parents=True)
        write_tensors(temporary / TENSORS, tensors)
        tree = asdict(state)  # columns of loss.tsv and a card's figures are in this order, and JSON would sort it
        write_json(temporary / STATE, {**tree, **{name: list(tree[name].items()) for name in ORDERED}})
    rotate(out, keep, every)


def rotate(out: Path, keep: int, every: int) -> None:
    """Remove all but the newest `keep` checkpoints, and what a killed run left half-written.

    Those between two multiples of `every`, which were written because of the time, go with the next: so what is left
    in the end does not depend on how fast the machine was.
    """
    saved = steps_saved(out)
    kept = [step for step in saved[:-1] if step % every == 0] + saved[-1:]
    for step in set(saved) - set(kept[-keep:]):
        remove(folder_of(out, step))
    for leftover in (out / "checkpoints").glob("*" + TEMPORARY):
        remove(leftover)


def load(out: Path, step: int, identity: str, model: nn.Module, optimiser: torch.optim.Optimizer) -> State:
    """Put the checkpoint of `step` into model and optimiser.

    Raises UserError where it belongs to another run or to a network of another shape, or is broken: then it names
    the newest older one that is whole. To take that one unasked would hide that a disk loses data.
    """
    folder = folder_of(out, step)
    try:
        state, tensors = _read(out, step)
    except UserError as e:
        raise UserError(f"a damaged checkpoint: {e.what}", e.where, _way_on(out, step, identity)) from None
    remedy = f"move {out} aside, or run the recipe with {FRESH}"
    if state.identity != identity:
        raise UserError("a checkpoint of another run: config, inputs or version differ", str(folder), remedy)
    check_shapes(model.state_dict(), _below(tensors, "model."), str(folder), remedy)
    model.load_state_dict(_below(tensors, "model."))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _below(tensors, "optimiser.").items():
        number, moment = name.split(".")
        moments.setdefault(int(number), {})[moment] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return state


def save_weights(path: Path, model: nn.Module) -> None:
    """The weights alone, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        write_tensors(temporary, model.state_dict())


def load_weights(path: Path, model: nn.Module) -> None:
    """Put the weights of `save_weights` into the model. Raises UserError where the file is gone or broken."""
    remedy = f"redo the training: run the recipe with {FRESH}"
    weights = read_tensors(path, remedy)
    check_shapes(model.state_dict(), weights, str(path), remedy)
    model.load_state_dict(weights)


def _read(out: Path, step: int) -> tuple[State, dict[str, Tensor]]:
    """The two files of a checkpoint. Raises UserError, without a remedy, where one is not whole."""
    folder = folder_of(out, step)
    tensors = read_tensors(folder / TENSORS)
    try:
        tree = read_json(folder / STATE)
        state = State(**{**tree, **{name: dict(tree[name]) for name in ORDERED}})
    except (ValueError, TypeError, KeyError, FileNotFoundError) as e:
        raise UserError(f"no state of a run: {e}", str(folder / STATE)) from None
    if state.step != step:
        raise UserError(f"the state of step {state.step}, not of {step}", str(folder / STATE))
    return state, tensors


def _way_on(out: Path, damaged: int, identity: str) -> str:
    """What to do about a damaged checkpoint: what to remove to go on from the newest whole one before it."""
    removed = [folder_of(out, damaged)]
    for step in reversed([s for s in steps_saved(out) if s < damaged]):
        try:
            whole = _read(out, step)[0].identity == identity
        except UserError:
            whole = False  # damaged too: it has to go as well
        if whole:
            return f"rm -r {shlex.join(map(str, removed))} and rerun: it goes on from step {step}, which is whole"
        removed.append(folder_of(out, step))
    return f"there is no older one that is whole: run the recipe with {FRESH}"


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def check_shapes(wanted: dict[str, Tensor], found: dict[str, Tensor], where: str, remedy: str) -> None:
    """Raise UserError naming the first parameters that are missing, superfluous or of another shape."""
    names = sorted(wanted.keys() | found.keys())
    wrong = [
        f"{n}: {list(found[n].shape) if n in found else 'absent'} instead of "
        f"{list(wanted[n].shape) if n in wanted else 'absent'}"
        for n in names
        if n not in wanted or n not in found or wanted[n].shape != found[n].shape
    ]
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise UserError(f"weights of another shape: {'; '.join(wrong[:SHOWN])}{more}", where, remedy)
