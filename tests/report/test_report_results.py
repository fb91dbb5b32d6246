import json
import shutil
from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.report.content import gather
from toolkit.report.document import document
from toolkit.report.model_table import compression, count, model_table
from toolkit.report.results import collect
from toolkit.report.run_tables import data_table, unit_table
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
    recipe.edit("exp/probe/random/row.json", parameters=316_000_000)
    recipe.edit("exp/probe/it1.base/row.json", parameters=65_096_000)
    rows, _ = table_of(collect(recipe.ins))
    assert rows["iteration 1"]["Compression %"] == "79.4"
    assert rows["FBANK"]["Compression %"] is None
    assert compression(None, 5) is None
    assert [count(n) for n in (None, 0, 720_000, 28_100_000, 316_000_000)] == [None, "0", "0.72M", "28.1M", "316M"]


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("exp/probe/random", "random initialisation, same shape has no row"),
        ("exp/probe/it1.base", "it1.base has no row"),
        ("exp/probe/random/phone.json", "Phone acc. was not measured for random initialisation"),
        ("exp/probe/fbank/cost.json", "FBANK has no cost.json"),
        ("exp/it1/quality/examples.json", "this run"),
    ],
)
def test_what_is_absent_is_a_dash_and_a_sentence(recipe, gone, said):
    recipe.whole()
    path = Path(gone)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert said in document(gather(recipe.ins))


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


def test_pnmi_is_said_to_be_comparable_at_equal_k_only(recipe):
    recipe.whole()
    shutil.copytree("exp/it1", "exp/it2")
    recipe.edit(
        "exp/it2/quality/quality.json", k=2, histogram=[5, 6], pnmi=None, phone_purity=None, cluster_purity=None
    )
    table = unit_table(collect([*recipe.ins, Path("exp/it2/quality"), Path("exp/it2/codebook")]))
    assert [row[0] for row in table.rows] == ["it1", "it2"]
    assert table.rows[1][3] is None
    notes = " ".join(table.notes)
    assert "at equal K only" in notes
    assert "K differs here (2, 100)" in notes
    assert "it2 has no PNMI and no purity: the set has no phones.ctm" in notes


BREAKS = [
    ("exp/it1/codebook/codebook.json", "{", "units.kmeans"),
    ("exp/it1/codebook/codebook.json", "[]", "units.kmeans"),
    ("exp/it1/quality/quality.json", '{"set": "dev"}', "units.quality"),
    ("exp/it1/quality/examples.json", '{"id": 1}', "units.quality"),
    ("exp/it1/base/loss.tsv", "", "train"),
    ("exp/it1/base/loss.tsv", "step\tloss\n1\t2\t3\n", "train"),
    ("exp/it1/base/loss.tsv", "step\tloss\n1\tx\n", "train"),
    ("exp/it1/base/hf/config.json", "\x00", "train"),
    ("exp/probe/random/row.json", '{"row": "random"}', "train.probe"),
    ("exp/probe/random/cost.json", '{"rtf": "fast"}', "train.probe"),
    ("exp/probe/random/phone.json", '{"task": "phone", "percent": NaN}', "train.probe"),
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
    ("file", "changes", "said"),
    [
        ("exp/probe/random/phone.json", {"low": 90}, "low is above high"),
        ("exp/probe/random/phone.json", {"n": 2.5}, "not a whole number"),
        ("exp/probe/random/phone.json", {"percent": True}, "percent is True"),
        ("exp/probe/random/phone.json", {"percent": ...}, "percent is missing"),
        ("exp/probe/random/phone.json", {"confusion": {"labels": ["a"], "counts": [[1, 2]]}}, "not a square"),
        ("exp/probe/random/phone.json", {"layer_weights": [1, None]}, r"layer_weights\[1\]"),
        ("exp/it1/quality/quality.json", {"histogram": [1, 2]}, "histogram has 2 bins, k is 100"),
    ],
)
def test_a_value_that_cannot_be_is_refused(recipe, file, changes, said):
    recipe.whole().edit(file, **changes)
    with pytest.raises(UserError, match=said) as error:
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
    assert "train.probe" in error.value.remedy


def test_a_row_given_twice_is_refused(recipe):
    recipe.whole()
    with pytest.raises(UserError, match="given twice"):
        collect([*recipe.ins, Path("exp/probe")])


def test_losses_of_both_sets_are_read_and_gaps_counted(recipe):
    recipe.whole().write("exp/it1/base/loss.tsv", "step\tloss\tdev_loss\n1\t5\t-\n2\tnan\t-\n3\t4\t4.5\n")
    training = collect(recipe.ins).trainings[0]
    assert training.curves == {"loss": ([1, 3], [5, 4]), "dev loss": ([3], [4.5])}
    assert (training.gaps, training.steps) == (1, 3)
