"""Edited tables are seen, untouched ones are not taken for edited, and damage is no result."""

import json
import os
import shutil
from pathlib import Path

import pytest

from toolkit.core import contents, old_record, output
from toolkit.core.contents import Contents
from toolkit.core.errors import UserError
from toolkit.core.identity import id_of_input, identity_id, place
from toolkit.core.output import begin, finish, status
from toolkit.core.record import Ledger, read_record

TEXT = "utt1 قال نعم\nutt2 قال لا\n"


def touched(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def listed(recipe) -> dict[str, str]:
    """Name of a stage -> its line of --list."""
    return {line.split()[1]: line for line in recipe("--list")[1].splitlines() if line.split()[0].isdigit()}


def test_a_touched_table_changes_nothing_and_an_edited_one_makes_what_is_below_stale(recipe):
    recipe()
    table = recipe.folder / "exp/two/numbers"
    touched(table)
    assert recipe.states() == ["done"] * 3
    before = table.read_text()
    table.write_text(before.replace("2", "7", 1))
    assert recipe.states() == ["done", "done", "stale"]
    assert "[edited: numbers]" in listed(recipe)["two"]
    assert "changed: input exp/two (edited: numbers)" in listed(recipe)["three"]
    code, output = recipe()
    assert code == 2 and "exp/three is stale" in output and "--fresh three" in output
    table.write_text(before)
    assert recipe.states() == ["done"] * 3


def test_what_is_made_from_an_edited_table_is_made_from_the_edit_and_done(recipe):
    recipe()
    table = recipe.folder / "exp/two/numbers"
    table.write_text("100\n" * 6)
    assert recipe("--fresh", "three")[0] == 0
    assert recipe.numbers() == "101\n" * 6 and recipe.states() == ["done"] * 3
    assert "stages 1 to 3 are done: nothing to do" in recipe()[1]
    assert table.read_text() == "100\n" * 6


def made(folder: Path, tables: dict[str, str], argv: list[str]) -> None:
    """Finish an output of `argv` that holds `tables`."""
    begun = begin(argv, folder)
    for name, text in tables.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    finish(begun, folder, {}, {}, Ledger("data.corpora.folder"), 1.0)


SETS = {f"{name}/{table}": TEXT for name in ("train", "test") for table in ("wav.scp", "text")}
CORPUS = ["data.corpora.folder", "--in", "raw", "--out", "data"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A recipe's folder with a raw corpus and an output made from it."""
    recipe = tmp_path / "recipe"
    (recipe / "raw").mkdir(parents=True)
    (recipe / "raw/a.wav").write_bytes(bytes(100))
    (recipe / "raw/test.tsv").write_text(TEXT)
    monkeypatch.chdir(recipe)
    made(Path("data"), SETS, CORPUS)
    return recipe


def train_on(part: str) -> list[str]:
    return ["train.pretrain", "--in", f"data/{part}", "--out", f"exp/{part}"]


def test_an_edit_of_one_set_leaves_what_reads_another_done(here):
    for part in ("train", "test"):
        made(Path("exp") / part, {"model.safetensors": "x"}, train_on(part))
    Path("data/test/text").write_text(TEXT.replace("نعم", "لا"))
    assert status(CORPUS).why == "edited: test/text"
    assert status(train_on("train")).state == "done" and status(train_on("test")).state == "stale"


def test_a_table_added_to_a_data_directory_is_an_edit_and_one_removed_is_made_again(here):
    made(Path("exp/test"), {"model.safetensors": "x"}, train_on("test"))
    Path("data/test/utt2lang").write_text("utt1 EGY\n")
    assert status(CORPUS).why == "edited: test/utt2lang" and status(train_on("test")).state == "stale"
    Path("data/test/utt2lang").unlink()
    assert status(CORPUS).why == "" and status(train_on("test")).state == "done"
    Path("data/test/text").unlink()
    assert status(CORPUS).state == "partial"


def test_a_raw_table_counts_by_its_digest_and_audio_by_size_and_time(here):
    touched(Path("raw/test.tsv"))
    forget()
    assert status(CORPUS).state == "done"
    Path("raw/test.tsv").write_text(TEXT.replace("utt1", "utt3"))
    forget()
    assert status(CORPUS).why == "changed: input raw (edited: test.tsv)"
    Path("raw/test.tsv").write_text(TEXT)
    forget()
    assert status(CORPUS).state == "done"
    touched(Path("raw/a.wav"))
    forget()
    assert status(CORPUS).state == "stale"


def forget() -> None:
    """As a new process."""
    output.forget()
    contents._digests.clear()


def test_digests_of_raw_tables_are_kept_by_their_reader_and_not_read_twice(here, monkeypatch):
    files = sorted(p.name for p in Path("raw").iterdir())
    read = []
    monkeypatch.setattr(contents, "sha256_of", lambda path: read.append(str(path)))
    forget()
    assert status(CORPUS).state == "done" and read == []
    assert sorted(p.name for p in Path("raw").iterdir()) == files


def test_another_spelling_a_link_and_a_moved_recipe_change_nothing(here, tmp_path, monkeypatch):
    (tmp_path / "far").mkdir()
    (tmp_path / "far/test.tsv").write_text(TEXT)
    Path("link").symlink_to(tmp_path / "far")
    words = ["data.corpora.folder", "--in", str(tmp_path / "far"), "data/train", "--out", "exp/two"]
    made(Path("exp/two"), {"text": TEXT}, words)
    spellings = [
        ["--in", "../far", "data/train", "--out", "exp/two"],
        ["--in", "link", "data/train", "--out", "exp/two"],
        ["--in", "../recipe/../far", f"{here}/data/train", "--out", f"{here}/exp/two"],
        ["--in", str(tmp_path / "far"), "exp/../data/train", "--out", "exp/../exp/two"],
    ]
    for spelling in spellings:
        assert status(["data.corpora.folder", *spelling]) == status(words), spelling
        assert status(words).state == "done"
    (tmp_path / "other").mkdir()
    here.rename(tmp_path / "other/moved")
    monkeypatch.chdir(tmp_path / "other/moved")
    forget()
    assert status(words).state == "done" and status(CORPUS).state == "done"
    assert status(["data.corpora.folder", *spellings[3]]).state == "done"
    copied = tmp_path / "copied"
    shutil.copytree(tmp_path / "far", copied)
    assert status([*words[:2], str(copied), *words[3:]]).state == "stale"  # another corpus, if of equal bytes


def test_outputs_behind_a_link_to_another_disk_keep_their_identity(here, tmp_path):
    made(Path("exp/two"), {"text": TEXT}, ["data.corpora.folder", "--in", "data/train", "--out", "exp/two"])
    (tmp_path / "scratch").mkdir()
    shutil.move("data", tmp_path / "scratch/data")
    Path("data").symlink_to(tmp_path / "scratch/data")
    forget()
    assert status(["data.corpora.folder", "--in", "data/train", "--out", "exp/two"]).state == "done"
    assert place(str(tmp_path / "scratch")) == str(tmp_path / "scratch") and place("data/train") == "data/train"


@pytest.mark.parametrize(
    ("name", "text", "state"),
    [
        ("text", TEXT.splitlines()[0] + "\n", "done"),  # a row taken out by hand
        ("text", TEXT[:-3], "partial"),  # cut in a line
        ("text", "", "partial"),
        ("text", TEXT.replace("utt2", "\0\0\0\0"), "partial"),  # what a full disk leaves
        ("scores.json", '{"wer": 1', "partial"),
        ("scores.json", '{"wer": 1}', "stale"),  # nobody mends a figure
        ("scores.json", '{"wer": 92.3}\n', "stale"),
        ("model.safetensors", "weigh", "partial"),
        ("model.safetensors", "weightz", "stale"),
    ],
)
def test_a_result_that_is_empty_cut_short_or_changed_is_not_done(here, name, text, state):
    whole = {"text": TEXT, "scores.json": '{"wer": 12.3}\n', "model.safetensors": "weights"}
    words = ["data.corpora.folder", "--in", "data/train", "--out", "exp/two"]
    made(Path("exp/two"), whole, words)
    (Path("exp/two") / name).write_text(text)
    made_now = status(words)
    assert made_now.state == state
    assert (
        made_now.why
        == {
            "done": f"edited: {name}",
            "partial": f"cut short: exp/two/{name}; it is made again",
            "stale": f"not as its step left it: {name}; restore it from a copy, or redo the stage",
        }[state]
    )


def test_what_was_cut_short_is_made_again_and_the_edits_beside_it_are_kept_aside(recipe):
    recipe()
    whole = recipe.bytes()
    (recipe.folder / "exp/two/numbers").write_text("13")
    code, output = recipe()
    assert code == 0 and "moved numbers of exp/two to exp/two.aside-1: not as their step left them" in output, output
    assert (recipe.folder / "exp/two.aside-1/numbers").read_text() == "13"
    shutil.rmtree(recipe.folder / "exp/two.aside-1")
    assert recipe.bytes() == whole


def downgrade(folder: Path) -> None:
    """Rewrite the records of a recipe as earlier versions wrote them, in a folder of which they have the names."""
    ids: dict[str, str] = {}
    for out in ("dump/one", "exp/two", "exp/three"):
        record = read_record(folder / out)
        words = json.loads(record["parts"]["command"])
        parts = old_record.identity(words, id_of_input)
        for name in [name for name in parts if name.removeprefix("input ") in ids]:
            parts[name] = f"{ids[name.removeprefix('input ')]}/."
        ids[out] = identity_id(parts)
        kept = {key: value for key, value in record.items() if key != "format"}
        (folder / out / "record.json").write_text(json.dumps({**kept, "id": ids[out], "parts": parts}))
        (folder / out / "times.json").write_text('{"seconds": 1.0}')


def test_a_record_without_a_format_number_is_compared_by_its_rule_and_rewritten_where_it_matches(recipe, monkeypatch):
    recipe()
    monkeypatch.chdir(recipe.folder)
    downgrade(recipe.folder)
    ids = {out: read_record(Path(out))["id"] for out in ("dump/one", "exp/two", "exp/three")}
    assert recipe.states() == ["done"] * 3 and "format" not in read_record(Path("exp/two"))
    os.utime("corpus/a.wav", ns=(1, 1))
    assert recipe.states() == ["done", "stale", "stale"]
    output.forget()
    downgrade(recipe.folder)
    assert recipe("--stop-stage", "2")[0] == 0
    assert "format" not in read_record(Path("exp/three")) and recipe.states() == ["done"] * 3
    assert recipe()[0] == 0 and recipe.states() == ["done"] * 3
    for out in ids:
        record = read_record(Path(out))
        assert record["format"] == 2 and record["counts"] == {"numbers": 6}
        assert "numbers" in contents.times_of(Path(out), "files")
    assert read_record(Path("dump/one"))["id"] == ids["dump/one"]
    Path("exp/two/numbers").write_text("1\n" * 6)
    assert recipe.states() == ["done", "done", "stale"]


def test_check_digests_names_every_file_that_differs(recipe):
    recipe()
    code, output = recipe("--check-digests")
    assert code == 0 and "3 outputs are as their steps left them" in output
    table = recipe.folder / "exp/two/numbers"
    stamp = table.stat()
    table.write_text(table.read_text().replace("2", "3", 1))
    os.utime(table, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # of the same size and time: damage
    assert recipe.states() == ["done"] * 3
    code, output = recipe("--check-digests")
    assert code == 1 and "two" in output and "exp/two/numbers" in output and "1 file differs" in output
    (recipe.folder / "exp/three/checkpoints/00000001").mkdir(parents=True)
    state = {"digests": {"state.safetensors": "0" * 16}}
    (recipe.folder / "exp/three/checkpoints/00000001/state.json").write_text(json.dumps(state))
    assert "exp/three/checkpoints/00000001/state.safetensors  it is gone" in recipe("--check-digests")[1]


def test_two_files_of_one_size_that_were_swapped_are_told(here):
    words = ["data.corpora.folder", "--in", "data/train", "--out", "exp/two"]
    made(Path("exp/two"), {"raw_0.ark": "first", "raw_1.ark": "other"}, words)
    os.rename("exp/two/raw_0.ark", "exp/two/x")
    os.rename("exp/two/raw_1.ark", "exp/two/raw_0.ark")
    os.rename("exp/two/x", "exp/two/raw_1.ark")
    assert status(words).why.startswith("not as its step left it: raw_0.ark, raw_1.ark; restore")


def test_a_file_loaded_whole_is_refused_unless_it_is_as_its_step_wrote_it(here):
    words = ["data.corpora.folder", "--in", "data/train", "--out", "exp/two"]
    made(Path("exp/two"), {"model.safetensors": "weights"}, words)
    contents.refuse_damaged(Path("exp/two/model.safetensors"))
    Path("exp/two/model.safetensors").write_text("weightz")
    with pytest.raises(UserError, match="not those that its step wrote"):
        contents.refuse_damaged(Path("exp/two/model.safetensors"))
    Path("exp/two/foreign.safetensors").write_text("x")
    contents.refuse_damaged(Path("exp/two/foreign.safetensors"))


@pytest.mark.parametrize(
    "times", ["{", "{}", '{"seconds": 1}', '{"files": []}', '{"files": {"numbers": [1e400, 1, "x"]}}', ""]
)
def test_without_a_whole_file_of_times_an_output_is_stale(here, times):
    made(Path("exp/test"), {"model.safetensors": "x"}, train_on("test"))
    if times:
        Path("data/times.json").write_text(times)
    else:
        Path("data/times.json").unlink()
    assert status(CORPUS).state == status(train_on("test")).state == "stale"
    assert status(CORPUS).why.startswith("times.json is gone, damaged or not whole")
    rows = Contents(Path("data"), read_record(Path("data"))).wrong()
    assert ("train/text", "its digest is not in times.json") in rows


def test_where_edits_cannot_be_known_every_table_is_set_aside_before_it_is_made_again(here):
    Path("data/times.json").unlink()
    Path("data/train/text").write_text(TEXT + "utt3 قال\n")
    Path("data/test/text").unlink()
    output.set_aside(Path("data"), status(CORPUS).differences)
    assert Path("data.aside-1/train/text").read_text() == TEXT + "utt3 قال\n"


def test_a_changed_figure_is_told_with_the_stage_that_made_it_and_nothing_is_moved_before(recipe):
    recipe()
    figures = recipe.folder / "dump/one/figures.json"
    whole = figures.read_text()
    figures.write_text(whole.replace("6", "9"))
    assert recipe.states() == ["stale", "done", "done"]
    code, output = recipe("--stage", "two")
    assert code == 2 or recipe.states() == ["stale", "done", "done"]
    code, output = recipe()
    assert code == 2 and "dump/one is stale (not as its step left it: figures.json; restore it" in output, output
    assert "--fresh one" in output and not list(recipe.folder.rglob("*.aside-*"))
    figures.write_text(whole)
    assert recipe.states() == ["done"] * 3
    figures.write_text("{}")
    assert recipe("--fresh", "one")[0] == 0 and figures.read_text() == whole and recipe.states() == ["done"] * 3


def test_an_output_without_its_record_is_a_finding_and_no_empty_place(recipe):
    recipe()
    (recipe.folder / "dump/one/record.json").unlink()
    code, output = recipe("--check-digests")
    assert code == 1 and "dump/one/record.json" in output and "it is gone" in output
    assert "missing  First   [files without a record.json]" in recipe("--list")[1]
    code, output = recipe()
    assert code == 2 and "holds files that are not of this step" in output


def test_the_copy_of_the_table_follows_outputs_that_were_renamed_back(recipe):
    recipe()
    table, copy = recipe.folder / "exp/three/RESULTS.md", recipe.folder / "exp/RESULTS.md"
    table.write_text("# New")
    copy.write_text("# Of a run that was undone")
    code, output = recipe()
    assert code == 0 and copy.read_text() == "# New" and "which was not the table of exp/three" in output
    assert copy.with_name("RESULTS.md.aside-before").read_text() == "# Of a run that was undone"


def test_an_input_that_changes_while_a_step_runs_is_named_where_the_step_fails_of_it(recipe):
    recipe.config("two.yaml", "fail: true\n")
    step = recipe.folder / "add.py"
    failing = """
    if step.config.fail:
        (step.ins[0] / "numbers").write_text("7\\n")
        raise FileNotFoundError("what was there")
"""
    step.write_text(step.read_text().replace("    if step.config.fail:\n", failing + "    if step.config.fail:\n"))
    code, output = recipe()
    assert code == 1 and "changed while this step ran: input dump/one" in output, output


def test_a_folder_in_the_place_of_a_table_is_damage_and_a_finding_of_check_digests(here):
    Path("data/test/text").unlink()
    Path("data/test/text").mkdir()
    assert status(CORPUS).why == "cut short: data/test/text; it is made again"
    assert Contents(Path("data"), read_record(Path("data"))).wrong() == [("test/text", "it is no file")]


def test_fresh_of_a_stage_with_a_stale_output_keeps_the_edited_one_that_it_is_made_from(recipe):
    run = recipe.folder / "run.sh"
    run.write_text(run.read_text().replace('  stage two "Second"\n', ""))
    assert recipe()[0] == 0
    (recipe.folder / "dump/one/numbers").write_text("100\n" * 6)
    assert recipe.states() == ["stale", "stale"]
    code, output = recipe()
    assert code == 2 and "redo it with --fresh one" in output, output
    code, output = recipe("--fresh", "one")
    assert code == 0 and recipe.numbers() == "111\n" * 6, output
    assert (recipe.folder / "dump/one/numbers").read_text() == "100\n" * 6


@pytest.mark.parametrize("linked", [False, True])
def test_a_step_by_hand_refuses_an_input_whose_own_input_was_edited_since(here, tmp_path, linked: bool):
    if linked:  # outputs on another disk
        (tmp_path / "scratch").mkdir()
        Path("exp").symlink_to(tmp_path / "scratch")
    words = ["data.corpora.folder", "--in", "data/train", "--out", "exp/two"]
    made(Path("exp/two"), {"text": TEXT}, words)
    output.refuse_outdated(Path("exp/two"))
    Path("data/test/text").write_text(TEXT + "utt3 قال\n")
    output.refuse_outdated(Path("exp/two"))  # made of another set
    Path("data/train/text").write_text(TEXT + "utt3 قال\n")
    with pytest.raises(UserError, match=r"exp/two is out of date: .*data/train was edited since: train/text"):
        output.refuse_outdated(Path("exp/two"))
