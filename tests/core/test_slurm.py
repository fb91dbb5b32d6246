"""Arrays on a real Slurm: tasks that are cancelled, killed and requeued, and submitters that are killed or stopped."""

import json
import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

EXPECTED = "".join(f"{n + 12}\n" for n in range(6))
SLOW = """    path.write_text("half of it")
        while k == 1 and not Path("go").exists(): time.sleep(0.05)
        while k == 2 and Path("stay").exists(): time.sleep(0.05)
"""
WORDS = ("--backend", "slurm", "--nj", "3")


@pytest.fixture
def held(recipe, slurm):
    """The recipe, whose shard 1 waits for the file `go`, and shard 2 while there is a file `stay`."""
    step = recipe.folder / "add.py"
    step.write_text(step.read_text().replace("    time.sleep(step.config.sleep)\n", SLOW))
    yield recipe
    subprocess.run(["scancel", f"--user={os.getuid()}"], check=True)
    recipe.wait(lambda: not ask("squeue", "--noheader"))


def begin(recipe, *shards: int, **more: object) -> tuple[subprocess.Popen, str]:
    """A run whose array has finished `shards` of the first stage and works on the others; the number of its job."""
    process = recipe.popen(*WORDS, **more)
    folder = recipe.folder / "dump/one/shards"
    temporary = [f"{k:05d}.*.tmp" for k in (1, 2) if k not in shards]
    recipe.wait(
        lambda: (
            process.poll() is not None
            or (all((folder / f"{k:05d}").exists() for k in shards) and all(any(folder.glob(t)) for t in temporary))
        )
    )
    assert process.poll() is None, process.communicate()
    return process, job(recipe)


def job(recipe) -> str:
    return json.loads((recipe.folder / "dump/one/log/slurm.json").read_text())["job"]


def ask(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def worker(recipe, part: str) -> int:
    """Process id of the worker that runs under Slurm with `--worker part`."""
    return next(p for p in recipe.at_work() if f"--worker\0{part}\0" in Path(f"/proc/{p}/cmdline").read_text())


@pytest.mark.slurm
def test_tasks_that_are_cancelled_and_killed_are_named_and_a_rerun_makes_only_what_is_missing(held):
    (held.folder / "stay").touch()
    process, number = begin(held, 0, 3)
    subprocess.run(["scancel", f"{number}_2"], check=True)
    os.kill(worker(held, "3/3"), signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    said = out + err
    assert process.returncode == 1 and "Traceback" not in said
    assert f"2 of 3 tasks of job {number} ended unfinished" in said
    assert f"task 2 of job {number} ended unfinished on node" in said and "CANCELLED" in said
    assert "exit code 137 (SIGKILL), FAILED (NonZeroExitCode); dump/one/log/worker.3.log ends with:" in said
    assert "# Ended (code 137) at" in said
    made = held.made()
    (held.folder / "go").touch()
    (held.folder / "stay").unlink()
    code, said = held(*WORDS)
    assert code == 0 and held.numbers() == EXPECTED, said
    assert [row for row in held.made()[len(made) :] if row in made] == []
    log = (held.folder / "dump/one/log/worker.3.log").read_text().splitlines()
    assert log[0].startswith("# ./add.py --config conf/one.yaml") and log[0].endswith("--worker 3/3")
    assert log[-1].startswith("# Ended (code 0) at")


@pytest.mark.slurm
def test_a_task_that_is_requeued_is_waited_for_and_the_bytes_are_those_of_a_local_run(held, tmp_path):
    process, number = begin(held, 0, 3, 2, 5)
    subprocess.run(["scontrol", "requeue", f"{number}_2"], check=True)
    (held.folder / "go").touch()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    assert json.loads((held.folder / "exp/three/record.json").read_text())["state"] == "done"
    on_slurm = held.bytes()
    for name in ("dump", "exp"):
        (held.folder / name).rename(tmp_path / name)
    assert held("--nj", "2")[0] == 0
    assert held.bytes() == on_slurm


@pytest.mark.slurm
def test_an_array_outlives_its_submitter_and_the_rerun_waits_for_it_instead_of_submitting_another(held):
    process, number = begin(held, 0, 3, 2, 5)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert f"job {number} of Slurm is at work here" in held("--list")[1]
    for words in (("--fresh", "one", *WORDS), ("--nj", "3")):  # moved aside, or made by others at the same time
        code, said = held(*words)
        assert code and f"job {number} of Slurm is at work here, submitted by an earlier run" in said
    rerun = held.popen(*WORDS[:2], "--nj", "5")
    log = held.folder / "dump/one/log/run.log"
    held.wait(lambda: f"job {number} of this step was submitted before" in log.read_text())
    assert job(held) == number and ask("squeue", "--noheader", "--array", "--format=%F|%K").split() == [f"{number}|2"]
    (held.folder / "go").touch()
    out, err = rerun.communicate(timeout=60)
    assert rerun.returncode == 0 and held.numbers() == EXPECTED, out + err
    assert held.made().count("dump/one 1") == 1
    assert not (held.folder / "dump/one/log/slurm.json").exists()


@pytest.mark.slurm
def test_ctrl_c_cancels_the_array_and_says_so_and_a_rerun_goes_on(held):
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs are begun deaf to it
    process, number = begin(held, 0, 3, 2, 5, start_new_session=True, preexec_fn=heeded)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and f"job {number} cancelled" in out + err, out + err
    held.wait(lambda: not ask("squeue", "--noheader"))
    assert held.at_work() == []
    (held.folder / "go").touch()
    code, said = held(*WORDS)
    assert code == 0 and held.numbers() == EXPECTED and "submitted before" not in said, said


@pytest.mark.slurm
def test_a_job_that_sbatch_refuses_is_said_with_the_settings_to_mend(recipe, slurm):
    recipe.config("slurm.yaml", "partition: nowhere\n")
    code, said = recipe(*WORDS)
    assert code == 1 and "sbatch refused the job" in said and "invalid partition" in said and "conf/slurm.yaml" in said
    assert "Traceback" not in said and recipe.made() == []
    recipe.config("slurm.yaml", "partition: one\nmemory: 50M\nsetup: |\n  export STATED=1\n")
    assert recipe(*WORDS)[0] == 0


def test_without_sbatch_the_backend_is_refused_before_anything_runs(recipe, monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("bash", "env", "sed", "dirname", "python3", "git"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    code, said = run_with_path(recipe, tmp_path / "bin", *WORDS)
    assert code == 2 and "there is no sbatch on this machine" in said and recipe.made() == []


def run_with_path(recipe, path: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        ["/usr/bin/bash", "./run.sh", *words],
        cwd=recipe.folder,
        env={**os.environ, "PATH": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr
