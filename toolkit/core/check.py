"""Check a whole call before its first step runs, in the engine's own process: configs, flags, options, inputs, GPUs.

Config classes import no torch (registry.py), so this takes a fraction of a second. All mistakes are told at once.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from . import foreseen, forked, output_roots, plan, sets_apart, slurm, step, unread_options
from .config import read_yaml
from .errors import UserError, together
from .fork import apart
from .record import flag, flagged
from .registry import declared, is_declared, registry
from .table import Option, StepRun, Table

StageCommand = tuple[str, list[str]]  # stage, argv


def call_mistakes(table: Table, first: int, last: int, fresh: Collection[str] = ()) -> list[UserError]:
    """Mistakes in what stages first..last would make, and in options and inputs that a user names.

    Configs count if a stage of the call reads them. An option counts whatever stage it is for, and a named input that
    is not there whatever stage before `last` it is for: what was finished with other values would pass for done.
    """
    commands = [(table.place(n), run.argv) for n, run in table.to_make(first, last, fresh)]
    given = _given(table)
    options = [o for o in table.options if o in given or o.value not in {g.value for g in given}]
    return _distinct([*step_mistakes(commands, options), *option_mistakes(table, last, fresh)])


def option_mistakes(table: Table, last: int, fresh: Collection[str] = ()) -> list[UserError]:
    """Mistakes in options of the command line, and inputs of stages up to `last` that are named and not there.

    Args:
        fresh: outputs that are to be redone.
    """
    mistakes = [*sets_apart.overlaps(table), *sets_apart.patterns(table), *output_roots.misplaced(table)]
    mistakes += unread_options.unread(table)
    try:
        plan.stated_hours(table)
    except UserError as e:
        mistakes.append(e)
    given = _given(table)
    values = {o.value for o in given}
    undone = table.to_make(1, len(table.stages), fresh)
    commands = [(table.place(n), run.argv) for n, run in undone if values & set(run.argv)]
    mistakes += [
        e for e in step_mistakes(commands, given) if e.where.startswith("--") and e.where.partition(" ")[2] in values
    ]
    wanted = [(n, run) for n, run in undone if n <= last]
    mistakes += foreseen.mistakes(table, wanted)
    mistakes += data_mistakes(table, wanted, fresh)
    return _distinct(mistakes)


def data_mistakes(table: Table, wanted: Sequence[tuple[int, StepRun]], fresh: Collection[str] = ()) -> list[UserError]:
    """Mistakes in inputs of runs, (stage number, run), as far as what stages have made until now tells them.

    Inputs that are not there, each once, by the first stage that needs it, and what the steps foresee.
    """
    absences = [e for n, run in wanted for e in table.absent_inputs(n, run, fresh)]
    mistakes = list({e.where: e for e in reversed(absences)}.values())[::-1]
    for n, run in wanted:
        for refusal in foreseen.of_configs(table, run, fresh):
            where = place_of(refusal, run.argv, _given(table))
            mistakes.append(UserError(f"{table.place(n)}: {refusal.what}", where, refusal.remedy))
    return _distinct(mistakes)


def _given(table: Table) -> list[Option]:
    """Options of the command line that have a value."""
    return [o for o in table.options if o.value and o.is_given(table.words)]


def refuse(mistakes: Sequence[UserError]) -> None:
    """Raise one UserError that tells all mistakes, if there are any."""
    if mistakes:
        raise together(mistakes)


def warn(mistakes: Sequence[UserError]) -> None:
    """Print mistakes as warnings where a call only looks."""
    for mistake in mistakes:
        print(f"warning: {mistake}", file=sys.stderr)


def step_mistakes(commands: Sequence[StageCommand], options: Sequence[Option] = ()) -> list[UserError]:
    """Mistakes in the configs and flags of steps; one in the value of an option names the option if it can be told.

    Of scripts of a recipe's local/ only the files of their configs are read: they need not be steps.
    """
    distinct: dict[str, StageCommand] = {}
    for stage, argv in commands:
        distinct.setdefault(json.dumps(_without_places(argv)), (stage, argv))
    mistakes = []
    for stage, argv in distinct.values():
        for e in _mistakes(argv):
            mistakes.append(UserError(f"{stage}: {e.what}", place_of(e, argv, options), e.remedy))
    return mistakes


def gpu_mistakes(ngpu: int, asked: bool, argvs: Sequence[Sequence[str]]) -> list[UserError]:
    """The mistake in the number of GPUs, if there is one; on a cluster its nodes have them.

    Args:
        asked: the number is that of --ngpu. Else it is what this machine seems to have: without CUDA, steps of `argvs`
            other than a training compute on the CPU then, and say so.
    """
    if not ngpu or slurm.chosen() or not (asked or any(declared(argv[0]).jobs == "ranks" for argv in argvs)):
        return []
    forked.load()
    available = apart(_gpus)  # counting them may start CUDA, after which no step can be forked
    if ngpu <= available:
        return []
    problem = f"{ngpu} GPUs are asked for and torch finds {available}"
    return [UserError(problem, "--ngpu", f"ask for {available}" if available else "--ngpu 0 computes on the CPU")]


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def _mistakes(argv: list[str]) -> Iterator[UserError]:
    """The mistakes that the step of `argv` would refuse."""
    if "/" in argv[0]:
        try:
            read_yaml(*map(Path, flag(argv, "--config")))
        except UserError as e:
            yield from e.parts
        return
    if not is_declared(argv[0]):
        near = difflib.get_close_matches(argv[0], registry(), 1)
        remedy = f"did you mean {near[0]}?" if near else "declare it in the registry.py of its room"
        yield UserError(f"no step {argv[0]}", "stages() of the recipe", remedy)
        return
    try:
        step.read_command(argv[0], argv[1:], declared(argv[0]).config_class())
    except UserError as e:
        yield from e.parts
    except SystemExit:  # argparse has printed the mistake, or the help
        yield UserError(f"no command of a step: {' '.join(argv)}", "stages() of the recipe", "mend its flags")


def place_of(e: UserError, argv: Sequence[str], options: Sequence[Option]) -> str:
    """Where a mistake is: the option and its value, if the mistake names a flag that has the value of one option.

    If several options have that value, the one is meant whose name is that of the flag, or is part of it, or has it as
    a part (twin_seed and seed). If this does not tell either, the flag itself is the place.
    """
    named = set(re.findall(r"\w+", e.what))
    for word, value in pairwise(argv):
        field = word.rpartition(".")[2].removeprefix("--").replace("-", "_")
        if not word.startswith("--") or field not in named:
            continue
        fitting = [option for option in options if option.value and option.value == value]
        alike = [o for o in fitting if f"_{o.name}_" in f"_{field}_" or f"_{field}_" in f"_{o.name}_"]
        for meant in ([o for o in fitting if o.name == field], alike, fitting):
            if len(meant) == 1:
                return f"{meant[0].flag} {value}"
        if fitting:
            return f"{word} {value}"
    return e.where


def _without_places(argv: Sequence[str]) -> list[str]:
    """A command without the paths of its inputs and output: steps with equal words need only one check."""
    return [word for name, word in flagged(argv) if name not in ("--in", "--out")]


def _distinct(mistakes: Sequence[UserError]) -> list[UserError]:
    """Each mistake once: several stages read one config, and one option is a flag of several."""
    told: dict[tuple[str, str], UserError] = {}
    for e in mistakes:
        stage, colon, problem = e.what.partition(": ")
        told.setdefault((problem if colon and stage.startswith("stage ") else e.what, e.where), e)
    return list(told.values())
