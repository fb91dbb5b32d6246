"""A job of Slurm: submit it once, find it again, wait for its end.

Files (shards, exit codes) tell which tasks are finished, so no accounting is needed; squeue only tells whether a task
is still at work. A job outlives the process that submitted it: out/log/slurm.json lets the next run of the
same step find it and wait for it, instead of submitting a second one beside it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .errors import UserError
from .files import read_json, remove, write_json, write_text
from .job import PARENT, tail
from .record import read_record
from .slurm import SETTINGS, Batch, chosen, script, settings

STATE = "slurm.json"
QUEUE_SECONDS = 5.0, 15.0  # between two looks at the queue, at first and later on: the controller serves many
FILES_SECONDS = 60.0  # until a network disk shows what another host has written
SHOWN = 3  # tasks whose logs an error shows


def run(batch: Batch, poll: Callable[[str], None], finished: Callable[[int, int], bool] | None = None) -> None:
    """Submit `batch`, or find it where an earlier run of this step has submitted it, and wait until it has ended.

    Ctrl-C cancels it; if this process is killed, it goes on.

    Args:
        poll: called a few times a second with a note on the state of the job.
        finished: finished(task, number of tasks) is True if the task has made its output; default: its exit code is 0.

    Raises:
        UserError: sbatch refuses it, or tasks have left the queue unfinished.
    """
    job = _Job(batch)

    def is_finished(task: int) -> bool:
        return finished(task, job.of) if finished else batch.exit_code(task, job.id) == 0

    try:
        job.cancelled_before(poll)
        same = job.state.get("identity") == read_record(batch.out)["id"]
        if job.id and job.states() == {} and not (same and all(map(is_finished, job.tasks))):
            job.forget()  # it ended while nobody waited; what it left unfinished is submitted anew
        if job.id:
            print(f"job {job.id} of this step was submitted before: waiting for it", file=sys.stderr, flush=True)
        else:
            job.submit()
        job.wait(poll, is_finished)
    except KeyboardInterrupt:
        job.cancel()
        raise
    job.forget()


class _Job:
    """A submitted batch: its state in out/log/slurm.json, and in the queue."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.state = _state(batch.out)
        unheard = self.state and not self.state["job"]  # its submitter was killed before it heard the number
        self.id: str = _in_queue(batch.out, self.state) if unheard else self.state.get("job", "")

    @property
    def tasks(self) -> list[int]:
        numbers: list[int] = self.state["tasks"]
        return numbers

    @property
    def of(self) -> int:
        count: int = self.state["of"]
        return count

    def write(self, **fields: Any) -> None:
        self.state |= fields
        write_json(self.batch.out / "log" / STATE, self.state)

    def forget(self) -> None:
        remove(self.batch.out / "log" / STATE)
        self.id, self.state = "", {}

    def states(self) -> dict[int, str] | None:
        """State of each task in the queue, requeued ones too; None if Slurm does not answer."""
        return _states(self.id)

    def submit(self) -> None:
        """Write the script and submit it. Raises UserError if sbatch refuses."""
        batch, path = self.batch, self.batch.out / "log" / (self.batch.stem.partition(".")[0] + ".sbatch")
        write_text(path, script(batch, settings()))
        # Written first: a job whose submitter was killed before it heard the number is found by its name.
        self.state = {"name": batch.name, "tasks": list(batch.tasks), "of": batch.of}
        self.write(job="", identity=read_record(batch.out)["id"])
        answer = _ask(["sbatch", "--parsable", str(path)])
        if answer.returncode == 0:
            self.id = answer.stdout.strip().partition(";")[0]
        elif answer.returncode < 0 or "timed out" in answer.stderr:  # the controller may still have taken the job
            self.id = _in_queue(batch.out, self.state, f"{answer.stderr.strip()}; ")
        if not self.id:
            self.forget()
            where = os.environ.get(SETTINGS, "the cluster's defaults; conf/slurm.yaml of the recipe changes them")
            remedy = f"mend the settings ({where}), or go on where Slurm answers"
            raise UserError(f"sbatch refused the job: {answer.stderr.strip()}", str(path), remedy)
        self.write(job=self.id)
        print(f"submitted job {self.id}: {len(batch.tasks)} task(s), {path}", file=sys.stderr, flush=True)

    def cancelled_before(self, poll: Callable[[str], None]) -> None:
        """Wait until a job that Ctrl-C cancelled is out of the queue."""
        while self.state.get("cancelled") and self.states() != {}:
            poll(f"job {self.id} was cancelled and is about to end")
            time.sleep(1.0)

    def cancel(self) -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave the job behind
        if self.state and (job := self.id or _in_queue(self.batch.out, self.state)):
            answer = _ask(["scancel", job])
            self.write(job=job, cancelled=True)
            how = f"not cancelled: {answer.stderr.strip()}" if answer.returncode else "cancelled"
            print(f"\njob {job} {how}; what its tasks have finished is kept", file=sys.stderr, flush=True)
        signal.signal(signal.SIGINT, before)

    def wait(self, poll: Callable[[str], None], finished: Callable[[int], bool]) -> None:
        """Wait until every task has ended. Then raises UserError naming the tasks that ended unfinished."""
        left, failed, gone_since = set(self.tasks), dict[int, str](), dict[int, float]()
        began = looked = time.monotonic()
        note = f"job {self.id}"
        while left:
            poll(note)
            time.sleep(0.2)
            now = time.monotonic()
            pause = min(max(QUEUE_SECONDS[0], (now - began) / 20), QUEUE_SECONDS[1])
            ended = all(self.batch.exit_code(task, self.id) is not None for task in left)
            if now - looked < (1.0 if ended else pause):
                continue
            looked, states = now, self.states()
            note = f"job {self.id}: {_counted(states)}"
            for task in sorted(left - states.keys()) if states is not None else ():
                how = "" if finished(task) else self.how(task)
                if how and self.succeeded(task) and now - gone_since.setdefault(task, now) < FILES_SECONDS:
                    continue  # its files will be seen in a moment
                left.discard(task)
                if how:
                    failed[task] = how
                    print(f"\n{how}", file=sys.stderr, flush=True)
        poll("")
        if failed:
            error = _unfinished(self.batch, self.id, len(self.tasks), failed)
            self.forget()
            raise error

    def succeeded(self, task: int) -> bool:
        return self.batch.exit_code(task, self.id) == 0 or self.shown(task).get("JobState") == "COMPLETED"

    def shown(self, task: int) -> dict[str, str]:
        """Fields of `scontrol show job` for a task; the controller forgets an ended task after some minutes."""
        answer = _ask(["scontrol", "show", "job", "--oneliner", f"{self.id}_{task}"])
        return dict(word.split("=", 1) for word in answer.stdout.split() if "=" in word)

    def how(self, task: int) -> str:
        """Why a task ended unfinished, as a sentence."""
        code, shown = self.batch.exit_code(task, self.id), self.shown(task)
        reasons = [f"{shown['JobState']} ({shown.get('Reason', '')})"] if "JobState" in shown else []
        if code is not None:
            by = f" ({signal.Signals(code - 128).name})" if code - 128 in set(signal.Signals) else ""
            reasons = [f"exit code {code}{by}", *reasons]
        elif not reasons:
            reasons.append("it left the queue without a word: its node failed, memory ran out, or it was killed")
        node = f" on {shown['NodeList']}" if "NodeList" in shown else ""
        return f"task {task} of job {self.id} ended unfinished{node}: {', '.join(reasons)}"


def _unfinished(batch: Batch, job: str, count: int, failed: dict[int, str]) -> UserError:
    shown = [
        f"{failed[t]}; {batch.log(t)} ends with:\n{tail(batch.log(t)) if batch.log(t).exists() else '    (no log)'}"
        for t in sorted(failed)[:SHOWN]
    ]
    more = [f"... and {len(failed) - SHOWN} more"] if len(failed) > SHOWN else []
    return UserError(
        "\n".join([f"{len(failed)} of {count} tasks of job {job} ended unfinished", *shown, *more]),
        str(batch.out / "log"),
        "mend the cause and rerun: what is finished is kept",
    )


def _counted(states: dict[int, str] | None) -> str:
    if states is None:
        return "squeue does not answer"
    names = sorted({s.lower() for s in states.values()})
    return ", ".join(f"{sum(s.lower() == f for s in states.values())} {f}" for f in names) or "ended"


def at_work(out: Path) -> str:
    """Number of the job in the queue for `out`, submitted by a run that was killed; "" if no such job is there."""
    state = _state(out)
    return _in_queue(out, state) if state else ""


def refuse_at_work(out: Path, identity: str = "") -> None:
    """Raise UserError for a job at work in `out`, unless this run may wait for it: it is of the same `identity`."""
    job = at_work(out)
    if job and not (chosen() and _state(out)["identity"] == identity):
        raise UserError(
            f"job {job} of Slurm is at work here, submitted by an earlier run",
            str(out),
            f"let it end, or go on with the same command and --backend slurm, or stop it: scancel {job}",
        )


def _state(out: Path) -> dict[str, Any]:
    path = out / "log" / STATE
    state: dict[str, Any] = read_json(path) if path.is_file() else {}
    return state


def _in_queue(out: Path, state: dict[str, Any], why: str = "") -> str:
    """The job of `out` with this `state`, if it is in the queue, else "". Raises UserError if squeue cannot tell.

    Args:
        why: text that the error says before the message of squeue.
    """
    by = [f"--jobs={state['job']}"] if state["job"] else [f"--name={state['name']}", f"--user={os.getuid()}"]
    answer = _ask(["squeue", "--noheader", *by, "--format=%F"])
    if answer.returncode and not _unknown(answer):
        path = (out / "log" / STATE).absolute()
        raise UserError(
            f"a job of Slurm may be at work here, and squeue does not tell: {why}{answer.stderr.strip()}",
            f"{path} ({state['name']})",
            f"go on where Slurm answers; if the job is surely gone, remove {path}",
        )
    return (answer.stdout.split() or [""])[0]


def _states(job: str) -> dict[int, str] | None:
    answer = _ask(["squeue", "--noheader", "--array", f"--jobs={job}", "--format=%K|%T"])
    if answer.returncode:
        return {} if _unknown(answer) else None
    rows = (line.strip().split("|") for line in answer.stdout.splitlines())
    return {int(task): state for task, state in rows}


def _unknown(answer: subprocess.CompletedProcess[str]) -> bool:
    """True if the controller says that it has forgotten the job."""
    return "Invalid job id" in answer.stderr


def _ask(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of Slurm, without the environment variables that make this process a task of another job."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("SLURM_") or n in ("SLURM_CONF", "SLURM_CLUSTERS")}
    kept.pop(PARENT, None)
    try:
        return subprocess.run(words, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError:
        return subprocess.CompletedProcess(words, 127, "", f"there is no {words[0]} on this machine")
