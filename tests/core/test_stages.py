"""The recipe engine through its command line."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = "".join(f"{n + 12}\n" for n in range(6))


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every byte that must not depend on nj or on a kill: logs, locks and times aside."""
    loose = ("times.json", ".lock", "made")
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in loose and "log" not in p.parts
    }


def test_runs_every_stage_in_order_and_the_second_run_does_nothing(recipe):
    code, said = recipe()
    assert code == 0 and recipe.numbers() == EXPECTED, said
    assert "== stage 2/3 two: Second" in said
    before = recipe.made()
    start = time.monotonic()
    code, said = recipe()
    assert code == 0 and "nothing to do" in said and recipe.made() == before
    assert time.monotonic() - start < 5


def test_stage_and_stop_stage_take_numbers_and_names_in_both_spellings(recipe):
    assert recipe("--stage", "1", "--stop_stage=two")[0] == 0
    assert recipe.numbers("exp/two") and not (recipe.folder / "exp/three").exists()
    assert recipe("--stage", "three")[0] == 0
    assert recipe.numbers() == EXPECTED


def test_a_missing_input_names_the_stage_to_run(recipe):
    code, said = recipe("--stage", "2")
    assert code == 2 and "stage 2 needs dump/one" in said and "run stage 1 (one) first" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--corpus", ""], "give --corpus (folder of the corpus)"),
        (["--corpus", "nowhere"], "set --corpus"),
        (["--stop-stgae", "2"], "did you mean --stop-stage?"),
        (["--corpsu=x"], "did you mean --corpus?"),
        (["--stage", "tow"], "nearest: two"),
        (["--stage", "9"], "there are 1 to 3"),
        (["--stage", "3", "--stop-stage", "1"], "swap them"),
        (["--nj", "none"], "--nj needs a whole number"),
        (["--backend", "cloud"], "no back-end 'cloud'"),
        (["--nj"], "--nj needs a value"),
        (["3"], "unknown option 3"),
    ],
)
def test_a_mistake_in_the_call_is_said_before_anything_runs(recipe, words, expected):
    code, said = recipe(*words)
    assert code == 2 and expected in said and "Traceback" not in said
    assert recipe.made() == []


def test_a_changed_config_makes_it_and_all_below_it_stale_and_is_refused(recipe):
    recipe()
    before = recipe.numbers()
    recipe.config("two.yaml", "add: 20\n")
    _, said = recipe("--list")
    assert [line.split()[2] for line in said.splitlines() if line[:3].strip().isdigit()] == ["done", "stale", "stale"]
    assert "changed: conf/two.yaml" in said
    code, said = recipe()
    assert code == 2 and "exp/two is stale" in said and "--fresh two" in said
    assert recipe.numbers() == before


def test_fresh_with_dry_run_shows_what_it_would_move_and_only_looks_with_nothing_else(recipe):
    recipe()
    recipe.config("two.yaml", "add: 5\n")
    code, said = recipe("--fresh", "two", "--dry-run")
    assert code == 0 and said.startswith("mv exp/two exp/two.aside-1\nmv exp/three exp/three.aside-1\n"), said
    assert (recipe.folder / "exp/two").is_dir() and not (recipe.folder / "exp/two.aside-1").exists()
    for look in ("--list", "--plan"):
        code, said = recipe("--fresh", "two", look)
        assert code == 2 and "--dry-run" in said


def test_fresh_moves_the_stale_aside_and_deletes_nothing(recipe):
    recipe()
    recipe.config("two.yaml", "add: 20\n")
    code, said = recipe("--fresh", "two")
    assert code == 0, said
    assert recipe.numbers() == "".join(f"{n + 22}\n" for n in range(6))
    assert recipe.numbers("exp/three.aside-1") == EXPECTED and (recipe.folder / "exp/two.aside-1").is_dir()
    assert sum("dump/one" in line for line in recipe.made()) == 6  # what came before was kept


def test_fresh_takes_along_all_that_was_made_from_the_old_output_even_if_no_identity_changes(recipe):
    """Who makes a stage anew expects other bytes: what stands on the old ones must not pass for made from the new."""
    recipe()
    code, said = recipe("--fresh", "one", "--stop-stage", "one")
    assert code == 0 and "moved exp/three to exp/three.aside-1 (rename it back to undo)" in said, said
    listed = recipe("--list")[1].splitlines()
    assert [line.split()[2] for line in listed if line.split()[0].isdigit()] == ["done", "missing", "missing"]
    (recipe.folder / "exp/two.aside-1").rename(recipe.folder / "exp/two")
    assert " two              done" in recipe("--list")[1]


def test_a_changed_raw_file_makes_it_stale_and_a_touched_code_file_does_not(recipe):
    recipe()
    (recipe.folder / "corpus" / "a.wav").write_text("longer")
    assert "stale" in recipe("--list")[1]


def test_a_failing_step_shows_its_log_and_the_command_to_rerun(recipe):
    recipe.config("two.yaml", "fail: yes\n")
    code, said = recipe("--sleep", "0")
    assert code == 1 and "error: the numbers are wrong" in said and "remedy: give others" in said
    assert "exp/two/log/run.log" in said and "rerun: ./run.sh --sleep 0 --stage two" in said
    assert "Traceback" not in said
    log = (recipe.folder / "exp/two/log/run.log").read_text().splitlines()
    assert log[0].startswith("# ./add.py --config conf/two.yaml") and log[1].startswith("# Started at")
    assert log[-1].startswith("# Ended (code 1) at")


def test_nj_changes_no_byte(recipe, tmp_path):
    recipe("--nj", "1")
    one = bytes_of(recipe.folder)
    for name in ("dump", "exp"):
        (recipe.folder / name).rename(tmp_path / name)
    recipe("--nj", "4")
    assert bytes_of(recipe.folder) == one


def test_killed_at_random_it_goes_on_and_ends_byte_identical(recipe, tmp_path):
    recipe("--sleep", "0.05", "--nj", "2")
    whole = bytes_of(recipe.folder)
    for name in ("dump", "exp", "made"):
        (recipe.folder / name).rename(tmp_path / name)
    rng = random.Random(7)
    for _ in range(6):
        process = recipe.popen("--sleep", "0.05", "--nj", "2")
        time.sleep(rng.uniform(0.2, 0.8))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    code, said = recipe("--sleep", "0.05", "--nj", "2")
    assert code == 0, said
    assert bytes_of(recipe.folder) == whole
    made = recipe.made()
    assert len(made) <= 18 + 6 * 2  # at most the two shards in flight at each kill are made twice


def test_no_child_outlives_a_killed_run(recipe):
    process = recipe.popen("--sleep", "20", "--nj", "2")
    deadline = time.monotonic() + 10
    while not (recipe.folder / "dump/one/log/worker.2.log").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 15  # less than one shard takes
    while left := at_work_in(recipe.folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def at_work_in(folder: Path) -> list[int]:
    """Processes whose working folder is `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # of another user, or gone meanwhile
            if os.readlink(process / "cwd") == str(folder):
                found.append(int(process.name))
    return found


def test_a_half_made_output_of_another_config_is_refused(recipe):
    process = recipe.popen("--sleep", "0.5", "--nj", "1")
    deadline = time.monotonic() + 10
    while not list((recipe.folder / "dump/one").glob("shards/0000?")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert "partial" in recipe("--list", "--sleep", "0.5")[1]
    code, said = recipe("--sleep", "0")
    assert code == 2 and "dump/one is stale" in said and "--fresh one" in said


def test_two_runs_at_once_do_not_mix(recipe):
    first = begun(recipe, sleep="2")
    code, said = recipe("--sleep", "2", "--nj", "1")
    assert code == 1 and "another run is at work here" in said
    first.kill()
    first.communicate()


def test_help_list_plan_and_dry_run_make_nothing(recipe):
    for flag, expected in (
        ("--help", "--sleep"),
        ("--list", "dump/one corpus -> exp/two"),
        ("--plan", "to write:"),
        ("--dry-run", "./add.py --config conf/one.yaml --sleep 0 --out dump/one"),
    ):
        code, said = recipe(flag)
        assert code == 0 and expected in said, said
    assert not (recipe.folder / "dump").exists()


def test_it_runs_from_any_folder(recipe):
    said = subprocess.run([recipe.folder / "run.sh", "--list"], cwd="/", capture_output=True, text=True)
    assert said.returncode == 0 and "First" in said.stdout


def test_publish_wants_results(recipe):
    code, said = recipe("--publish")
    assert code == 2 and "no RESULTS.md" in said


def test_a_broken_record_is_named_hides_no_other_stage_and_is_mended_by_fresh(recipe):
    recipe()
    (recipe.folder / "dump/one/record.json").write_text("{")
    code, said = recipe("--list")
    assert code == 0 and "dump/one/record.json is not a record of this toolkit" in said and " 3 three" in said
    code, said = recipe()
    assert code == 2 and "dump/one/record.json" in said and "--fresh one" in said and "Traceback" not in said
    assert recipe("--fresh", "one")[0] == 0


def begun(recipe, *words: str, sleep: str = "0.5") -> subprocess.Popen:
    """A run in the middle of its first stage, of six shards that take `sleep` seconds each."""
    process = recipe.popen("--sleep", sleep, "--nj", "1", *words)
    deadline = time.monotonic() + 10
    while not list((recipe.folder / "dump/one").glob("shards/0000?")) and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def test_a_config_edited_while_the_step_runs_has_no_part_in_it(recipe):
    process = begun(recipe, "--stop-stage", "1")
    recipe.config("one.yaml", "add: 100\n")
    process.communicate()
    assert "stale" in recipe("--list", "--sleep", "0.5")[1].splitlines()[0]


def test_fresh_leaves_a_folder_alone_that_a_run_is_at_work_in(recipe):
    process = begun(recipe)
    code, said = recipe("--sleep", "0.5", "--fresh", "one")
    assert code == 2 and "another run is at work here" in said
    process.kill()
    process.communicate()


def test_a_step_by_hand_refuses_a_half_made_input(recipe):
    process = begun(recipe)
    process.kill()
    process.communicate()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "add.py", "--in", "dump/one", "--out", "by-hand"]
    done = subprocess.run(words, cwd=recipe.folder, env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "dump/one is not finished" in done.stderr and "Traceback" not in done.stderr


def test_what_changes_behind_a_link_makes_it_stale_and_loops_end(recipe, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "b.wav").write_text("x")
    (recipe.folder / "corpus" / "linked").symlink_to(tmp_path / "disk")
    (recipe.folder / "corpus" / "linked" / "loop").symlink_to(recipe.folder / "corpus")
    (recipe.folder / "corpus" / "nowhere").symlink_to(tmp_path / "gone")
    recipe()
    assert "stale" not in recipe("--list")[1]
    (tmp_path / "disk" / "b.wav").write_text("longer")
    assert "stale" in recipe("--list")[1]


def test_an_output_may_lie_in_the_corpus_it_is_made_from(recipe):
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("exp/two", "corpus/two"))
    code, said = recipe()
    assert code == 0, said
    assert "nothing to do" in recipe()[1] and "numbers" in (recipe.folder / "corpus/two/record.json").read_text()


def test_a_config_may_state_its_disk(recipe):
    recipe.config("two.yaml", "# disk: 123456789 MB\nadd: 10\n")
    code, said = recipe("--plan")
    assert code == 2 and "123,456,789" in said and "the disk is short" in said
    assert recipe()[0] == 2 and recipe.made() == []


def test_the_remedy_for_a_stale_output_is_the_first_stale_stage(recipe):
    recipe()
    recipe.config("one.yaml", "add: 5\n")
    for words in (("--stage", "3"), ("--stage", "2"), ("--fresh", "three"), ()):
        code, said = recipe(*words)
        assert code == 2 and "--fresh one" in said, said
    assert not (recipe.folder / "exp/three.aside-1").exists()
    assert recipe("--fresh", "one")[0] == 0


def test_stale_results_are_not_published(recipe):
    recipe()
    (recipe.folder / "exp/three/RESULTS.md").write_text("# Results")
    assert recipe("--publish")[0] == 0 and (recipe.folder / "RESULTS.md").exists()
    recipe.config("two.yaml", "add: 20\n")
    code, said = recipe("--publish")
    assert code == 2 and "stage two is stale" in said


def test_a_slash_at_the_end_of_a_path_changes_nothing(recipe):
    recipe("--corpus", "corpus")
    assert "nothing to do" in recipe("--corpus", "corpus/")[1]


def test_a_worker_that_starts_after_its_config_has_changed_is_refused(recipe):
    """As when an array job waits in the queue of a cluster while somebody edits the config."""
    process = begun(recipe, "--stop-stage", "1")
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
