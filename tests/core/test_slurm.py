"""Arrays on a real Slurm: tasks that are cancelled, killed and requeued, and submitters that are killed or stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import fields
from functools import partial
from pathlib import Path

import pytest

from toolkit.core import output, slurm, slurm_job
from toolkit.core.config import load_config, read_yaml
from toolkit.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = "".join(f"{n + 12}\n" for n in range(6))
SLOW = """    path.write_text("half of it")
        while k == 1 and not Path("go").exists(): time.sleep(0.05)
        while k == 2 and Path("stay").exists(): time.sleep(0.05)
"""
WORDS = ("--backend", "slurm", "--nj", "3")


@pytest.fixture
def held(recipe, cluster):
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
    for pid in recipe.at_work():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_text()
        except FileNotFoundError:  # a child of bash that has ended since it was listed
            continue
        if f"--worker\0{part}\0" in words:
            return int(pid)
    raise AssertionError(f"no worker {part} is at work")


@pytest.mark.slurm
def test_tasks_that_are_cancelled_and_killed_are_named_and_a_rerun_makes_only_what_is_missing(held):
    (held.folder / "stay").touch()
    process, number = begin(held, 0, 3)
    subprocess.run(["scancel", f"{number}_2"], check=True)
    os.kill(worker(held, "3/3"), signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    output = out + err
    assert process.returncode == 1 and "Traceback" not in output
    assert f"2 of 3 tasks of job {number} ended unfinished" in output
    assert f"task 2 of job {number} ended unfinished on node" in output and "CANCELLED" in output
    assert "exit code 137 (SIGKILL), FAILED (NonZeroExitCode); dump/one/log/worker.3.log ends with:" in output
    assert "# Ended (code 137) at" in output
    made = held.made()
    (held.folder / "go").touch()
    (held.folder / "stay").unlink()
    code, output = held(*WORDS)
    assert code == 0 and held.numbers() == EXPECTED, output
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
        code, output = held(*words)
        assert code and f"job {number} of Slurm is at work here, submitted by an earlier run" in output
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
    code, output = held(*WORDS)
    assert code == 0 and held.numbers() == EXPECTED and "submitted before" not in output, output


@pytest.mark.slurm
def test_a_job_that_sbatch_refuses_is_said_with_the_settings_to_mend(recipe, cluster):
    recipe.config("slurm.yaml", "partition: nowhere\n")
    code, output = recipe(*WORDS)
    assert (
        code == 1
        and "sbatch refused the job" in output
        and "invalid partition" in output
        and "conf/slurm.yaml" in output
    )
    assert "Traceback" not in output and recipe.made() == []
    recipe.config("slurm.yaml", "partition: one\nmemory: 50M\nsetup: |\n  export STATED=1\n")
    assert recipe(*WORDS)[0] == 0


def test_dry_run_shows_the_script_of_each_step_that_makes_shards_and_makes_nothing(recipe):
    recipe.config(
        "slurm.yaml",
        "partition: صوت\ntime: 2:00:00\ncpus: 4\nmemory: 8G\ngpus: 2\ngpu_type: a100\n"
        "extra: [--mail-type=END, --exclusive]\nsetup: |\n  module load cuda\n  ulimit -n 4096\n",
    )
    recipe.declare("add.py", 'jobs="array"')
    code, output = recipe("--backend", "slurm", "--nj", "12", "--dry-run", "--stop-stage", "two")
    assert code == 0 and output.count("#!/usr/bin/env bash") == 2, output
    for word in (
        "--array=1-12",
        "--partition='صوت'",
        "--time=2:00:00",
        "--cpus-per-task=4",
        "--mem=8G",
        "--gres=gpu:a100:1",
        "--mail-type=END",
        "--exclusive",
        f"--chdir='{recipe.folder}'",
    ):
        assert f"#SBATCH {word}\n" in output
    script = "#!/usr/bin/env bash\n" + output.split("#!/usr/bin/env bash\n")[1].partition("# stage 2")[0]
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
    assert script.index("module load cuda\nulimit -n 4096\n") < script.index('"${command[@]}" </dev/null')
    assert "unset SAWT_PARENT " in script  # of another host, or of a process that has ended
    assert not (recipe.folder / "dump").exists()
    assert "#SBATCH" not in recipe("--dry-run")[1]


def test_a_setting_of_another_name_is_refused_before_anything_runs(recipe):
    recipe.config("slurm.yaml", "partitoin: gpu\n")
    code, output = recipe("--backend", "slurm", "--dry-run")
    assert code == 2 and "unknown config field partitoin" in output and "did you mean partition?" in output


@pytest.mark.parametrize(
    ("nodes", "gpus", "expected"),
    [
        (1, 0, "python3"),
        (1, 8, "python3 -m toolkit.train.engine.launch 8"),
        (
            2,
            4,
            "srun --export=ALL --kill-on-bad-exit=1 --cpus-per-task=6 "
            "python3 -m toolkit.train.engine.launch 4 --nnodes=2 "
            f"--rdzv-backend=c10d --rdzv-endpoint={os.uname().nodename}:20077 --rdzv-id=77",
        ),
    ],
)
def test_training_takes_a_process_per_gpu_of_each_node(nodes, gpus, expected, monkeypatch):
    monkeypatch.setattr(sys, "executable", "python3")
    batch = slurm.ranks(["train.pretrain", "--out", "o"], Path("o"), nodes, gpus)
    spelled = f"command=({batch.words})\nprintf '%s\\n' \"${{command[@]}}\""
    env = {"PATH": os.environ["PATH"], "SLURM_JOB_ID": "77", "SLURM_CPUS_PER_TASK": "6"}
    words = subprocess.run(["bash", "-c", spelled], env=env, capture_output=True, text=True).stdout.split()
    assert words == [*expected.split(), *["-m", "toolkit.train.pretrain", "--out", "o", "--worker"]]
    asked = slurm.script(batch, slurm.SlurmConfig())
    assert f"#SBATCH --nodes={nodes}\n" in asked and "#SBATCH --ntasks-per-node=1\n" in asked
    assert ("#SBATCH --gres=gpu:" in asked) == bool(gpus)


def test_where_squeue_does_not_answer_a_job_is_not_taken_for_gone(recipe, tmp_path):
    log = recipe.folder / "dump/one/log"
    log.mkdir(parents=True)
    (log / "slurm.json").write_text('{"job": "7", "name": "sawt.add.py", "tasks": [1], "of": 1, "identity": "x"}')
    squeue = tmp_path / "bin/squeue"
    squeue.parent.mkdir()
    answers = {"exit 1": "squeue does not tell", "echo 7": "job 7 of Slurm is at work here", "true": ""}
    for answer, expected in answers.items():
        squeue.write_text(f"#!/bin/sh\n{answer}\n")
        squeue.chmod(0o755)
        code, output = run_with_path(recipe, f"{squeue.parent}:{os.environ['PATH']}")
        assert (code == 1 and expected in output and recipe.made() == []) if expected else code == 0, output


@pytest.mark.parametrize(
    ("message", "code", "kept"),
    [
        ("sbatch: error: Unable to contact slurm controller (connect failure)", 1, False),
        ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", 1, True),
        ("Killed", 137, False),
    ],
)
def test_where_no_controller_answers_sbatch_is_heard_and_only_a_job_that_may_exist_is_remembered(
    recipe, tmp_path, message, code, kept
):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words, ends in (("sbatch", message, code), ("squeue", "slurm_load_jobs error", 1)):
        (tools / name).write_text(f"#!/bin/sh\necho '{words}' >&2\nexit {ends}\n")
        (tools / name).chmod(0o755)
    path, state = f"{tools}:{os.environ['PATH']}", recipe.folder / "dump/one/log/slurm.json"
    assert message in run_with_path(recipe, path, *WORDS)[1]
    assert state.exists() == kept
    code, output = run_with_path(recipe, path, "--list")
    assert code == 0 and "Third" in output and (f"see {state}" in output) == kept
    if not kept:
        assert run_with_path(recipe, path)[0] == 0


def test_a_submission_that_was_killed_is_remembered(recipe, tmp_path, monkeypatch):
    batch = slurm.array(["./add.py", "--out", "o"], tmp_path, [1], 1, 0)
    output.begin(["./add.py", "--out", str(tmp_path)], tmp_path)
    ended = {"sbatch": -9, "squeue": 1}
    monkeypatch.setattr(
        slurm_job, "_ask", lambda words: subprocess.CompletedProcess(words, ended[words[0]], "", "no answer")
    )
    with pytest.raises(UserError, match="squeue does not tell"):
        slurm_job.run(batch, lambda note: None)
    assert (tmp_path / "log/slurm.json").is_file()


def test_the_example_of_the_settings_names_each_and_states_none(tmp_path):
    example = ROOT / "egs/folder/ssl/conf/slurm.yaml"
    assert load_config(slurm.SlurmConfig, example) == slurm.SlurmConfig()
    lines = example.read_text().split("\n\n", 1)[1].splitlines()
    bare = tmp_path / "slurm.yaml"
    bare.write_text("".join(line.removeprefix("# ") + "\n" for line in lines))
    assert set(read_yaml(bare)) == {f.name for f in fields(slurm.SlurmConfig)}
    assert load_config(slurm.SlurmConfig, bare).setup == "module load cuda\nulimit -n 4096\n"


def test_the_script_of_a_step_is_of_the_jobs_that_it_declares(recipe):
    recipe.config("slurm.yaml", "gpus: 2\n")
    for jobs, tasks, gpus in (("array", "1-12", 1), ("cpu array", "1-12", 0), ("task", "1", 1), ("ranks", "1", 2)):
        recipe.declare("add.py", f'jobs="{jobs}"')
        output = recipe("--backend", "slurm", "--nj", "12", "--dry-run", "--stop-stage", "one")[1]
        assert f"#SBATCH --array={tasks}\n" in output, output
        assert [line for line in output.splitlines() if "--gres" in line] == [f"#SBATCH --gres=gpu:{gpus}"] * bool(gpus)


@pytest.mark.skipif(shutil.which("sbatch") is not None, reason="there is an sbatch here")
def test_without_sbatch_the_backend_is_refused_before_anything_runs(recipe):
    code, output = recipe(*WORDS)
    assert code == 2 and "there is no sbatch on this machine" in output and recipe.made() == []


def run_with_path(recipe, path: str, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        ["/usr/bin/bash", "./run.sh", *words],
        cwd=recipe.folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr
