"""The recipe engine through its command line."""

import re
import subprocess

import pytest
from conftest import ROOT

EXPECTED = "".join(f"{n + 12}\n" for n in range(6))


def test_runs_every_stage_in_order_and_the_second_run_does_nothing(recipe):
    code, output = recipe()
    assert code == 0 and recipe.numbers() == EXPECTED, output
    assert "== stage 2/3 two: Second" in output
    assert not list(recipe.folder.glob("*/*/shards"))
    before = recipe.made()
    code, output = recipe()
    assert code == 0 and "nothing to do" in output and recipe.made() == before


def test_stage_and_stop_stage_take_numbers_and_names_in_both_spellings(recipe):
    assert recipe("--stage", "1", "--stop_stage=two")[0] == 0
    assert recipe.numbers("exp/two") and not (recipe.folder / "exp/three").exists()
    assert recipe("--stage", "three")[0] == 0
    assert recipe.numbers() == EXPECTED


def test_a_missing_input_names_the_stage_to_run(recipe):
    code, output = recipe("--stage", "2")
    assert code == 2 and "stage 2 needs dump/one" in output and "run stage 1 (one) first" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--corpus", ""], "--corpus must not be empty"),
        (["--corpus", "--list"], "--corpus needs a value"),
        (["--stage", ""], "--stage must not be empty"),
        (["--stage", "²"], "no stage ²"),
        (["--nj", "²"], "--nj needs a whole number"),
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
    code, output = recipe(*words)
    assert code == 2 and expected in output and "Traceback" not in output
    assert recipe.made() == []


def test_the_rerun_of_a_stage_that_failed_ends_where_the_call_did(recipe):
    recipe.config("two.yaml", "fail: yes\n")
    code, output = recipe("--stop-stage", "two")
    assert code == 1 and "rerun: ./run.sh --stop-stage two --stage two" in output, output


def test_a_failing_step_shows_its_log_and_the_command_to_rerun(recipe):
    recipe.config("two.yaml", "fail: yes\n")
    code, output = recipe("--sleep", "0")
    assert code == 1 and "error: the numbers are wrong" in output and "remedy: give others" in output
    assert "exp/two/log/run.log" in output and "rerun: ./run.sh --sleep 0 --stage two" in output
    assert "Traceback" not in output
    log = (recipe.folder / "exp/two/log/run.log").read_text().splitlines()
    assert log[0].startswith("# ./add.py --config conf/two.yaml") and log[1].startswith("# Started at")
    assert log[-1].startswith("# Ended (code 1) at")


def test_a_failing_step_is_seen_where_the_caller_ignores_how_processes_end(recipe):
    recipe.config("two.yaml", "fail: yes\n")
    words = ["bash", "-c", "trap '' CHLD; exec ./run.sh --sleep 0"]
    done = subprocess.run(words, cwd=recipe.folder, env=recipe.env(), capture_output=True, text=True)
    assert done.returncode == 1 and "stage 2 (two) failed with code 1" in done.stderr, done.stderr


def test_help_list_plan_and_dry_run_make_nothing(recipe):
    for flag, expected in (
        ("--help", "--sleep"),
        ("--list", "dump/one corpus -> exp/two"),
        ("--plan", "to write:"),
        ("--dry-run", "./add.py --config conf/one.yaml --sleep 0 --out dump/one"),
    ):
        code, output = recipe(flag)
        assert code == 0 and expected in output, output
    assert not (recipe.folder / "dump").exists()


def test_it_runs_from_any_folder(recipe):
    output = subprocess.run([recipe.folder / "run.sh", "--list"], cwd="/", capture_output=True, text=True)
    assert output.returncode == 0 and "First" in output.stdout


def test_a_config_may_state_its_disk(recipe):
    recipe.config("two.yaml", "# disk: 123456789 MB\nadd: 10\n")
    code, output = recipe("--plan")
    assert code == 2 and "the disk is short" in output and "most for exp/two: 123,456,789" in output
    assert recipe()[0] == 2 and recipe.made() == []


def test_a_disk_that_is_short_is_a_warning_with_both_amounts_where_it_is_not_to_be_checked(recipe):
    recipe.config("two.yaml", "# disk: 123456789 MB\nadd: 10\n")
    code, output = recipe("--disk-check", "false")
    assert code == 0 and recipe.numbers() == EXPECTED
    assert re.search(r"WARNING: the disk is short: .* need about 123,456,79\d MB, [\d,]+ are free", output), output
    code, output = recipe("--disk-check=maybe")
    assert code == 2 and "--disk-check is true or false, not 'maybe'" in output


def test_a_config_that_steps_share_may_state_the_disk_of_one_of_them(recipe):
    recipe.config("two.yaml", "# disk of train.other: 123456789 MB\nadd: 10\n")
    assert recipe("--plan")[0] == 0
    recipe.config("two.yaml", "# disk of ./add.py: 123456789 MB\nadd: 10\n")
    code, output = recipe("--plan")
    assert code == 2 and "most for exp/two: 123,456,789" in output


@pytest.mark.parametrize(
    ("comment", "mb"),
    [
        ("# disk: 3.8 GB", 3800),
        ("# disk: 3,800 MB", 3800),
        ("#disk: 3800MB (two models)", 3800),
        ("# Disk: 1,900.5 MB per hour", 3801 + 5),
        ("# disk: ٣٨٠٠ MB", 3800),
        ("# disk: small", 5),
        ("# disk: 3,8 GB", None),
        ("# disk: 1900 MB/h", None),
        ("# disk: 3800", None),
        ("# disk: about 3 GB", None),
    ],
)
def test_the_disk_that_a_config_states_is_read_in_its_unit_or_refused_by_name(recipe, comment, mb):
    recipe.declare("add.py", "mb=5")
    (recipe.folder / "corpus/utt2dur").write_text("a 7200\n")
    recipe.config("two.yaml", f"{comment}\nadd: 10\n")
    code, output = recipe("--plan", "--disk-check", "false")
    if mb is None:
        assert code == 2 and f"no amount of disk: '{comment.split(': ')[1]}'" in output and "conf/two.yaml" in output
    else:
        assert code == 0 and next(row.split()[-1] for row in output.splitlines() if " two " in row) == f"{mb:,}"


def test_a_required_option_that_is_empty_is_asked_for(recipe):
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("corpus=corpus", "corpus="))
    for words in ((), ("--corpus", "")):
        code, output = recipe(*words)
        assert code == 2 and "give --corpus (folder of the corpus)" in output and recipe.made() == []


def test_disk_is_planned_from_the_hours_of_audio(recipe):
    recipe.declare("add.py", "mb=5, mb_per_hour=90")
    (recipe.folder / "corpus/utt2dur").write_text("a 5400\nb 1800\n")
    rows = [line.split() for line in recipe("--plan")[1].splitlines()]
    assert next(row for row in rows if row[1:2] == ["two"])[-2:] == ["2.00", "185"]
    (recipe.folder / "corpus/utt2dur").write_text("a 5400\nb\n")
    code, output = recipe("--plan")
    assert code == 2 and "corpus/utt2dur, line 2" in output and "Traceback" not in output


def test_a_config_in_another_encoding_is_named(recipe):
    (recipe.folder / "conf/two.yaml").write_bytes("# تعليق\nadd: 10\n".encode("cp1256"))
    code, output = recipe()
    assert code == 2 and "conf/two.yaml" in output and "Traceback" not in output and recipe.made() == []


def test_a_config_that_is_missing_is_said_before_the_first_stage_runs(recipe):
    (recipe.folder / "conf/two.yaml").unlink()
    code, output = recipe()
    assert code == 2 and "no such config" in output and "did you mean" not in output and recipe.made() == []


def test_what_a_stage_did_not_make_for_a_later_one_is_said_before_the_next_runs(recipe):
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("--in exp/two --out", "--in exp/two dump/one/تجربة --out"))
    code, output = recipe()
    assert code == 2 and "stage 3 (three) needs dump/one/تجربة, which stage 1 did not make" in output
    assert len(recipe.made()) == 6 and "== stage 2/3" not in output
    assert recipe("--plan")[0] == 2 and recipe("--stop-stage", "two")[0] == 0


def test_an_output_below_a_file_is_a_users_mistake(recipe):
    (recipe.folder / "dump").write_text("a file")
    code, output = recipe()
    assert code == 2 and "dump is a file, where a" in output and "Traceback" not in output


def test_scratch_of_runs_one_after_the_other_counts_once(recipe):
    recipe.declare("add.py", "mb=5, mb_per_hour=90, scratch=True")
    (recipe.folder / "corpus/utt2dur").write_text("a 3600\n")
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace("--in exp/two", '--in exp/two "$corpus"'))
    output = recipe("--plan")[1]
    rows = [line.split() for line in output.splitlines()]
    assert [row[-1] for row in rows if row[1:2] in (["one"], ["two"], ["three"])] == ["5", "95", "95"]
    assert "to write: 105 MB" in output


def test_the_plan_asks_for_no_hours_where_the_disk_does_not_depend_on_them_and_tells_jobs(recipe):
    rows = []
    for words in ("mb=1", 'mb_per_hour=1, jobs="array"'):
        recipe.declare("add.py", words)
        rows.append(recipe("--plan", "--nj", "7")[1].splitlines())
    fixed, hourly = rows
    assert fixed[1].split()[3:] == ["1", "-", "1"] and not any("?" in row for row in fixed)
    assert hourly[1].split()[3:] == ["7", "?", "1"] and hourly[-1].startswith("? = not known")


def test_it_finds_its_folder_without_any_tool_on_the_path(tmp_path):
    template = tmp_path / "template.sh"
    template.write_text(f'. "{ROOT}/utils/recipe.sh"\necho "$_root"\n')
    output = subprocess.run(["/usr/bin/bash", template], env={"PATH": ""}, capture_output=True, text=True)
    assert output.stdout == f"{ROOT}\n", output.stderr
