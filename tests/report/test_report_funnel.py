from pathlib import Path

import pytest
from report.conftest import report

from toolkit.core.errors import UserError
from toolkit.report.render.markdown import document
from toolkit.report.sections.ran import funnel_table, kept_words, share_dropped
from toolkit.report.sources.funnel import Stage, chain, synthetic


def test_the_funnel_reaches_every_stage_behind_the_inputs_in_the_order_of_the_work(recipe):
    recipe.whole()
    folders = [str(stage.folder) for stage in chain([Path("exp/probe"), Path("exp/it1/quality")])]
    assert set(folders) == {
        "data", "dump/it1/sample", "exp/it1/codebook", "dump/it1/labels", "exp/it1/base", "exp/probe", "exp/it1/quality"
    }  # fmt: skip
    chains = [
        ("data", "dump/it1/sample", "exp/it1/codebook", "dump/it1/labels"),
        ("dump/it1/labels", "exp/it1/base", "exp/probe"),
    ]
    for order in chains:
        assert [folders.index(folder) for folder in order] == sorted(folders.index(folder) for folder in order)


def test_every_drop_is_counted_by_stage_and_reason(recipe):
    recipe.whole()
    rows = funnel_table(chain(recipe.ins)).rows
    dropped = [(row[2], row[3]) for row in rows if row[3] not in (None, "0")]
    assert dropped == [("clipped", "1"), ("too short", "1"), ("silent", "1")]
    assert document(report(recipe.ins)).rstrip().endswith("In all dropped: 3 rows, 3 utterances.")


def test_what_a_config_leaves_out_has_a_row_of_its_own_and_is_not_dropped():
    counts = {"utterances": 60.0, "utterances_left_out_by_exclude": 40.0, "hours_left_out_by_exclude": 550.1}
    stage = Stage(Path("exp/it3/S"), ["train.pretrain"], counts=counts, reasons={"no labels": 2})
    table = funnel_table([stage])
    assert [row[2:4] for row in table.rows] == [["no labels", "2"], ["by choice (data.exclude): 550.1 h", "40"]]
    assert [row[4] for row in table.rows] == ["utterances 60", ""]
    assert table.notes == [
        "40 utterances are left out by choice, as the configs say: they are not listed.",
        "In all dropped: 2 rows, not all of which say of which utterance.",
    ]
    assert share_dropped(stage) == pytest.approx(100 * 2 / 62)
    alone = funnel_table([Stage(Path("exp/it3/S"), ["train.pretrain"], counts=counts)])
    assert [row[2:] for row in alone.rows] == [["by choice (data.exclude): 550.1 h", "40", "utterances 60"]]


def test_an_utterance_that_several_stages_drop_is_counted_once():
    stages = [
        Stage(
            Path(f"exp/probe/{i}"),
            ["tasks.fit"],
            drops=[("u1", "tasks.fit", "too short", "")],
            reasons={"too short": 1},
        )
        for i in range(6)
    ]
    pair = ("a against b", "score.compare_probes", "a pair of rows with different classes", "task dialect")
    assert funnel_table(stages).notes[-1] == "In all dropped: 6 rows, 1 utterance."
    stages.append(Stage(Path("exp/compare"), ["score.compare_probes"], drops=[pair], reasons={pair[2]: 1}))
    assert funnel_table(stages).notes[-1] == "In all dropped: 7 rows, 1 utterance."


def test_nothing_dropped_is_said_where_it_is_so(recipe):
    recipe.whole()
    stages = chain([Path("exp/it1/codebook")])
    assert [row[2] for row in funnel_table(stages).rows][-1] == "nothing dropped"


def test_a_folder_without_a_record_still_gives_its_drops(recipe):
    recipe.whole()
    Path("data/record.json").unlink()
    recipe.write("data/train/dropped.tsv", "u1\tsplit\ttoo long\t40 s\n")
    stage = chain([Path("data")])[0]
    assert stage.reasons == {"clipped": 1, "too short": 1, "too long": 1}
    assert "no record" in stage.gap


def test_a_record_that_is_gone_is_said_to_be(recipe):
    recipe.whole()
    Path("dump/it1/sample/record.json").unlink()
    gaps = {str(stage.folder): stage.gap for stage in chain(recipe.ins)}
    assert "its record is gone" in gaps["dump/it1/sample"]
    assert "dump/it1/sample: its record is gone" in document(report(recipe.ins))


def test_drops_that_only_the_record_counts_are_counted(recipe):
    recipe.whole().write("data/dropped.tsv", "")
    stage = chain([Path("data")])[0]
    assert (stage.dropped, bool(stage.gap)) == (2, True)


def test_records_that_name_each_other_end_the_walk(recipe):
    recipe.record("a", ["x"], ["b"], {})
    recipe.record("b", ["y"], ["a"], {})
    assert [str(stage.folder) for stage in chain([Path("a")])] == ["b", "a"]


def test_a_record_with_counts_that_are_no_numbers_is_refused(recipe):
    recipe.whole().edit("data/record.json", counts={"utterances": "many"})
    with pytest.raises(UserError, match="counts"):
        chain(recipe.ins)


def test_synthetic_audio_is_found_in_any_record(recipe):
    recipe.whole()
    assert synthetic(chain([Path("exp/probe")])) == ["data"]
    recipe.edit("data/record.json", counts={"synthetic_utterances": 12})
    assert synthetic(chain([Path("exp/probe")])) == ["data (synthetic_utterances 12)"]


def test_counts_of_sets_are_grouped(recipe):
    recipe.record(
        "data", ["x"], [], {"train_utterances": 30, "test_utterances": 10, "hours": 2}, drops=[("a", "silent", "")] * 10
    )
    stage = chain([Path("data")])[0]
    assert kept_words(stage) == "utterances train 30, test 10; hours 2"
    assert share_dropped(stage) == pytest.approx(100 * 1 / 41)
