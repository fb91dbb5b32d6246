import json
import shutil
from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.report.content import gather
from toolkit.report.document import document
from toolkit.report.model_table import compression, count, model_table
from toolkit.report.paper import our_table
from toolkit.report.results import collect
from toolkit.report.run_tables import data_table
from toolkit.report.tables import Estimate


def table_of(results):
    table = model_table(results)
    titles = [column.title for column in table.columns]
    return {str(row[0]): dict(zip(titles, row)) for row in table.rows}, " ".join(table.notes)


def test_every_row_stands_with_every_task_its_interval_and_its_cost(recipe):
    rows, notes = table_of(collect(recipe.whole().ins))
    assert list(rows) == ["FBANK", "stacked FBANK", "random initialisation", "iteration 1", "chance"]
    assert rows["iteration 1"]["Phone acc. % ↑"] == Estimate(57.9, 57.9 - 2.3, 57.9 + 2.3)
    assert str(rows["FBANK"]["ASR CER % ↓"]) == "79.2 [76.9, 81.5]"
    assert rows["random initialisation"]["ASR WER % ↓"].value == pytest.approx(97.9)
    assert [rows["iteration 1"][k] for k in ("Parameters", "RTF", "Latency ms", "Peak MB")] == [
        "0.72M",
        "0.0107",
        "18.3",
        "412",
    ]
    assert rows["chance"]["Dialect acc. % ↑"] == "20.0"
    assert rows["chance"]["ASR CER % ↓"] is None
    assert "95 % intervals, bootstrapped over speakers for phone, dialect and emotion; utterances for ASR" in notes
    assert "phone 20,111 frames" in notes


def test_inputs_are_recognised_by_what_lies_in_them(recipe):
    recipe.whole()
    Path("odd").mkdir()
    ins = [Path("odd") / str(i) for i in range(5)]
    for old, new in zip(recipe.ins, ins):
        shutil.move(str(old), str(new))
    results = collect(ins)
    assert [len(x) for x in (results.sets, results.codebooks, results.qualities, results.trainings)] == [3, 1, 1, 1]
    assert [row.name for row in results.rows] == ["fbank", "fbank_stacked", "random", "it1.base"]


def test_models_stand_in_the_order_in_which_they_were_trained(recipe):
    """A teacher called L of iteration 2 stands between its iteration 1 and its students, whatever the alphabet says."""
    recipe.whole()
    for name in ("it3/S", "it2/L"):
        shutil.copytree("exp/it1/base", f"exp/{name}")
        shutil.copytree("exp/probe/it1.base", f"exp/probe/{name.replace('/', '.')}")
        recipe.edit(f"exp/probe/{name.replace('/', '.')}/row.json", row=name.replace("/", "."))
    chain = [Path("exp/it1/base"), Path("exp/it3/S"), Path("exp/it2/L")]
    assert [row.name for row in collect([*chain, Path("exp/probe")]).models] == ["it1.base", "it3.S", "it2.L"]


def test_compression_is_the_share_of_parameters_saved(recipe):
    recipe.whole()
    shutil.rmtree("exp/it1/base")
    recipe.edit("exp/probe/random/row.json", parameters=316_000_000)
    recipe.edit("exp/probe/it1.base/row.json", parameters=65_096_000)
    results = collect([Path("exp/probe")])
    rows, notes = table_of(results)
    assert rows["iteration 1"]["Compression %"] == "79.4"
    assert rows["random initialisation"]["Compression %"] == "0.0"
    assert rows["FBANK"]["Compression %"] is None
    assert "saved against random initialisation, the largest row: no row is of a network trained here" in notes
    assert compression(None, results.rows[-1]) is None
    assert [count(n) for n in (None, 0, 720_000, 28_100_000, 316_000_000)] == [None, "0", "0.72M", "28.1M", "316M"]


def test_compression_is_held_against_the_largest_network_trained_here_not_a_foreign_one(recipe):
    recipe.whole()
    for name, parameters in (("it2.L", 316_000_000), ("xlsr", 632_000_000)):
        shutil.copytree("exp/probe/it1.base", f"exp/probe/{name}")
        recipe.edit(f"exp/probe/{name}/row.json", row=name, title=name, parameters=parameters)
    shutil.copytree("exp/it1/base", "exp/it2/L")
    recipe.edit("exp/probe/it1.base/row.json", parameters=65_096_000)
    results = collect([*recipe.ins, Path("exp/it2/L")])
    rows, notes = table_of(results)
    compression = {name: rows[name]["Compression %"] for name in ("iteration 1", "it2.L", "xlsr")}
    assert compression == {"iteration 1": "79.4", "it2.L": "0.0", "xlsr": "-100.0"}
    assert "saved against it2.L, the largest network trained here." in notes
    assert "Below 0: xlsr has more." in notes
    assert {row[0]: row[3] for row in our_table(results, False).rows} == compression


def test_table_4_says_the_size_and_the_hours_of_our_networks_and_no_more(recipe):
    recipe.whole().edit("exp/it1/base/record.json", counts={"hours": 1234.5})
    recipe.edit("exp/probe/it1.base/row.json", parameters=316_000_000)
    note = our_table(collect(recipe.ins), False).notes[0]
    assert "test set; iteration 1: 316M parameters, trained on 1,234.50 h. The layout" in note
    assert "small" not in note
    recipe.edit("exp/probe/it1.base/row.json", parameters=...)
    assert "on our own test set. The layout" in our_table(collect([Path("exp/probe")]), False).notes[0]


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("exp/probe/random", "random initialisation, same shape has no row"),
        ("exp/probe/it1.base", "it1.base has no row"),
        ("exp/probe/random/phone.json", "Phone acc. was not measured for random initialisation"),
        ("exp/probe/fbank/cost.json", "FBANK has no cost.json"),
        ("exp/it1/quality/examples.json", "this run"),
        ("data/dev/utt2spk", "no utt2spk in dev, so its speakers are not known"),
    ],
)
def test_what_is_absent_is_a_dash_and_a_sentence(recipe, gone, message):
    recipe.whole()
    path = Path(gone)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert message in document(gather(recipe.ins))


def test_a_task_without_labels_is_said_to_have_none(recipe):
    recipe.whole()
    for path in [*Path("exp/probe").glob("*/emotion.json"), *Path("data").glob("*/utt2emotion")]:
        path.unlink()
    rows, notes = table_of(collect(recipe.ins))
    assert rows["iteration 1"]["Emotion acc. % ↑"] is None
    assert "Emotion acc. was measured for no row: no set has utt2emotion" in notes


def test_languages_take_the_place_of_dialects(recipe):
    recipe.whole()
    for path in Path("exp/probe").glob("*/dialect.json"):
        path.rename(path.with_name("language.json"))
        recipe.edit(str(path.with_name("language.json")), task="language")
    rows, _ = table_of(collect(recipe.ins))
    assert str(rows["iteration 1"]["Language acc. % ↑"]) == "46.3 [44.0, 48.6]"
    assert "Dialect acc. % ↑" not in rows["iteration 1"]


@pytest.mark.parametrize("kept", range(5))
def test_any_single_input_makes_a_report(recipe, kept):
    text = document(gather([recipe.whole().ins[kept]]))
    assert "## Funnel of drops" in text
    assert "–: " in text


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
    ("exp/probe/random/row.json", '{"row": "random"}', "tasks.fit"),
    ("exp/probe/random/cost.json", '{"rtf": "fast"}', "tasks.fit"),
    ("exp/probe/random/phone.json", '{"task": "phone", "percent": NaN}', "tasks.fit"),
    ("exp/probe/random/asr.json", "{}", "tasks.fit"),
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
        gather(recipe.ins)
    assert error.value.where == file
    assert f"runs {step} " in error.value.remedy


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("exp/probe/random/phone.json", {"low": 90}, "low is above high"),
        ("exp/probe/random/phone.json", {"n": 2.5}, "not a whole number"),
        ("exp/probe/random/phone.json", {"agreeing": "yes"}, "agreeing is 'yes', not true or false"),
        ("exp/probe/random/phone.json", {"percent": True}, "percent is True"),
        ("exp/probe/random/phone.json", {"percent": ...}, "percent is missing"),
        ("exp/probe/random/phone.json", {"confusion": {"labels": ["a"], "counts": [[1, 2]]}}, "not a square"),
        ("exp/probe/random/phone.json", {"layer_weights": [1, None]}, r"layer_weights\[1\]"),
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


@pytest.mark.parametrize("wav", ["../../../data/x.wav", "/etc/hostname", "examples/none.wav"])
def test_an_example_reads_only_audio_of_its_own_folder(recipe, wav):
    recipe.whole()
    tree = json.loads(Path("exp/it1/quality/examples.json").read_text())
    tree[1]["wav"] = wav
    recipe.json("exp/it1/quality/examples.json", tree)
    with pytest.raises(UserError, match=r"\[1\]\.wav"):
        collect(recipe.ins)


def test_an_unknown_folder_is_refused(recipe):
    recipe.whole().write("other/readme.txt", "hello")
    with pytest.raises(UserError, match="other holds no result"):
        collect([Path("other")])


def test_an_unfinished_folder_is_refused(recipe):
    recipe.whole().edit("exp/probe/record.json", state="running")
    with pytest.raises(UserError, match="exp/probe is not finished") as error:
        collect(recipe.ins)
    assert "tasks.fit" in error.value.remedy


def test_a_row_given_twice_is_refused(recipe):
    recipe.whole()
    with pytest.raises(UserError, match="given twice"):
        collect([*recipe.ins, Path("exp/probe")])


def test_files_that_were_not_committed_are_said_to_have_made_a_stage(recipe):
    recipe.whole()
    message = "(+: made with files that were not committed)"
    assert message not in document(gather(recipe.ins))
    recipe.edit("exp/it1/base/record.json", commit="9cb74b0+")
    assert f"Commit: the stages differ: abc1234, 9cb74b0+ {message}" in document(gather(recipe.ins))


def test_a_table_without_rows_says_why(recipe):
    recipe.whole()
    data = gather([Path("data")])
    assert "no row of a probe folder is among the inputs" in data.details.notes[0]
    assert any("was given no config file" in note for note in gather(recipe.ins).config.notes)
