"""The stage table that a recipe declares: the commands, inputs, outputs and state of each stage."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from . import identity, output, record
from .contents import Differences
from .errors import UserError
from .links import absent, dangling
from .output import Status
from .record import flag, separated
from .registry import Declaration, declared


@dataclass(frozen=True)
class StepRun:
    """One step of a stage: argv[0] is a toolkit module without its package, or a script with a slash."""

    argv: list[str]

    @property
    def ins(self) -> list[str]:
        return flag(self.argv, "--in")

    @property
    def configs(self) -> list[str]:
        return flag(self.argv, "--config")

    @property
    def out(self) -> str:
        return (flag(self.argv, "--out") or [""])[0]

    @property
    def log(self) -> Path:
        return Path(self.out, "log", "run.log")

    @property
    def declared(self) -> Declaration:
        return declared(self.argv[0])

    def at_once(self, nj: int) -> int:
        """Number of jobs that this run starts at once, at most `nj`."""
        return nj if self.declared.jobs.endswith("array") else 1


@dataclass(frozen=True)
class Stage:
    name: str
    meaning: str
    runs: list[StepRun] = field(default_factory=list)


@dataclass(frozen=True)
class Option:
    name: str
    value: str
    meaning: str

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def is_given(self, words: list[str]) -> bool:
        """True if the command line `words` has it."""
        return any(word.partition("=")[0].replace("_", "-") == self.flag for word in words)


@dataclass(frozen=True)
class Table:
    """A recipe's options and numbered stages (1-based), and the words of the command line that called it."""

    options: list[Option]
    stages: list[Stage]
    words: list[str]

    @classmethod
    def parse(cls, data: str) -> Table:
        """The table that utils/recipe.sh writes: NUL-ended words; an entry is kind, count, count words."""
        words = data.split("\0")[:-1]
        options: list[Option] = []
        stages: list[Stage] = []
        called: list[str] = []
        i = 0
        while i < len(words):
            kind, n = words[i], int(words[i + 1])
            entry, i = words[i + 2 : i + 2 + n], i + 2 + n
            if kind == "option":
                options.append(Option(*entry))
            elif kind == "stage":
                stages.append(Stage(entry[0], entry[1]))
            elif kind == "called":
                called = entry
            elif not stages:
                raise UserError(f"`run {' '.join(entry)}` stands before the first `stage`", "stages() of the recipe")
            else:
                stages[-1].runs.append(StepRun(separated(entry)))
        table = cls(options, stages, called)
        table._check()
        return table

    def _check(self) -> None:
        names = [s.name for s in self.stages]
        outs = [r.out for s in self.stages for r in s.runs]
        for seen, kind in ((names, "stage"), (outs, "output")):
            twice = sorted({x for x in seen if seen.count(x) > 1})
            if twice:
                problem = f"{kind} declared twice: {', '.join(twice)}"
                for o in self.options:
                    if o.is_given(self.words) and len({*o.value.split()}) < len(o.value.split()):
                        raise UserError(problem, f"{o.flag} {o.value}", "name each once")
                raise UserError(problem, "stages() of the recipe", "rename one")
        for a in outs:
            if nested := next((b for b in outs if a and b and Path(a) in Path(b).parents), None):
                problem = f"one output lies in another: {nested} in {a}"
                raise UserError(
                    problem, "stages() of the recipe, or --data, --dump, --exp", "give each a folder of its own"
                )
        for stage in self.stages:
            if not stage.runs or not all(r.out for r in stage.runs):
                raise UserError(f"stage {stage.name} needs a `run` with --out", "stages() of the recipe")

    def number(self, key: str, option: str = "--stage") -> int:
        """Number of the stage named or numbered `key`, the value of `option`."""
        names = [s.name for s in self.stages]
        if key in names:
            return names.index(key) + 1
        if key.isdecimal() and 1 <= int(key) <= len(names):
            return int(key)
        near = difflib.get_close_matches(key, names, 3, 0.3)
        hint = (
            f"nearest: {', '.join(near)}"
            if near and not key.isdecimal()
            else f"there are 1 to {len(names)}: see --list"
        )
        raise UserError(f"no stage {key}", option, hint)

    @cached_property
    def _makers(self) -> dict[Path, tuple[int, StepRun]]:
        return {Path(r.out): (n, r) for n, s in enumerate(self.stages, 1) for r in s.runs}

    def maker(self, path: Path) -> tuple[int, StepRun] | None:
        """(stage number, run) that makes the folder at or above `path`."""
        return next((self._makers[p] for p in (path, *path.parents) if p in self._makers), None)

    def makers(self, run: StepRun) -> list[tuple[int, StepRun]]:
        """(stage number, run) of all runs that make inputs of `run`."""
        return [made for name in filter(None, run.ins) if (made := self.maker(Path(name)))]

    @cached_property
    def _ids(self) -> dict[str, tuple[str, Differences]]:
        return {}

    @cached_property
    def configs(self) -> dict[str, Any]:
        """Output -> the config of its run, as --plan has read it."""
        return {}

    def forget(self) -> None:
        """Forget what was read from the disk, because something was moved."""
        self._ids.clear()
        output.forget()

    def expected_id(self, path: Path, out: Path) -> str:
        """Id of the input `path` of `out` after the stages before have run; of the disk if no stage makes it.

        An output that is done has the id of its record, with the edits made to it; another will have the predicted id.
        """
        made = self.maker(path)
        if made is None:
            return identity.id_of_input(path, out)
        run, rel = made[1], str(path.relative_to(made[1].out))
        if run.out not in self._ids and not self.status(run).id:
            predicted = identity.identity_id(identity.identity(run.argv, self.expected_id))
            self._ids[run.out] = predicted, Differences()
        id, differences = self._ids[run.out]
        return f"{id}/{rel}{differences.suffix(rel)}"

    def status(self, run: StepRun) -> Status:
        """State of a run's output; a change upstream makes everything below it stale."""
        state = output.status(run.argv, self.expected_id)
        if state.id:
            self._ids.setdefault(run.out, (state.id, state.differences if state.state == "done" else Differences()))
        return state

    def stage_status(self, stage: Stage) -> Status:
        """The worst state of the stage's runs, and why they are in it."""
        states = [self.status(run) for run in stage.runs]
        worst = next(state for state in ("stale", "partial", "missing", "done") if state in {s.state for s in states})
        reasons = dict.fromkeys(s.why for s in states if s.state == worst and s.why)
        return Status(worst, "; ".join(reasons))

    def to_make(self, first: int, last: int, fresh: Collection[str] = ()) -> list[tuple[int, StepRun]]:
        """(stage number, run) of all runs of stages first..last that are not done or have their output in `fresh`."""
        runs = [(n, run) for n in range(first, last + 1) for run in self.stages[n - 1].runs]
        return [(n, run) for n, run in runs if run.out in fresh or self.status(run).state != "done"]

    def place(self, n: int) -> str:
        """Number and name of a stage, for errors."""
        return f"stage {n} ({self.stages[n - 1].name})"

    def check_places(self, n: int, run: StepRun) -> None:
        """Raise UserError if the outputs of a recipe would change its inputs."""
        for name in filter(None, run.ins):
            made = self.maker(Path(name))
            if made and made[0] >= n and made[1].out == run.out:
                problem = "the output would be written over an input"
                raise UserError(problem, f"--out {run.out}, --in {name}", "name a new folder")
            inside = [
                out for out in self._makers if out != Path(run.out) and Path(name).resolve() in out.resolve().parents
            ]
            if made is None and inside:
                problem = f"{inside[0]}, which a stage will write, lies inside the input {name}"
                raise UserError(problem, self.place(n), "name a folder outside of it")

    def check_inputs(self, n: int, run: StepRun, names: list[str]) -> None:
        """Raise UserError unless the inputs `names` of a run of stage `n` exist and are finished."""
        for name in names:
            made = self.maker(Path(name)) if name else None
            if made and (state := self.status(made[1])).state != "done":
                remedy = self.renewal(made[1]) if state.state == "stale" else f"run {self.place(made[0])} first"
                why = f" ({state.why})" if state.why else ""
                raise UserError(f"stage {n} needs {name}, which is {state.state}{why}", name, remedy)
            if absent := self._absent(name, made):
                problem, remedy = absent
                raise UserError(f"{self.place(n)} {problem}", name or "--in", remedy)

    def absent_inputs(self, n: int, run: StepRun, fresh: Collection[str] = ()) -> list[UserError]:
        """An error for each input of a run of stage `n` that has a name and is not there, and will not be.

        No stage makes it, or the one that would is done: it made other folders.
        """
        makers = {name: self.maker(Path(name)) for name in run.ins if name}
        absences = [
            (name, why)
            for name, made in makers.items()
            if (made is None or self.is_made(name, fresh)) and (why := self._absent(name, made))
        ]
        return [UserError(f"{self.place(n)} {problem}", name, remedy) for name, (problem, remedy) in absences]

    def is_made(self, name: str, fresh: Collection[str] = ()) -> bool:
        """True if a stage makes the input `name` and is done, and is not to be redone."""
        made = self.maker(Path(name))
        return made is not None and made[1].out not in fresh and self.status(made[1]).state == "done"

    def _absent(self, name: str, made: tuple[int, StepRun] | None) -> tuple[str, str] | None:
        """(problem, remedy) for an input that is empty or missing although its maker, if any, is done; else None."""
        if not name:
            empty = [o for o in self.options if not o.value and not o.meaning.startswith("optional")]
            wanted = ", ".join(f"{o.flag} ({o.meaning})" for o in empty) or "the variable that is empty"
            return "has an empty input", f"give {wanted}"
        if Path(name).exists():
            return None
        if made is None:
            folder = "" if os.path.isabs(name) or dangling(name) else f" in {os.getcwd()}, the recipe's folder"
            return f"needs {name}: {absent(name)}{folder}", self.setting(name)
        folders = sorted(p.name for p in Path(made[1].out).iterdir() if p.is_dir() and p.name not in record.BOOKKEEPING)
        rel = str(Path(name).relative_to(made[1].out))
        given = [f"{o.flag} {o.value}" for o in self.options if rel in (o.value, *o.value.split())]
        return (
            f"needs {name}, which stage {made[0]} did not make",
            f"mend {' or '.join(given) or 'the name'}: there are {', '.join(folders[:12])}",
        )

    def setting(self, name: str) -> str:
        """The remedy for a path that is wrong: the option that names it."""
        given = [o for o in self.options if {name, f"{name}/", f"{name}/hf"} & {o.value, *o.value.split()}]
        return f"set {given[0].flag} ({given[0].meaning})" if given else "mend the path"

    def refuse_stale(self, n: int, run: StepRun) -> None:
        """Raise UserError if the output of a run of stage `n` is stale.

        Not for steps that make a stale output anew: those that take seconds, and those over rows.
        """
        state = self.status(run)
        if state.state == "stale" and not run.declared.renews:
            raise UserError(f"{run.out} is stale ({state.why})", self.place(n), self.renewal(run))

    def renewal(self, run: StepRun) -> str:
        """How to redo a stale output: from the first stale stage among those it was made from.

        If that stage lacks an input, the missing input is named first.
        """
        makers = [(name, self.maker(Path(name)) if name else None) for name in run.ins]
        for name, made in makers:
            if made and self.status(made[1]).state == "stale":
                return self.renewal(made[1])
            if (made is None or self.status(made[1]).state == "done") and (absent := self._absent(name, made)):
                return absent[1]
        name = next(s.name for s in self.stages if run in s.runs)
        again = "give the options again that it was made with, or " if "command (from" in self.status(run).why else ""
        return f"run stage {name} first" if run.declared.renews else f"{again}redo it with --fresh {name}"
