"""The engine with several workers, several runs, and runs that are killed."""

import fcntl
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_nj_changes_no_byte(recipe, tmp_path):
    recipe("--nj", "1")
    one = recipe.bytes()
    for name in ("dump", "exp"):
        (recipe.folder / name).rename(tmp_path / name)
    recipe("--nj", "4")
    assert recipe.bytes() == one


def test_no_child_outlives_a_killed_run(recipe):
    process = recipe.popen("--sleep", "600", "--nj", "2")
    recipe.wait(lambda: len(recipe.at_work()) >= 3)  # the engine, the step, which is worker 1, and worker 2
    os.kill(process.pid, signal.SIGKILL)
    recipe.wait(lambda: not recipe.at_work(), 6)  # sooner than the ten seconds after which a bar meets the closed pipe
    process.communicate()


def test_a_half_made_output_of_another_command_is_refused_and_the_words_that_differ_are_shown(recipe):
    process = recipe.popen("--sleep", "0.5", "--nj", "1")
    recipe.wait(lambda: list((recipe.folder / "dump/one").glob("shards/0000?")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert "partial" in recipe("--list", "--sleep", "0.5")[1]
    code, output = recipe("--sleep", "0")
    assert code == 2 and "dump/one is stale (changed: command (from 0.5 to 0))" in output and "--fresh one" in output


def test_two_runs_at_once_do_not_mix_and_the_log_stays_that_of_the_first(recipe):
    first = recipe.begun(sleep="60")
    log = recipe.folder / "dump/one/log/run.log"
    before = log.read_text()
    code, output = recipe("--sleep", "60", "--nj", "1")
    assert code == 2 and "another run is at work here" in output
    assert log.read_text().startswith(before) and "Ended" not in log.read_text()
    first.kill()
    first.communicate()


def test_a_config_edited_while_the_step_runs_has_no_part_in_it(recipe):
    process = recipe.begun("--stop-stage", "1", sleep="0.5")
    recipe.config("one.yaml", "add: 100\n")
    process.communicate()
    assert "stale" in recipe("--list", "--sleep", "0.5")[1].splitlines()[0]


def test_fresh_moves_nothing_where_a_run_is_at_work_in_what_it_would_move(recipe):
    step = recipe.folder / "add.py"
    step.write_text(step.read_text().replace("sleep(step.config.sleep)", "sleep(60 if step.ins else 0)"))
    process = recipe.popen("--nj", "1")
    recipe.wait(lambda: (recipe.folder / "exp/two/shards").exists())
    code, output = recipe("--fresh", "one")
    assert code == 2 and "another run is at work here" in output
    assert (recipe.folder / "dump/one/numbers").exists()
    process.kill()
    process.communicate()


def test_a_worker_that_starts_after_its_config_has_changed_is_refused(recipe):
    """As when an array job waits in the queue of a cluster while somebody edits the config."""
    process = recipe.begun("--stop-stage", "1", sleep="0.5")
    recipe.config("one.yaml", "add: 100\n")
    worker = subprocess.run(
        [
            sys.executable,
            "./add.py",
            "--config",
            "conf/one.yaml",
            "--sleep=0.5",
            "--out",
            "dump/one",
            "--worker",
            "1/2",
        ],
        cwd=recipe.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    process.communicate()
    assert worker.returncode == 1 and "changed since this step began: conf/one.yaml" in worker.stderr
    assert recipe.numbers("dump/one") == "".join(f"{n + 1}\n" for n in range(6))


def test_a_worker_on_another_host_does_not_take_a_stranger_for_its_dead_parent(recipe):
    command = [sys.executable, "./add.py", "--out", "dump/alone"]
    ended = {}
    for host in ("node-7", os.uname().nodename):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "SAWT_PARENT": f"{host}:{2**22 + 1}"}  # no such process
        ended[host] = subprocess.run(command, cwd=recipe.folder, env=env, capture_output=True).returncode
    assert ended == {"node-7": 0, os.uname().nodename: -signal.SIGKILL}


def test_shards_of_a_step_that_was_killed_after_its_last_word_are_taken_away(recipe):
    recipe()
    whole = recipe.bytes()
    (recipe.folder / "exp/three/shards").mkdir()
    (recipe.folder / "exp/three/shards/00000").write_text("12")
    assert "nothing to do" in recipe()[1] and recipe.bytes() == whole


@pytest.mark.parametrize("nj", ["1", "2"])
def test_killed_at_random_it_ends_byte_identical_and_makes_nothing_again_that_was_finished(recipe, tmp_path, nj):
    recipe("--sleep", "0.3", "--nj", "4")
    whole = recipe.bytes()
    for name in ("dump", "exp", "made"):
        (recipe.folder / name).rename(tmp_path / name)
    before, done = 0, set()
    for shards in (2, 5, 9, 14):
        process = recipe.popen("--sleep", "0.3", "--nj", nj)
        recipe.wait(lambda least=shards, run=process: len(recipe.made()) > least or run.poll() is not None)
        assert process.poll() is None, "it ended before its kill"
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        made = recipe.made()
        assert not done & set(made[before:])
        before = len(made)
        finished = recipe.folder.glob("*/*/shards/0000?")
        done |= {f"{path.parents[1].relative_to(recipe.folder)} {int(path.name)}" for path in finished}
    assert done
    code, output = recipe("--sleep", "0.3", "--nj", nj)
    assert code == 0, output
    assert not done & set(recipe.made()[before:])
    assert recipe.bytes() == whole


def test_a_worker_that_fails_stops_the_others_and_its_log_is_shown(recipe):
    step = recipe.folder / "add.py"
    broken = """    if k == 1:
            time.sleep(0.5)
            raise UserError("shard 1 is broken", "here", "mend it")
        time.sleep(600 if k else 0)"""
    step.write_text(step.read_text().replace("    time.sleep(step.config.sleep)", broken))
    code, output = recipe("--nj", "2")
    assert code == 1 and "a worker failed" in output and "shard 1 is broken" in output and "Traceback" not in output
    assert recipe.at_work() == []
    assert (recipe.folder / "dump/one/shards/00000").exists()


def test_after_ctrl_c_the_command_that_goes_on_is_without_fresh(recipe):
    step = recipe.folder / "add.py"
    step.write_text(step.read_text().replace("step.config.sleep)", "60 if Path('slow').exists() else 0)"))
    recipe()
    (recipe.folder / "slow").touch()
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs are begun deaf to it
    process = recipe.popen("--fresh", "two", "--nj", "2", start_new_session=True, preexec_fn=heeded)
    begun = [recipe.folder / "exp/two.aside-1", recipe.folder / "exp/two/log/run.log"]
    recipe.wait(lambda: all(path.exists() for path in begun) or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    _, output = process.communicate()
    assert process.returncode == 130 and "stopped; to go on: ./run.sh --nj 2\n" in output, output


def test_fresh_moves_nothing_while_a_stage_that_must_run_before_is_at_work(recipe):
    recipe()
    (recipe.folder / "dump/one/numbers").unlink()
    with open(recipe.folder / "dump/one/.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "a run is at work here" in recipe("--list")[1].splitlines()[0]
        code, output = recipe("--fresh", "two")
    assert code == 2 and "another run is at work here" in output
    assert not list(recipe.folder.glob("*/*.aside-*"))


def test_a_script_of_the_recipe_that_was_killed_in_the_middle_goes_on(recipe):
    script = recipe.folder / "fetch.sh"
    script.write_text('#!/usr/bin/env bash\necho x >"$2/half"\n[[ -e go ]] || sleep 60\necho y >"$2/whole"\n')
    script.chmod(0o755)
    run = recipe.folder / "run.sh"
    run.write_text(
        run.read_text().replace(
            'stage one "First"', 'stage fetch "Fetch"\n  run ./fetch.sh --out got\n  stage one "First"'
        )
    )
    process = recipe.popen("--stop-stage", "fetch", start_new_session=True)
    recipe.wait(lambda: (recipe.folder / "got/half").exists())
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert recipe.states()[0] == "partial"
    (recipe.folder / "go").touch()
    code, output = recipe("--stop-stage", "fetch")
    assert code == 0 and recipe.states()[0] == "done" and (recipe.folder / "got/whole").exists(), output
