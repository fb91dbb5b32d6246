"""The registry of steps: what the engine must know of a step without importing it.

Each room declares its steps in `toolkit/<room>/registry.py`, a file that imports nothing but this one. So --list,
--plan and the check of all configs need no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Literal

from .errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]
Jobs = Literal["", "array", "cpu array", "task", "ranks"]


@dataclass(frozen=True)
class Declaration:
    """A step of the toolkit, or a script of tools/.

    Attributes:
        name: the module below toolkit/ ("units.kmeans" runs as `python3 -m toolkit.units.kmeans`), "tools/NAME.sh", or
            the file name of a recipe's own script.
        version: goes up when the same command, config and inputs give other bytes; part of the identity. Of a script
            the bytes of its file count instead.
        config: the config class as "module:Class", the module below toolkit/; it must not import torch. "" = no config.
        reads: sections of the config file that the step reads, where several steps share the file; empty = all.
        mb, mb_per_hour: disk that the output takes, fixed and per hour of audio among the inputs.
        scratch: True if what the audio costs is gone when the step is done.
        disk: function "module:name" that tells what the audio costs by config and inputs instead of mb_per_hour
            (plan.Planned); it must not import torch. What a config states in a comment counts before it.
        memory: function "module:name" that tells, in lines for --plan, which memory of a GPU the step takes
            (plan.Planned); it must not import torch.
        takes: kinds of inputs (foreseen.KINDS), one of which an input must be that a user names; empty = any.
        foresees: function "module:name" (plan.Planned to UserErrors) that tells what the step would refuse, as far as
            configs tell it before stage 1; it must not import torch.
        jobs: what the step submits to a cluster: "array" of shards, "cpu array" if they never use a GPU, "task" for
            one job, "ranks" for a training; "" if it computes where it is called.
        remade: True if a stale output is made anew, because that takes seconds, where others are refused.
        rows: True if the output is of rows with identities of their own (core/rows.py): if only the list of rows has
            changed, the step makes those that are new and keeps the others.
        torch: True if the step imports torch: the engine loads it once for all that do (core/forked.py).
        loads: modules of other libraries that take seconds to import, which the engine then loads once too.
        free: flags that only let the step go on: they change nothing in its output and are no part of the identity.
    """

    name: str
    version: int = 1
    config: str = ""
    reads: tuple[str, ...] = ()
    mb: float = 1
    mb_per_hour: float = 0
    scratch: bool = False
    disk: str = ""
    memory: str = ""
    takes: tuple[str, ...] = ()
    foresees: str = ""
    jobs: Jobs = ""
    remade: bool = False
    rows: bool = False
    torch: bool = False
    loads: tuple[str, ...] = ()
    free: tuple[str, ...] = ()

    @property
    def renews(self) -> bool:
        """True if running the step brings a stale output up to date; else that takes --fresh."""
        return self.remade or self.rows

    def config_class(self) -> type[Any]:
        """The config class, imported now; NoConfig for a step without one."""
        if not self.config:
            return NoConfig
        loaded: type[Any] = _loaded(self.config)
        return loaded

    def disk_function(self) -> Any:
        """The function that `disk` names, imported now; None without one."""
        return _loaded(self.disk) if self.disk else None

    def memory_function(self) -> Any:
        """The function that `memory` names, imported now; None without one."""
        return _loaded(self.memory) if self.memory else None

    def foresight(self) -> Any:
        """The function that `foresees` names, imported now; None without one."""
        return _loaded(self.foresees) if self.foresees else None


def _loaded(place: str) -> Any:
    """What "module:name" names, the module below toolkit/."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"{PACKAGE.name}.{module}"), name)


@dataclass(frozen=True)
class NoConfig:
    """Config of a step that has nothing to configure."""


def declared(step: str) -> Declaration:
    """The declaration of a step by its name, or of a script by its path.

    A recipe's own script may be declared by its file name in a `registry.py` beside it, else it gets the defaults. So
    does a name that is no step, which the check of a call refuses before anything runs (`is_declared`).
    """
    if "/" not in step:
        return registry().get(step) or Declaration(step)
    path = Path(step)
    if path.parent.name == "tools" and (fetcher := registry().get(f"tools/{path.name}")):
        return fetcher
    return _beside(path.parent.absolute()).get(path.name) or Declaration(step)


def is_declared(step: str) -> bool:
    """True if a room declares the step."""
    return step in registry()


@cache
def registry() -> dict[str, Declaration]:
    """Every declaration by its name, of all rooms. Raises ValueError for a name that is declared twice."""
    steps: dict[str, Declaration] = {}
    for path in sorted(PACKAGE.glob("*/registry.py")):
        if path.parent.name == "core":
            continue
        for declaration in import_module(f"{PACKAGE.name}.{path.parent.name}.registry").STEPS:
            if declaration.name in steps:
                raise ValueError(f"{path}: the step {declaration.name} is declared twice")
            steps[declaration.name] = declaration
    return steps


@cache
def _beside(folder: Path) -> dict[str, Declaration]:
    """Declarations of the scripts in a folder of a recipe, by file name: STEPS of its registry.py, if there is one.

    Raises UserError for a registry.py that cannot be read.
    """
    path = folder / "registry.py"
    spec = spec_from_file_location("recipe_registry", path) if path.is_file() else None
    if spec is None or spec.loader is None:
        return {}
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        names = [declaration.name for declaration in getattr(module, "STEPS", ())]
    except Exception as e:  # noqa: BLE001 any bug of that file is its author's to mend
        remedy = "write STEPS = (Declaration(...), ...), as toolkit/data/registry.py does"
        raise UserError(f"not a registry of steps: {e}", str(path), remedy) from None
    for name in names:
        if names.count(name) > 1 or not (folder / name).is_file():
            problem = "twice" if names.count(name) > 1 else "which is no file beside it"
            raise UserError(f"a declaration of {name}, {problem}", str(path), "name each script of this folder once")
    return {declaration.name: declaration for declaration in getattr(module, "STEPS", ())}
