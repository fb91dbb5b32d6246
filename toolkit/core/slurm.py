"""Slurm: the settings of the cluster (conf/slurm.yaml), and the sbatch script of a step's heavy work."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .config import load_config
from .job import PARENT, command
from .record import digest

SETTINGS = "SAWT_SLURM"  # variable with the absolute path of slurm.yaml, set by the engine


@dataclass(frozen=True)
class SlurmConfig:
    """Settings of conf/slurm.yaml; an empty one is left to the cluster's default."""

    partition: str = ""
    "queue to submit to: sbatch --partition"
    account: str = ""
    "account that is charged: sbatch --account"
    qos: str = ""
    "quality of service: sbatch --qos"
    constraint: str = ""
    "required features of the nodes: sbatch --constraint"
    time: str = ""
    "longest time of a task: sbatch --time, e.g. 12:00:00 or 2-00 (days-hours); longer may wait longer"
    cpus: int = 0
    "CPU cores of a task, or of each node of a training"
    memory: str = ""
    "memory of a task, or of each node of a training, e.g. 16G"
    gpus: int = 0
    "GPUs of each node of a training; a task of an array that computes on a GPU gets one; --ngpu overrides it"
    gpu_type: str = ""
    "kind of GPU, if the cluster has several: sbatch --gres=gpu:KIND:N"
    nodes: int = 1
    "number of nodes of a training"
    extra: tuple[str, ...] = ()
    "more options of sbatch, e.g. [--mail-type=END, --exclusive]"
    setup: str = ""
    "lines of bash that each task runs before its command, e.g. module load cuda"

    def __post_init__(self) -> None:
        for name, least in (("cpus", 0), ("gpus", 0), ("nodes", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")


def chosen() -> bool:
    """True if this run's heavy work goes to Slurm (--backend slurm)."""
    return os.environ.get("SAWT_BACKEND") == "slurm"


def settings() -> SlurmConfig:
    """The recipe's settings; defaults without a slurm.yaml. Raises UserError for a wrong one."""
    path = os.environ.get(SETTINGS)
    return load_config(SlurmConfig, Path(path) if path else None)


@dataclass(frozen=True)
class Batch:
    """A job that one sbatch submits.

    Attributes:
        argv: [step, flags...] as recorded in the identity.
        out: the step's output folder; logs, exit codes and the script go into its log/.
        stem: name of a task's files in log/; $task is the number of the task.
        tasks: 1-based numbers of the tasks of the array.
        of: number of workers that share the work; only `tasks` have work left.
        words: command of a task, quoted for bash.
        needs: options of sbatch beside the settings.
        gpus: GPUs of a node; 0 means the CPU.
    """

    argv: Sequence[str]
    out: Path
    stem: str
    tasks: Sequence[int]
    of: int
    words: str
    needs: Sequence[str]
    gpus: int

    @property
    def name(self) -> str:
        """Name in the queue: that of the step, unique to its output."""
        where = digest(json.dumps([str(self.out.absolute()), *self.argv]).encode())
        return f"sawt.{self.argv[0].rpartition('/')[2]}.{where[:8]}"

    def log(self, task: int) -> Path:
        return self.out / "log" / f"{self.stem.replace('$task', str(task))}.log"

    def exit_code(self, task: int, job: str) -> int | None:
        """Exit code of a task of this job; None if it was killed before it could write it."""
        path = self.log(task).with_suffix(".exit")
        words = path.read_text().split() if path.exists() else []
        return int(words[1]) if len(words) == 2 and words[0] == job else None


def array(argv: Sequence[str], out: Path, tasks: Sequence[int], of: int, gpus: int) -> Batch:
    """An array job: task i is worker i of `of`, on one GPU if `gpus` is above 0."""
    words = f'{shlex.join(command(argv))} --worker "$task/{of}"'
    return Batch(argv, out, "worker.$task", tasks, of, words, ["--nodes=1", "--ntasks=1"], min(gpus, 1))


def ranks(argv: Sequence[str], out: Path, nodes: int, gpus: int) -> Batch:
    """One job that trains with a process per GPU, or per node without GPUs: alone or under torchrun."""
    words = [sys.executable, *command(argv)[1:], "--worker"]
    if max(gpus, nodes) > 1:
        words[1:1] = ["-m", "toolkit.train.engine.launch", str(max(gpus, 1))]
    line = shlex.join(words)
    if nodes > 1:
        meet = '"$(hostname):$((20000 + SLURM_JOB_ID % 20000))"'  # the first node, where the script runs
        torchrun = f'--nnodes={nodes} --rdzv-backend=c10d --rdzv-endpoint={meet} --rdzv-id="$SLURM_JOB_ID"'
        cores = "${SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK}"  # srun does not pass them on by itself
        line = (
            f"srun --export=ALL --kill-on-bad-exit=1 {cores} {shlex.join(words[:4])} {torchrun} {shlex.join(words[4:])}"
        )
    return Batch(argv, out, "ranks", [1], 1, line, [f"--nodes={nodes}", "--ntasks-per-node=1"], gpus)


def script(batch: Batch, config: SlurmConfig) -> str:
    """The sbatch script, which can be submitted by hand as well."""
    folder = (batch.out / "log").absolute()
    log = str(folder).replace("%", "%%") + f"/{batch.stem.replace('$task', '%a')}.log"
    kind = config.gpu_type + ":" if config.gpu_type else ""
    asked = [
        f"--job-name={batch.name}",
        f"--array={_ranges(batch.tasks)}",
        f"--chdir={Path.cwd()}",
        f"--output={log}",  # Slurm's own message about a task's end goes there, too
        "--open-mode=truncate",
        "--requeue",
        *batch.needs,
        *(f"--{n}={v}" for n in ("partition", "account", "qos", "constraint", "time") if (v := getattr(config, n))),
        *([f"--cpus-per-task={config.cpus}"] if config.cpus else []),
        *([f"--mem={config.memory}"] if config.memory else []),
        *([f"--gres=gpu:{kind}{batch.gpus}"] if batch.gpus else []),
        *config.extra,
    ]
    passed = {name: os.environ[name] for name in ("LC_ALL", "PYTHONPATH") if name in os.environ}
    passed |= {"PYTHONUNBUFFERED": "1", "SAWT_BACKEND": "local", "SAWT_NGPU": str(batch.gpus)}
    lines = [
        "#!/usr/bin/env bash",
        *("#SBATCH " + _quoted(word) for word in asked),
        f"unset {PARENT} {SETTINGS} SAWT_TERMINAL RANK LOCAL_RANK WORLD_SIZE",
        *(f"export {name}={shlex.quote(value)}" for name, value in passed.items()),
        "task=$SLURM_ARRAY_TASK_ID",
        f"ended={shlex.quote(str(folder))}/{batch.stem}.exit",
        'rm -f "$ended"',  # from this task before it was requeued
        f"command=({batch.words})",
        "printf '#'; printf ' %q' \"${command[@]}\"; echo",
        "echo \"# Started at $(date '+%F %T') on $(hostname), job $SLURM_ARRAY_JOB_ID, task $task\"",
        *config.setup.strip().splitlines(),
        *([_reached(sys.executable)] if shlex.quote(sys.executable) in batch.words else []),
        '"${command[@]}" </dev/null',
        "code=$?",
        "echo \"# Ended (code $code) at $(date '+%F %T')\"",
        'echo "$SLURM_ARRAY_JOB_ID $code" >"$ended.tmp" && mv "$ended.tmp" "$ended"',
        "exit $code",
    ]
    return "\n".join(lines) + "\n"


def _reached(python: str) -> str:
    """A line of bash that puts an error in the place of the command where a node cannot reach the interpreter."""
    problem = shlex.quote(f"error: no interpreter can be reached at {python}, on the node")
    remedy = shlex.quote("  remedy: make setup on a disk that all nodes see, or have `setup` of slurm.yaml mount it")
    told = f'echo {problem} "$(hostname)"; echo {remedy}'
    return f"[[ -x {shlex.quote(python)} ]] || {{ {told}; command=(bash -c 'exit 2'); }}"


def _quoted(word: str) -> str:
    name, equals, value = word.partition("=")
    return name + equals + shlex.quote(value) if value else word


def _ranges(numbers: Sequence[int]) -> str:
    """Increasing numbers in the format of sbatch --array, e.g. 1-3,7."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and runs[-1][-1] == n - 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)
