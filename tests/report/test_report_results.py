"""What the report reads: which inputs it knows, what it refuses, and what it says of what is absent."""

import json
import shutil
from pathlib import Path

import pytest
from report.conftest import report, rows_of

from toolkit.core.errors import UserError
from toolkit.report.render.markdown import document
from toolkit.report.sections.ran import data_table
from toolkit.report.sections.systems import costs, count, main_table, saved
from toolkit.report.sources.collect import collect


def cost_rows(run):
    table = costs(run).blocks[0]
    return rows_of(table), " ".join(table.notes)


def test_inputs_are_recognised_by_what_lies_in_them(recipe):
    recipe.whole()
    Path("odd").mkdir()
    ins = [Path("odd") / str(i) for i in range(len(recipe.ins))]
    for old, new in zip(recipe.ins, ins, strict=True):
        shutil.move(str(old), str(new))
    run = collect(ins)
    assert [len(x) for x in (run.sets, run.codebooks, run.qualities, run.trainings)] == [3, 1, 1, 1]
    assert [system.name for system in run.board.systems] == ["fbank", "fbank_stacked", "random.it1.base", "it1.base"]
    assert len(run.board.pairs) == 12 and run.strange == []


def test_models_stand_in_the_order_in_which_they_were_trained(recipe):
    """A teacher called L of iteration 2 stands between its iteration 1 and its students, whatever the alphabet says."""
    recipe.whole()
    for name in ("it3/S", "it2/L"):
        dotted = name.replace("/", ".")
        shutil.copytree("exp/it1/base", f"exp/{name}")
        recipe.json(f"exp/probe/{dotted}/row.json", {"name": dotted, "title": dotted, "arm": "trained"})
    chain = [Path("exp/it1/base"), Path("exp/it3/S"), Path("exp/it2/L")]
    assert [s.name for s in collect([*chain, Path("exp/probe")]).models] == ["it1.base", "it3.S", "it2.L"]


def test_what_is_saved_is_the_share_of_parameters(recipe):
    recipe.whole()
    shutil.rmtree("exp/it1/base")
    recipe.edit("exp/probe/random.it1.base/row.json", parameters=316_000_000)
    recipe.edit("exp/probe/it1.base/row.json", parameters=65_096_000)
    run = collect([Path("exp/probe")])
    rows, notes = cost_rows(run)
    assert rows["iteration 1"]["Saved %"] == "79.4"
    assert rows["it1.base, random"]["Saved %"] == "0.0"
    assert rows["FBANK"]["Saved %"] is None
    assert "Saved: parameters fewer than it1.base, random has." in notes
    assert saved(run.board.systems[0], None) is None
    assert [count(n) for n in (None, 0, 720_000, 28_100_000, 316_000_000)] == [None, "0", "0.72M", "28.1M", "316M"]


def test_sizes_are_held_against_the_largest_network_trained_here_not_a_foreign_one(recipe):
    recipe.whole()
    for name, parameters in (("it2.L", 316_000_000), ("xlsr", 632_000_000)):
        system = {"name": name, "title": name, "arm": "trained", "parameters": parameters}
        recipe.json(f"exp/probe/{name}/row.json", system)
    shutil.copytree("exp/it1/base", "exp/it2/L")
    recipe.edit("exp/probe/it1.base/row.json", parameters=65_096_000)
    rows, notes = cost_rows(collect([*recipe.ins, Path("exp/it2/L")]))
    assert {name: rows[name]["Saved %"] for name in ("iteration 1", "it2.L", "xlsr")} == {
        "iteration 1": "79.4",
        "it2.L": "0.0",
        "xlsr": "-100.0",
    }
    assert "Saved: parameters fewer than it2.L has." in notes


def test_multiply_accumulates_stand_in_both_conventions_beside_the_size(recipe):
    rows, notes = cost_rows(collect(recipe.whole().ins))
    assert "GMACs" not in rows["iteration 1"] and "GMACs" not in notes
    recipe.edit("exp/probe/it1.base/row.json", macs_products=1_665_522_780_160, macs_benchmark=1_669_156_022_848)
    recipe.edit("exp/probe/random.it1.base/row.json", macs_products=1_234_567_890, macs_benchmark=1_250_000_000)
    rows, notes = cost_rows(collect(recipe.ins))
    assert rows["iteration 1"]["GMACs"] == "1,665.5 / 1,669.2"
    assert rows["it1.base, random"]["GMACs"] == "1.23 / 1.25"
    assert rows["FBANK"]["GMACs"] is None
    assert "products of matrices alone / as the leaderboard counts" in notes and "filter banks, or a type" in notes


def test_what_a_system_costs_stands_with_the_machine_and_only_if_it_was_measured(recipe):
    rows, notes = cost_rows(collect(recipe.whole().ins))
    row = rows["iteration 1"]
    assert [row[k] for k in ("Parameters", "RTF ↓", "Latency ms ↓", "Peak MB ↓")] == ["0.72M", "0.0107", "18.3", "412"]
    assert "Measured on CPU, 1 thread, 60 s of audio, latency of a clip of 1 s." in notes
    recipe.edit("exp/probe/fbank/cost.json", threads=4)
    Path("exp/probe/fbank_stacked/cost.json").unlink()
    rows, notes = cost_rows(collect(recipe.ins))
    assert rows["stacked FBANK"]["RTF ↓"] is None and "4 threads" in notes and "for fbank;" in notes
    for path in Path("exp/probe").rglob("*.json"):
        if path.name == "cost.json":
            path.unlink()
        elif path.name == "row.json":
            recipe.edit(str(path), parameters=...)
    assert costs(collect(recipe.ins)) is None
    assert "RTF" not in document(report(recipe.ins))


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("exp/probe", "No system was scored."),
        ("exp/probe/it1.base", "6 paired tests are left out: it1.base not given."),
        ("exp/it1/quality/quality.json", "the units of it1 have no quality.json: run units.quality"),
        ("data/dev/utt2spk", "no utt2spk in dev, so its speakers are not known"),
        ("data/dev/utt2lang", "a set without utt2lang has no languages to count"),
        ("data/record.json", "its record is gone: what it dropped is not known"),
    ],
)
def test_what_is_absent_is_a_dash_and_a_sentence(recipe, gone, message):
    recipe.whole()
    path = Path(gone)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    ins = [path for path in recipe.ins if path.is_dir()]
    if not Path("exp/it1/quality/quality.json").is_file():
        ins.remove(Path("exp/it1/quality"))
    if message.startswith("6"):
        kept = [p for p in json.loads(Path("exp/compare/pairs.json").read_text()) if p["task"] in ("phone", "asr")]
        recipe.json("exp/compare/pairs.json", kept)
    text = document(report(ins))
    assert message in text and "–" in text


def test_a_result_that_was_not_measured_is_a_dash(recipe):
    recipe.whole()
    for path in Path("exp/probe/fbank").glob("emotion*"):
        path.unlink()
    rows = rows_of(main_table(collect(recipe.ins)))
    assert rows["FBANK"]["Emotion acc. % ↑"] is None
    assert rows["stacked FBANK"]["Emotion acc. % ↑"] is not None


def test_a_result_without_its_items_is_not_read(recipe):
    """It may be one of an older run: a task is done when its items are there."""
    recipe.whole()
    Path("exp/probe/fbank/emotion.items.tsv").unlink()
    assert rows_of(main_table(collect(recipe.ins)))["FBANK"]["Emotion acc. % ↑"] is None


@pytest.mark.parametrize("kept", range(6))
def test_any_single_input_makes_a_report(recipe, kept):
    text = document(report([recipe.whole().ins[kept]]))
    assert "## Funnel of drops" in text and text.startswith("# Results: ")
    assert ("No system was scored." in text) == (kept != 4)


def test_hours_are_the_sum_of_utt2dur(recipe):
    recipe.whole()
    recipe.write("data/dev/utt2dur", "a 1800\nb 900.5\n")
    rows = {row[0]: row for row in data_table(collect(recipe.ins)).rows}
    assert rows["dev"][1] == f"{2700.5 / 3600:.2f}"
    Path("data/test/utt2dur").unlink()
    table = data_table(collect(recipe.ins))
    assert table.rows[2][:2] == ["test", None]
    assert "no utt2dur in test" in " ".join(table.notes)


BREAKS = [
    ("exp/it1/codebook/codebook.json", "{", "units.kmeans"),
    ("exp/it1/codebook/codebook.json", "[]", "units.kmeans"),
    ("exp/it1/quality/quality.json", '{"set": "dev"}', "units.quality"),
    ("exp/it1/quality/examples.json", '{"id": 1}', "units.quality"),
    ("exp/it1/base/loss.tsv", "", "train.pretrain"),
    ("exp/it1/base/loss.tsv", "step\tloss\n1\t2\t3\n", "train.pretrain"),
    ("exp/it1/base/loss.tsv", "step\tloss\n1\tx\n", "train.pretrain"),
    ("exp/it1/base/hf/config.json", "\x00", "train.pretrain"),
    ("exp/probe/fbank/row.json", '{"name": "fbank"}', "tasks.fit"),
    ("exp/probe/fbank/cost.json", '{"rtf": "fast"}', "tasks.fit"),
    ("exp/probe/fbank/phone.json", '{"system": "fbank", "task": NaN}', "tasks.fit"),
    ("exp/probe/fbank/asr.json", "{}", "tasks.fit"),
    ("exp/compare/pairs.json", '[{"task": "phone"}]', "score.compare_probes"),
    ("exp/compare/pairs.json", "{}", "score.compare_probes"),
    ("data/dropped.tsv", "one field\n", "data.corpora.mini"),
    ("data/dev/utt2dur", "a long\n", "data.corpora.mini"),
]


@pytest.mark.parametrize(("file", "text", "step"), BREAKS)
@pytest.mark.parametrize("recorded", [True, False])
def test_a_broken_file_is_named_with_the_step_to_rerun(recipe, file, text, step, recorded):
    recipe.whole()
    recipe.write(file, text)
    if not recorded and file.startswith("exp"):
        for record in Path("exp").rglob("record.json"):
            record.unlink()
    with pytest.raises(UserError) as error:
        report(recipe.ins)
    assert error.value.where == file
    assert f"runs {step} " in error.value.remedy


PHONE = "exp/probe/fbank/phone.json"


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        (PHONE, {"figures": []}, "phone: a result without a figure"),
        (PHONE, {"system": "it1.base"}, "it is of it1.base, and its folder of fbank"),
        (PHONE, {"system": ...}, "system is missing"),
        (PHONE, {"steps": True}, "steps is True, not a whole number"),
        (PHONE, {"steps": 1.5}, "steps is 1.5, not a whole number"),
        (PHONE, {"words": 1}, "words is unknown"),
        (PHONE, {"confusion": {"labels": ["a"], "counts": [[1, 2]]}}, "not a square"),
        (PHONE, {"chosen": {"layer_weights": [1, None]}}, r"chosen.layer_weights\[1\] is None, not a finite number"),
        ("exp/probe/fbank/row.json", {"arm": "model"}, "arm is 'model', not trained or random or features"),
        ("exp/probe/fbank/row.json", {"frozen": "yes"}, "frozen is 'yes', not true or false"),
        ("exp/it1/quality/quality.json", {"rate": 0}, "not above 0"),
        ("exp/it1/codebook/codebook.json", {"source": ...}, "source is missing"),
        ("exp/it1/quality/quality.json", {"histogram": [1, 2]}, "histogram has 2 bins, k is 100"),
    ],
)
def test_a_value_that_cannot_be_is_refused(recipe, file, changes, message):
    recipe.whole().edit(file, **changes)
    with pytest.raises(UserError, match=message) as error:
        collect(recipe.ins)
    assert error.value.where == file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"low": 90.0}, "low is above high"),
        ({"n": 2.5}, r"figures\[0\].n is 2.5, not a whole number"),
        ({"agreeing": "yes"}, "agreeing is 'yes', not true or false"),
        ({"value": True}, "value is True, not a finite number"),
        ({"value": float("nan")}, "value is nan, not a finite number"),
        ({"value": ...}, r"figures\[0\].value is missing"),
        ({"metric": {"name": "x", "unit": "%", "better": "up"}}, "better is 'up', not high or low"),
    ],
)
def test_a_figure_that_cannot_be_is_refused(recipe, changes, message):
    recipe.whole().figure(PHONE, **changes)
    with pytest.raises(UserError, match=message) as error:
        collect(recipe.ins)
    assert error.value.where == PHONE


@pytest.mark.parametrize("wav", ["../../../data/x.wav", "/etc/hostname", "examples/none.wav"])
def test_an_example_reads_only_audio_of_its_own_folder(recipe, wav):
    recipe.whole()
    tree = json.loads(Path("exp/it1/quality/examples.json").read_text())
    tree[1]["wav"] = wav
    recipe.json("exp/it1/quality/examples.json", tree)
    with pytest.raises(UserError, match=r"\[1\]\.wav"):
        collect(recipe.ins)


def test_an_unknown_folder_is_refused(recipe):
    recipe.whole().write("notes/readme.txt", "hello")
    with pytest.raises(UserError, match="notes holds no result"):
        collect([Path("notes")])


def test_an_unfinished_folder_is_refused(recipe):
    recipe.whole().edit("exp/probe/record.json", state="running")
    with pytest.raises(UserError, match="exp/probe is not finished") as error:
        collect(recipe.ins)
    assert "tasks.fit" in error.value.remedy


def test_a_system_given_twice_is_refused(recipe):
    recipe.whole()
    with pytest.raises(UserError, match="systems given twice: fbank, fbank_stacked"):
        collect([*recipe.ins, Path("exp/probe")])


def test_files_that_were_not_committed_are_said_to_have_made_a_stage(recipe):
    recipe.whole()
    message = "(+: made with files that were not committed)"
    assert message not in document(report(recipe.ins))
    recipe.edit("exp/it1/base/record.json", commit="9cb74b0+")
    assert f"Commit: the stages differ: abc1234, 9cb74b0+ {message}" in document(report(recipe.ins))


def test_a_table_without_rows_says_why(recipe):
    recipe.whole()
    alone = report([Path("exp/it1/codebook")])
    assert alone.main.rows == [["–", None]] and alone.main.notes == ["No system was scored."]
    assert "no data dir is among the inputs" in document(alone)
    assert "was given no config file" in document(report(recipe.ins))
