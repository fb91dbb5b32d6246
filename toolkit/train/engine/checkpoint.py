"""Checkpoints: safetensors for weights and moments, JSON for the rest; complete or absent; only the newest are kept.

checkpoints/<step>/state.safetensors holds `model.<name>` of the objective's saved_state() and `optimiser.<number of
the parameter>.<moment>`; checkpoints/<step>/state.json the fields of State, among them a digest of what is not saved.
No random generator's state is needed (see loop.py): the sampler's position is the step. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.files import TEMPORARY, atomic, read_json, remove, sha256_of, write_json
from ...models.tensors import read_metadata, read_tensors, write_tensors
from .objective import Objective

DIGEST = "digest"  # in the header of a file of weights
TENSORS, STATE, BEST = "state.safetensors", "state.json", "checkpoints/best.safetensors"
FRESH = "--fresh STAGE (--list names the stages)"
ORDERED = ("window", "train", "dev")  # fields of State whose keys have an order
SHOWN = 3  # number of names in an error


@dataclass
class State:
    """State of a run without its tensors.

    Attributes:
        identity: identity of the run that the checkpoint belongs to.
        step: steps done.
        skipped: steps skipped so far because loss or gradient was not finite; in_a_row: the last steps, all skipped.
        window: sums for the next row of loss.tsv.
        train, dev: newest means, by name.
        best: `step` and `value` of the validation whose weights are kept; empty if none are.
        base: digest of the tensors that are not saved (frozen networks, parameters without a gradient); "" if none.
        digests: file of the checkpoint -> its digest.
    """

    identity: str = ""
    step: int = 0
    skipped: int = 0
    in_a_row: int = 0
    window: dict[str, list[float]] = field(default_factory=dict)
    train: dict[str, float] = field(default_factory=dict)
    dev: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    base: str = ""
    digests: dict[str, str] = field(default_factory=dict)


def folder_of(out: Path, step: int) -> Path:
    return out / "checkpoints" / f"{step:08d}"


def steps_saved(out: Path) -> list[int]:
    """Steps with a complete checkpoint, oldest first."""
    return sorted(int(p.name) for p in (out / "checkpoints").glob("*") if p.name.isdigit())


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Digest of names, types, shapes and values; "" for no tensors. Shared memory is read once."""
    if not tensors:
        return ""
    state, read = hashlib.sha256(), dict[tuple[int, tuple[int, ...]], bytes]()
    for name, tensor in sorted(tensors.items()):
        state.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        place = (tensor.data_ptr(), tuple(tensor.shape))
        if place not in read:
            values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            read[place] = hashlib.sha256(values.numpy().data).digest()
        state.update(read[place])
    return state.hexdigest()[:16]


def save(
    out: Path, state: State, objective: Objective, optimiser: torch.optim.Optimizer, keep: int, every: int
) -> None:
    """Write a checkpoint of `state.step` and `rotate`."""
    tensors = {f"model.{name}": t for name, t in objective.saved_state().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(t) for name, t in moments.items()}
    with atomic(folder_of(out, state.step)) as temporary:
        temporary.mkdir(parents=True)
        write_tensors(temporary / TENSORS, tensors)
        state.digests = {TENSORS: sha256_of(temporary / TENSORS)[:16]}
        tree = asdict(state)  # the order of loss.tsv's columns and of a card's figures, which sorted JSON would lose
        write_json(temporary / STATE, {**tree, **{name: list(tree[name].items()) for name in ORDERED}})
    rotate(out, keep, every)


def rotate(out: Path, keep: int, every: int) -> None:
    """Remove all but the newest `keep` checkpoints, and incomplete ones of a killed run.

    Checkpoints at other steps than multiples of `every` were written because of the time; the next checkpoint deletes
    them. So the final set of checkpoints does not depend on the speed of the machine.
    """
    saved = steps_saved(out)
    kept = [step for step in saved[:-1] if step % every == 0] + saved[-1:]
    for step in set(saved) - set(kept[-keep:]):
        remove(folder_of(out, step))
    for leftover in (out / "checkpoints").glob("*" + TEMPORARY):
        remove(leftover)


def load(
    out: Path, step: int, identity: str, base: str | None, objective: Objective, optimiser: torch.optim.Optimizer
) -> State:
    """Put the checkpoint of `step` into objective and optimiser.

    Args:
        base: digest of the unsaved tensors, to compare with the checkpoint's; None: do not compare.

    Raises UserError if it belongs to another run, another base or a network of another shape, or is broken; then it
    names the newest complete older one. Taking that one unasked would hide that a disk loses data.
    """
    folder = folder_of(out, step)
    try:
        state, tensors = _read(out, step)
    except UserError as e:
        raise UserError(f"a damaged checkpoint: {e.what}", e.where, _way_on(out, step, identity)) from None
    remedy = f"move {out} aside, or run the recipe with {FRESH}"
    if state.identity != identity:
        raise UserError("a checkpoint of another run: config, inputs or version differ", str(folder), remedy)
    if base is not None and state.base != base:
        problem = (
            "a checkpoint on another base: the weights that are not trained (base, teacher) are not those it began with"
        )
        raise UserError(
            problem,
            f"{folder}, digest {state.base or 'of none'}, now {base or 'of none'}",
            f"give the base and the teacher it began with, or {remedy}",
        )
    _fill(objective, _below(tensors, "model."), str(folder), remedy)
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _below(tensors, "optimiser.").items():
        number, moment = name.split(".")
        moments.setdefault(int(number), {})[moment] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return state


def save_weights(path: Path, objective: Objective) -> None:
    """Write the objective's saved_state() and their digest, completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = objective.saved_state()
    with atomic(path) as temporary:
        write_tensors(temporary, weights, {DIGEST: digest(weights)})


def load_weights(path: Path, objective: Objective) -> None:
    """Put the weights of `save_weights` into the objective. Raises UserError if the file is missing or damaged."""
    remedy = f"redo the training: run the recipe with {FRESH}"
    weights = read_tensors(path, remedy)
    if read_metadata(path).get(DIGEST, "") not in ("", digest(weights)):  # an earlier version wrote none
        raise UserError("damaged weights: not those that the training kept", str(path), remedy)
    _fill(objective, weights, str(path), remedy)


@torch.no_grad()
def _fill(objective: Objective, weights: dict[str, Tensor], where: str, remedy: str) -> None:
    """Copy weights into the objective's live tensors. Raises UserError unless names and shapes are the same."""
    own = objective.saved_state()
    check_shapes(own, weights, where, remedy)
    for name, tensor in own.items():
        tensor.copy_(weights[name])


def _read(out: Path, step: int) -> tuple[State, dict[str, Tensor]]:
    """The two files of a checkpoint. Raises UserError, without a remedy, if one is incomplete."""
    folder = folder_of(out, step)
    tensors = read_tensors(folder / TENSORS, bounded=False)  # moments of the optimiser may be large
    try:
        tree = read_json(folder / STATE)
        state = State(**{**tree, **{name: dict(tree[name]) for name in ORDERED}})
    except (ValueError, TypeError, KeyError, FileNotFoundError) as e:
        raise UserError(f"no state of a run: {e}", str(folder / STATE)) from None
    if state.step != step:
        raise UserError(f"the state of step {state.step}, not of {step}", str(folder / STATE))
    if state.digests and sha256_of(folder / TENSORS)[:16] != state.digests.get(TENSORS):
        raise UserError("tensors that are not those that were saved: their digest differs", str(folder / TENSORS))
    return state, tensors


def _way_on(out: Path, damaged: int, identity: str) -> str:
    """Remedy for a damaged checkpoint: what to remove to resume from the newest complete one before it."""
    removed = [folder_of(out, damaged)]
    for step in reversed([s for s in steps_saved(out) if s < damaged]):
        try:
            whole = _read(out, step)[0].identity == identity
        except UserError:
            whole = False  # damaged too: remove it as well
        if whole:
            return f"rm -r {shlex.join(map(str, removed))} and rerun: it goes on from step {step}, which is whole"
        removed.append(folder_of(out, step))
    return f"there is no older one that is whole: run the recipe with {FRESH}"


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def check_shapes(wanted: dict[str, Tensor], given: dict[str, Tensor], where: str, remedy: str) -> None:
    """Raise UserError naming the first parameters that are missing, superfluous or of another shape."""
    names = sorted(wanted.keys() | given.keys())
    wrong = [
        f"{n}: {list(given[n].shape) if n in given else 'absent'} instead of "
        f"{list(wanted[n].shape) if n in wanted else 'absent'}"
        for n in names
        if n not in wanted or n not in given or wanted[n].shape != given[n].shape
    ]
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise UserError(f"weights of another shape: {'; '.join(wrong[:SHOWN])}{more}", where, remedy)
