"""The thin command line beneath every step: `python3 -m toolkit.<module> --config F --in A B --out O`."""

from __future__ import annotations

import argparse
import atexit
import difflib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from .config import field_help, load_config, section_help, to_dict
from .errors import UserError, told
from .files import locked, remove
from .identity import id_of_input, identity, identity_id, place
from .job import die_with_parent
from .links import absent
from .output import (
    Begun,
    Status,
    begin,
    changes,
    finish,
    forget,
    parts_now,
    refuse_outdated,
    renew,
    set_aside,
    status,
    withdraw,
)
from .record import RECORD, Ledger, flag, fresh_flag, read_record, refuse_foreign, separated, within
from .registry import declared
from .shards import WorkerDone
from .slurm_job import refuse_at_work

C = TypeVar("C")


@dataclass
class Step(Generic[C]):
    """One run of a step.

    Attributes:
        config: the resolved config.
        ins: input folders, in the order of the command line.
        out: output folder; it exists.
        argv: [step, flags...] as recorded in the identity.
        worker: (i, n) in a process that shares the step's work with others, 1-based: a worker of a sharded step, or a
            rank of a training, which torchrun's environment describes; None in the main one.
        ledger: gets a row for every dropped utterance.
        counts: numbers for the record and the report's funnel.
    """

    config: C
    ins: list[Path]
    out: Path
    argv: list[str]
    worker: tuple[int, int] | None = None
    counts: dict[str, float] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=lambda: Ledger(""))

    @property
    def name(self) -> str:
        return self.argv[0]

    @property
    def id(self) -> str:
        """Identity of the output: of its record, or of the command where `main` has not begun one."""
        return str(read_record(self.out)["id"]) if (self.out / RECORD).is_file() else identity_id(identity(self.argv))

    @property
    def nj(self) -> int:
        """Number of shards that may run at once (--nj of the recipe; default 1)."""
        return max(1, int(os.environ.get("SAWT_NJ", "1")))

    @property
    def ngpu(self) -> int:
        """Number of GPUs that may be used (--ngpu of the recipe); 0: the CPU."""
        return int(os.environ.get("SAWT_NGPU", "0"))

    def input(self, position: int, wanted: str) -> Path:
        """The input at `position`; raises UserError naming what is `wanted` if there are fewer inputs."""
        if position >= len(self.ins):
            raise UserError(
                f"input {position + 1} is missing: {wanted}", "--in", f"see python3 -m toolkit.{self.name} --help"
            )
        return self.ins[position]


def main(function: Callable[[Step[Any]], None], config: type[Any] | None = None) -> None:
    """Run `function` as the step that is the main module. Ends the process with 1 on a user's mistake.

    Args:
        config: config class of a script in a recipe's local/; the registry has that of a declared step.
    """
    module = sys.modules["__main__"]
    spec = module.__spec__  # none for a script in a recipe's local/, which is identified by its path
    name = spec.name.removeprefix("toolkit.").removesuffix(".__main__") if spec else sys.argv[0]
    _open_standard_files()
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a caller may ignore SIGCHLD, which would hide how workers end
    atexit.register(gc.freeze)  # else Python collects garbage in all of torch when it ends: a third of a second
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts: makes results reproducible
    with told(1, (flag(separated(sys.argv), "--out") or ["the output"])[0]):
        _run(function, config or declared(name).config_class(), name, module.__doc__ or "")


def _open_standard_files() -> None:
    """Open standard input, output and error if the caller closed them: else a lock would get their number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def read_command(name: str, words: list[str], config_class: type[Any], doc: str = "") -> tuple[argparse.Namespace, Any]:
    """(parsed command line, config) of a step. Raises UserError for a wrong flag or config."""
    known, rest = _parser(name, doc, config_class).parse_known_args(words)
    return known, load_config(config_class, known.config, overrides(rest, config_class))


def _run(function: Callable[[Step[Any]], None], config_class: type[Any], name: str, doc: str) -> None:
    known, config = read_command(name, sys.argv[1:], config_class, doc)
    argv = [name, *_without_worker(separated(sys.argv[1:]))]
    worker = (int(known.worker[0]), int(known.worker[1])) if known.worker else None
    for path in known.ins:
        if not path.exists():
            raise UserError(absent(path, "input"), str(path), "run the stage that makes it, or mend the path")
        if known.out.resolve() in (path.resolve(), *path.resolve().parents):
            raise UserError(
                "the output would be written over an input", f"--out {known.out}, --in {path}", "name a new folder"
            )
    step = Step(config, known.ins, known.out, argv, worker, ledger=Ledger(name))
    if step.worker:
        _refuse_changed(argv, known.out)
        try:
            function(step)
        except WorkerDone:
            return
        raise AssertionError(f"{name} ran as a worker but has no shards")
    refuse_foreign(known.out)
    for path in known.ins:
        refuse_outdated(path)
    with locked(known.out):
        state = status(argv)
        refuse_at_work(known.out, state.id or identity_id(identity(argv)))
        if state.state == "stale" and not declared(name).rows:
            raise UserError(
                f"{known.out} is stale ({state.why})",
                str(known.out / "record.json"),
                f"move it aside, or run the recipe with {fresh_flag()}",
            )
        if state.state == "done":
            _tell_done(argv, known.out, state)
            return
        set_aside(known.out, state.differences)
        begun = begin(argv, known.out)
        start = time.monotonic()
        try:
            with _told_if_changed(begun, known.out, argv):
                function(step)
        except BaseException:  # also Ctrl-C: the record tells what is there, not what was tried
            withdraw(begun, known.out)
            raise
        finish(begun, known.out, _read(config, name), step.counts, step.ledger, time.monotonic() - start)
        remove(known.out / "shards")


@contextmanager
def _told_if_changed(begun: Begun, out: Path, argv: list[str]) -> Iterator[None]:
    """An error of a step whose inputs or config changed while it ran becomes a UserError that says so."""
    try:
        yield
    except Exception as e:
        forget()
        changed = changes(begun.parts, parts_now(read_record(out), argv))
        if not changed:
            raise
        problem = f"changed while this step ran: {', '.join(changed)}"
        raise UserError(problem, str(out), f"run the stage again, or with {fresh_flag()}") from e


def _tell_done(argv: list[str], out: Path, state: Status) -> None:
    """Say that there is nothing to do; complete what a kill after the record, or an earlier version, left undone."""
    remove(out / "shards")
    if state.old:
        renew(argv, out)
    print(f"{out} is done: nothing to do" + (f" ({state.why})" if state.why else ""))


def _refuse_changed(argv: list[str], out: Path) -> None:
    """Raise UserError in a worker if the config or an input changed since its step began, e.g. while it queued."""
    record = read_record(out)
    began = record["parts"]

    def id_of(path: Path, out: Path) -> str:
        """Id of an input; raw files keep the id from the step's start, as each worker would walk the corpus again."""
        return id_of_input(path, out) if within(path) else str(began.get(f"input {place(str(path))}"))

    if changed := changes(began, parts_now(record, argv, id_of)):
        raise UserError(f"changed since this step began: {', '.join(changed)}", str(out), "run the stage again")


def _parser(name: str, doc: str, config_class: type[Any]) -> argparse.ArgumentParser:
    rows = "\n".join(f"  --{n.replace('_', '-'):26} {d:14} {m}" for n, d, m in field_help(config_class))
    sections = "".join(
        f"\n\n{heading} (default, meaning):\n" + "\n".join(f"    {n:26} {d:14} {m}" for n, d, m in own)
        for heading, own in section_help(config_class)
    )
    parser = argparse.ArgumentParser(
        f"python3 -m toolkit.{name}",
        description=doc,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.epilog = f"fields of --config, each also a flag (default, meaning):\n{rows}{sections}" if rows else None
    parser.add_argument(
        "--config", nargs="+", type=Path, metavar="YAML", help="config file; of several, a later one's values count"
    )
    parser.add_argument("--in", dest="ins", nargs="+", type=Path, default=[], metavar="PATH", help="inputs")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="output folder")
    rank = f"{int(os.environ.get('RANK', '0')) + 1}/{os.environ.get('WORLD_SIZE', '1')}"
    parser.add_argument("--worker", nargs="?", const=rank, type=lambda word: word.split("/"), help=argparse.SUPPRESS)
    return parser


def overrides(rest: list[str], config_class: type[Any]) -> dict[str, str]:
    """Leftover `--peak-lr 1e-3` pairs -> {"peak_lr": "1e-3"}. Raises UserError for an unknown field."""
    names = [n for n, _, _ in field_help(config_class)]
    values: dict[str, str] = {}
    words = separated(rest)
    while words:
        key = words.pop(0)
        name = key.removeprefix("--").replace("-", "_")
        if not key.startswith("--") or name not in names:
            _refuse(key, names)
        if not words or words[0].startswith("--"):
            raise UserError(f"{key} needs a value", "command line")
        values[name] = words.pop(0)
    return values


def _refuse(key: str, names: list[str]) -> NoReturn:
    near = difflib.get_close_matches(key.removeprefix("--").replace("-", "_"), [*names, "config", "in", "out"], 1, 0.4)
    raise UserError(
        f"unknown option {key}",
        "command line",
        f"did you mean --{near[0].replace('_', '-')}?" if near else "see --help",
    )


def _read(config: Any, step: str) -> dict[str, Any]:
    """The resolved config; of a file shared with other steps, only the sections that this step reads."""
    sections = declared(step).reads
    return {name: value for name, value in to_dict(config).items() if not sections or name in sections}


def _without_worker(argv: list[str]) -> list[str]:
    if "--worker" in argv:
        i = argv.index("--worker")
        after = argv[i + 1 :]
        return argv[:i] + (after[1:] if after and not after[0].startswith("--") else after)
    return argv
