"""Slurm: what is asked of the cluster (conf/slurm.yaml), and the sbatch script of a step's heavy work."""

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

SETTINGS = "SAWT_SLURM"  # absolute path of slurm.yaml, from the engine


@dataclass(frozen=True)
class SlurmConfig:
    """conf/slurm.yaml: what is asked of the cluster; what is empty is left to its defaults."""

    partition: str = ""
    "sbatch --partition"
    account: str = ""
    "sbatch --account"
    qos: str = ""
    "sbatch --qos"
    constraint: str = ""
    "sbatch --constraint: features of the nodes"
    time: str = ""
    "longest time of a task, as sbatch --time takes it: 12:00:00, 2-00"
    cpus: int = 0
    "CPU cores of a task, or of a training's node"
    memory: str = ""
    "memory of a task, or of a training's node: 16G"
    gpus: int = 0
    "GPUs of a training's node; of an array, each task that computes on a GPU gets one; --ngpu overrides it"
    gpu_type: str = ""
    "kind of GPU, where the cluster has several: --gres=gpu:KIND:N"
    nodes: int = 1
    "nodes of a training"
    extra: tuple[str, ...] = ()
    "further words of sbatch, e.g. [--mail-type=END, --exclusive]"
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
    """The recipe's settings, or none. Raises UserError for those that are no settings."""
    path = os.environ.get(SETTINGS)
    return load_config(SlurmConfig, Path(path) if path else None)


@dataclass(frozen=True)
class Batch:
    """What one sbatch submits.

    Attributes:
        argv: [step, flags...] as recorded in the identity.
        out: the step's output folder; logs, exit codes and the script go into its log/.
        stem: name of a task's files in log/; $task is the number of the task.
        tasks: 1-based numbers, of which sbatch makes an array.
        of: the number of workers that share the work, of which `tasks` have something to do.
        words: the command of a task, as bash spells it.
        needs: what is asked of the cluster beside the settings.
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
        """Name in the queue: of the step, and of no other output."""
        where = digest(json.dumps([str(self.out.absolute()), *self.argv]).encode())
        return f"sawt.{self.argv[0].rpartition('/')[2]}.{where[:8]}"

    def log(self, task: int) -> Path:
        return self.out / "log" / f"{self.stem.replace('$task', str(task))}.log"

    def exit_code(self, task: int, job: str) -> int | None:
        """What the task of this job left with; None if it did not live to say so."""
        path = self.log(task).with_suffix(".exit")
        words = path.read_text().split() if path.exists() else []
        return int(words[1]) if len(words) == 2 and words[0] == job else None


def array(argv: Sequence[str], out: Path, tasks: Sequence[int], of: int, gpus: int) -> Batch:
    """An array job: task i is worker i of `of`, on one GPU where there are `gpus`."""
    words = f'{shlex.join(command(argv))} --worker "$task/{of}"'
    return Batch(argv, out, "worker.$task", tasks, of, words, ["--nodes=1", "--ntasks=1"], min(gpus, 1))


def ranks(argv: Sequence[str], out: Path, nodes: int, gpus: int) -> Batch:
    """One job in which a process per GPU, or per node where there is none, trains: alone or under torchrun."""
    words = [sys.executable, *command(argv)[1:], "--worker"]
    if max(gpus, nodes) > 1:
        words[1:1] = ["-m", "toolkit.train.engine.launch", str(max(gpus, 1))]
    line = shlex.join(words)
    if nodes > 1:
        meet = '"$(hostname):$((20000 + SLURM_JOB_ID % 20000))"'  # the first node, where the script runs
        torchrun = f'--nnodes={nodes} --rdzv-backend=c10d --rdzv-endpoint={meet} --rdzv-id="$SLURM_JOB_ID"'
        cores = "${SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK}"  # srun does not take them over itself
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
        f"--output={log}",  # what Slurm says of a task's end goes there, too
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
        'rm -f "$ended"',  # of this task before it was requeued
        f"command=({batch.words})",
        "printf '#'; printf ' %q' \"${command[@]}\"; echo",
        "echo \"# Started at $(date '+%F %T') on $(hostname), job $SLURM_ARRAY_JOB_ID, task $task\"",
        *config.setup.strip().splitlines(),
        '"${command[@]}" </dev/null',
        "code=$?",
        "echo \"# Ended (code $code) at $(date '+%F %T')\"",
        'echo "$SLURM_ARRAY_JOB_ID $code" >"$ended.tmp" && mv "$ended.tmp" "$ended"',
        "exit $code",
    ]
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    name, equals, value = word.partition("=")
    return name + equals + shlex.quote(value) if value else word


def _ranges(numbers: Sequence[int]) -> str:
    """Increasing numbers as sbatch --array takes them: 1-3,7."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and runs[-1][-1] == n - 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)
