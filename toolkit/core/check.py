"""Check the configs and flags of all steps of a call before the first one runs, in the engine's own process.

Config classes import no torch (registry.py), so this takes a fraction of a second.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Iterator, Sequence

from . import forked, slurm, step
from .errors import UserError
from .fork import apart
from .registry import declared, is_declared, registry

StageCommand = tuple[str, list[str]]  # stage, argv


def refuse_wrong(commands: Sequence[StageCommand]) -> None:
    """Print all mistakes and end this process with 2 if a step of `commands` would refuse its config or a flag.

    Scripts of a recipe's local/ are left out: they need not be steps.
    """
    distinct: dict[str, StageCommand] = {}
    for stage, argv in commands:
        if "/" not in argv[0]:
            distinct.setdefault(json.dumps(_without_places(argv)), (stage, argv))
    mistakes = [f"error: {stage}: {e}" for stage, argv in distinct.values() for e in _mistakes(argv)]
    mistakes += [f"error: {e}" for e in _too_few_gpus([argv for _, argv in commands])]
    if mistakes:
        print(*mistakes, sep="\n", file=sys.stderr)
        raise SystemExit(2)


def _mistakes(argv: list[str]) -> Iterator[UserError]:
    """The mistakes that the step of `argv` would refuse."""
    if not is_declared(argv[0]):
        near = difflib.get_close_matches(argv[0], registry(), 1)
        remedy = f"did you mean {near[0]}?" if near else "declare it in the registry.py of its room"
        yield UserError(f"no step {argv[0]}", "stages() of the recipe", remedy)
        return
    try:
        step.read_command(argv[0], argv[1:], declared(argv[0]).config_class())
    except UserError as e:
        yield e
    except SystemExit:  # argparse has printed the mistake, or the help
        yield UserError(f"no command of a step: {' '.join(argv)}", "stages() of the recipe", "mend its flags")


def _without_places(argv: Sequence[str]) -> list[str]:
    """A command without the paths of its inputs and output: steps with equal words need only one check."""
    kept, name = [], ""
    for word in argv:
        name = word if word.startswith("--") else name
        if name not in ("--in", "--out"):
            kept.append(word)
    return kept


def _too_few_gpus(argvs: Sequence[Sequence[str]]) -> Iterator[UserError]:
    """The mistake in --ngpu, if any. Without CUDA, steps other than a training compute on the CPU."""
    ngpu = int(os.environ.get("SAWT_NGPU", "0"))
    if not ngpu or slurm.chosen():
        return
    forked.load()
    available = apart(_gpus)  # counting them may start CUDA, after which no step can be forked
    if ngpu > available and (available or any(declared(argv[0]).jobs == "ranks" for argv in argvs)):
        yield UserError(
            f"{ngpu} GPUs are asked for and torch finds {available}",
            "--ngpu",
            f"ask for {available}" if available else "--ngpu 0 trains on the CPU",
        )


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
