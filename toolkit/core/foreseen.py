"""Mistakes that a step would refuse hours later: inputs of another kind, no place for outputs, configs at odds."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from . import plan
from .errors import UserError
from .links import dangling
from .record import within
from .table import StepRun, Table

StageRun = tuple[int, StepRun]  # number of the stage, run


def _is_data(path: Path, number: int) -> bool:
    return os.path.isfile(path / "wav.scp") or any(os.path.isfile(file) for file in path.glob("*/wav.scp"))


def _is_model(path: Path, number: int) -> bool:
    """True for a folder of Hugging Face, and for what a step has begun, whose state tells more."""
    configs = (path / below / name for below in ("", "hf") for name in ("config.json", "adapter_config.json"))
    return within(path) is not None or any(map(os.path.isfile, configs))


def _is_corpus(path: Path, number: int) -> bool:
    return number > 0 or path.is_dir()  # after the folder of a corpus come lists and tables


KINDS: dict[str, tuple[str, Callable[[Path, int], bool]]] = {  # kind -> its name, and whether input i is one
    "corpus": ("folder", _is_corpus),
    "data": ("data directory (with wav.scp) or folder of them", _is_data),
    "model": ("model (a folder with config.json)", _is_model),
}


def mistakes(table: Table, runs: Sequence[StageRun]) -> Iterator[UserError]:
    """Mistakes in inputs and outputs of runs that are to be made; each wrong place of outputs is told once."""
    yield from _of_places(table, runs)
    for n, run in runs:
        yield from _of_kinds(table, n, run)


def of_configs(table: Table, run: StepRun, fresh: Collection[str] = ()) -> Iterator[UserError]:
    """What a step of the toolkit foresees of its config and inputs. Nothing where a config has a mistake of its own.

    Args:
        fresh: outputs that are to be redone, of which nothing is known yet.
    """
    function = None if "/" in run.argv[0] else run.declared.foresight()
    if function is None:
        return
    try:
        told = plan.told_of(table, run, None, fresh)
        refusals: list[UserError] = list(function(told))
    except UserError:  # step_mistakes tells it, with its place
        return
    yield from refusals


def _of_kinds(table: Table, n: int, run: StepRun) -> Iterator[UserError]:
    """Inputs that no stage makes, that are there, and that are of no kind the step takes."""
    takes = run.declared.takes
    for number, name in enumerate(run.ins):
        if not takes or not name or table.maker(Path(name)) or not Path(name).exists():
            continue
        if not any(KINDS[kind][1](Path(name), number) for kind in takes):
            problem = f"{table.place(n)} needs {name}: no {', and no '.join(KINDS[kind][0] for kind in takes)}"
            yield UserError(problem, name, table.setting(name))


def _of_places(table: Table, runs: Sequence[StageRun]) -> Iterator[UserError]:
    """Files and links that lead nowhere, where folders of outputs belong."""
    seen: set[Path] = set()
    for _, run in runs:
        out = Path(os.path.abspath(run.out))
        for place in (*reversed(out.parents), out):
            if place in seen or not os.path.lexists(place) or place.is_dir():
                continue
            gone = dangling(place)
            problem = f"{place} is {gone or 'a file'}, where a folder of outputs belongs"
            remedy = "mend the link, or make the folder that it leads to" if gone else "name a folder, or move the file"
            given = [o for o in table.options if o.value and os.path.abspath(o.value) == str(place)]
            yield UserError(problem, f"{given[0].flag} {given[0].value}" if given else str(place), remedy)
            seen.add(place)
