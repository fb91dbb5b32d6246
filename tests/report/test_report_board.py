"""The table of systems, its bold figures and marks, which system is best, and the tiles, on figures made for each."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report.conftest import report, rows_of, table, tables_of
from report.figures import ACCURACY, CER, figure, items, pair

from toolkit.core.errors import UserError
from toolkit.core.results import Metric, System, TaskResult
from toolkit.core.schema import dump
from toolkit.report.board import Board, Column
from toolkit.report.render.html import page
from toolkit.report.render.markdown import document, markdown
from toolkit.report.sections.systems import best, conditions, figures, main_table, pictures, tiles
from toolkit.report.sources.collect import Run, collect
from toolkit.score.items import write_items

HIGH, LOW = ACCURACY, CER
HEADING = {HIGH: "T acc. % ↑", LOW: "T CER % ↓"}


def result(system, value, metric=HIGH, task="t", **more):
    return TaskResult(system, task, task, "classify", (figure(metric, value),), "0", **more)


def run_of(results, pairs=(), baseline="", arms=None, **more):
    """A run with these results; systems in the order of their first result."""
    names = dict.fromkeys(r.system for r in results)
    systems = [System(name, name, (arms or {}).get(name, "trained")) for name in names]
    return Run(board=Board(systems, {(r.system, r.task): r for r in results}, list(pairs), {}, baseline, **more))


def cells(run):
    """The cells of the table of systems: system -> heading -> cell."""
    return rows_of(main_table(run))


@settings(deadline=None)
@given(st.lists(st.sampled_from([10.0, 20.0, 30.0]), min_size=1, max_size=5), st.sampled_from([HIGH, LOW]))
def test_the_best_of_a_column_is_bold_all_equals_too_and_none_where_all_are_equal(values, metric):
    shown = cells(run_of([result(f"s{i}", value, metric) for i, value in enumerate(values)]))
    wanted = max(values) if metric is HIGH else min(values)
    bold = [shown[f"s{i}"][HEADING[metric]].best for i in range(len(values))]
    assert bold == [value == wanted and len(set(values)) > 1 for value in values]


@settings(deadline=None)
@given(st.floats(-50, 50), st.floats(0, 20), st.sampled_from([HIGH, LOW]), st.booleans())
def test_a_mark_stands_exactly_where_the_paired_interval_against_the_baseline_does_not_contain_0(
    gap, half, metric, turned
):
    tested = pair("a", "base", "t", gap, half, metric)
    run = run_of([result("base", 50, metric), result("a", 60, metric)], [tested.turned if turned else tested], "base")
    decided = gap - half > 0 or gap + half < 0
    better = (gap > 0) == (metric is HIGH)
    assert cells(run)["a"][HEADING[metric]].mark == ("≈" if not decided else "▲" if better else "▼")
    assert "base (baseline)" in [row[0] for row in main_table(run).rows]
    assert cells(run)["base"][HEADING[metric]].mark == ""


def test_without_a_test_against_the_baseline_itself_nothing_is_marked_however_far_apart_the_figures_are():
    results = [result("base", 10), result("a", 90), result("b", 50)]
    pairs = [pair("a", "b", "t", 40, 1)]
    assert {row[HEADING[HIGH]].mark for row in cells(run_of(results, pairs, "base")).values()} == {""}
    assert {row[HEADING[HIGH]].mark for row in cells(run_of(results, pairs)).values()} == {""}
    text = markdown(main_table(run_of(results, pairs)))
    assert "▲" not in text and "baseline" not in text
    assert [row[HEADING[HIGH]].mark for row in cells(run_of(results, pairs, "b")).values()] == ["", "▲", ""]


@pytest.mark.parametrize(
    ("tests", "decided"),
    [
        ([pair("a", "b", "t", 5, 4)], "yes"),
        ([pair("b", "a", "t", -5, 4)], "yes"),
        ([pair("a", "b", "t", 5, 6)], "no"),
        ([pair("a", "c", "t", 30, 1)], "not tested"),
        ([], "not tested"),
    ],
)
def test_which_is_best_is_decided_by_the_test_of_the_best_two_alone(tests, decided):
    made = best(run_of([result("c", 60), result("a", 95), result("b", 90)], tests)).blocks[0]
    ((heading, first, second, difference, told),) = made.rows
    assert (heading, first, second, told) == (HEADING[HIGH], "a: 95.0", "b: 90.0", decided)
    assert (difference is None) == (decided == "not tested")
    assert difference is None or difference.value == 5


def test_of_an_error_rate_the_lowest_is_best_and_one_system_alone_is_no_contest():
    ((_, first, second, difference, told),) = (
        best(run_of([result("a", 30, LOW), result("b", 20, LOW)], [pair("a", "b", "t", 10, 2, LOW)])).blocks[0].rows
    )
    assert (first, second, str(difference), told) == ("b: 20.0", "a: 30.0", "-10.0 [-12.0, -8.0] ▲", "yes")
    assert best(run_of([result("a", 30)])) is None


def test_every_task_has_a_tile_of_its_best_trained_system_against_the_baseline():
    results = [
        *(result(name, value, HIGH, "x") for name, value in (("base", 70), ("a", 60), ("b", 65))),
        *(result(name, value, LOW, "y") for name, value in (("base", 70), ("a", 60), ("b", 65))),
        result("b", 5, HIGH, "z"),
    ]
    pairs = [pair("b", "base", "x", -5, 1), pair("a", "base", "y", -10, 20, LOW)]
    made = tiles(run_of(results, pairs, "base", {"base": "features"}))
    assert [(tile.label, tile.figure, tile.unit, tile.under) for tile in made] == [
        ("X acc. % ↑: b", "65.0", "%", "baseline base 70.0: worse, decided"),
        ("Y CER % ↓: a", "60.0", "%", "baseline base 70.0: undecided"),
        ("Z acc. % ↑: b", "5.0", "%", ""),
    ]
    assert made[0].interval == "[62.7, 67.3]"
    (alone,) = tiles(run_of([]))
    assert (alone.figure, alone.under) == ("–", "No system was scored.")


BLEU = Metric("bleu", "points", "high", "BLEU")


def test_a_metric_and_a_type_that_nobody_knows_by_name_are_shown_as_any_other(recipe):
    """What a task type of one's own leaves: the report learns all it needs from the result."""
    recipe.whole()
    for name, value in (("fbank", 12.5), ("it1.base", 31.5)):
        strange = TaskResult(name, "toasts", "toasts", "toast:TYPE", (figure(BLEU, value, n=7),), "0")
        write_beside(recipe, name, strange)
    pairs = [*recipe.pairs(), pair("it1.base", "fbank", "toasts", 19, 3, BLEU)]
    recipe.json("exp/compare/pairs.json", [dump(p) for p in pairs])
    made = report(recipe.ins, baseline="fbank")
    shown = rows_of(made.main)
    assert str(shown["iteration 1"]["Toasts BLEU points ↑"]) == "31.5 [29.2, 33.8] ▲"
    assert shown["stacked FBANK"]["Toasts BLEU points ↑"] is None
    assert made.tiles[-1].label == "Toasts BLEU points ↑: it1.base" and made.tiles[-1].unit == "points"
    rows = {row[0]: row for row in table(made, "best").rows}
    assert rows["Toasts BLEU points ↑"][1:3] == ["iteration 1: 31.5", "FBANK: 12.5"]
    assert rows["Toasts BLEU points ↑"][4] == "yes"
    assert "Toasts BLEU points, higher is better" in page(made)
    assert "toasts 7 utterances" in document(made)


def write_beside(recipe, name, of_task):
    recipe.json(f"exp/probe/{name}/{of_task.task}.json", dump(of_task))
    write_items(recipe.root / f"exp/probe/{name}/{of_task.task}.items.tsv", items())


def test_tasks_keep_the_order_of_the_run_whatever_their_names_and_the_order_of_the_systems():
    names = ["zebra", "apple", "mango"]
    results = [result(s, 50, task=task) for s in ("a", "b") for task in names]
    for scored in (results, results[::-1]):
        run = run_of(scored, order=names)
        assert [column.task for column in run.board.tasks] == names
        assert [c.title for c in main_table(run).columns[2:]] == ["Zebra acc. % ↑", "Apple acc. % ↑", "Mango acc. % ↑"]
    run = run_of([*results, result("a", 5, task="kiwi"), result("b", 5, task="fig")], order=names)
    assert [column.task for column in run.board.tasks] == [*names, "fig", "kiwi"]  # of a run that does not say


def test_a_run_of_some_of_the_tasks_does_not_change_their_order(recipe):
    recipe.whole()
    recipe.json("exp/probe/tasks.json", ["emotion", "dialect", "phone", "asr"])
    recipe.json("exp/tuned/tasks.json", ["asr", "emotion"])
    recipe.json("exp/tuned/it1.base.tuned/row.json", {"name": "it1.base.tuned", "title": "tuned", "arm": "trained"})
    for ins in ([*recipe.ins, Path("exp/tuned")], [Path("exp/tuned"), *recipe.ins]):
        tasks = [column.task for column in collect(ins).board.tasks]
        assert tasks == ["emotion", "dialect", "phone", "asr"]


@pytest.mark.parametrize("written", ["{}", "["])
def test_a_broken_list_of_tasks_is_a_users_mistake(recipe, written):
    recipe.whole().write("exp/probe/tasks.json", written)
    with pytest.raises(UserError) as error:
        report(recipe.ins)
    assert error.value.where == "exp/probe/tasks.json" and "tasks.fit" in error.value.remedy


def test_minor_figures_and_those_of_other_profiles_and_groups_are_left_to_the_details():
    minor = replace(LOW, name="cer_beam", title="CER by beam search", minor=True)
    made = (
        figure(LOW, 10, profile="sawt@1"),
        figure(minor, 9, profile="sawt@1"),
        figure(LOW, 20, profile="raw@1"),
        figure(LOW, 30, profile="sawt@1", group="ALG"),
    )
    run = run_of([replace(result("a", 10), figures=made)], profile="sawt@1")
    assert [c.title for c in main_table(run).columns] == ["System", "Parameters", "T CER % ↓"]
    assert cells(run)["a"]["T CER % ↓"].value == 10
    (every,) = tables_of(figures(run).blocks)
    assert [(row[2], row[3].value) for row in every.rows] == [
        ("CER % sawt@1", 10),
        ("CER by beam search % sawt@1", 9),
        ("CER % raw@1", 20),
        ("CER % sawt@1 ALG", 30),
    ]
    assert "Texts under the profile sawt@1." in conditions(run)[0]


def test_chance_stands_below_the_systems_and_as_a_line_in_the_pictures():
    run = run_of([result("a", 60, chance=20.0), result("b", 70, chance=20.0), result("a", 9, LOW, "u")])
    assert cells(run)["chance"]["T acc. % ↑"] == "20.0" and cells(run)["chance"]["U CER % ↓"] is None
    drawn = [picture.under for picture in pictures(run).blocks[0].pictures]
    assert drawn == ["dashed: chance, 20.0 %", ""]
    both = run_of([result("a", 60, chance=20.0), result("b", 70, chance=25.0)])
    assert cells(both)["chance"]["T acc. % ↑"] == "20.0 / 25.0"
    assert "dashed" not in pictures(both).blocks[0].pictures[0].under
    assert "chance" not in cells(run_of([result("a", 9, LOW)]))


def test_the_marks_are_against_the_last_features_unless_the_config_names_another(recipe):
    made = report(recipe.whole().ins)
    assert "undecided against the baseline, stacked FBANK, by a paired test" in made.main.notes[0]
    phone = {name: row["Phone acc. % ↑"] for name, row in rows_of(made.main).items()}
    assert (phone["iteration 1"].mark, phone["stacked FBANK"].mark) == ("▼", "")  # 57.9 against 66.4
    made = report(recipe.ins, baseline="random.it1.base")
    assert "the baseline, it1.base, random, by a paired test" in made.main.notes[0]
    assert rows_of(made.main)["iteration 1"]["Phone acc. % ↑"].mark == "▲"  # 57.9 against 33.3
    assert made.tiles[0].under == "baseline it1.base, random 33.3: better, decided"
    against = table(made, "pairs").rows[0]
    assert against[:2] == ["The baseline, it1.base, random", "it1.base − random.it1.base"]


def test_a_baseline_that_is_no_system_here_is_refused_with_those_that_are(recipe):
    with pytest.raises(UserError, match="no system fbanks here") as error:
        report(recipe.whole().ins, baseline="fbanks")
    assert error.value.where == "baseline"
    assert error.value.remedy == "name one of fbank, fbank_stacked, random.it1.base, it1.base"


@pytest.mark.parametrize(("metric", "heading"), [(HIGH, "ASR acc. % ↑"), (LOW, "ASR CER % ↓")])
def test_a_heading_says_which_way_is_better(metric, heading):
    assert Column("asr", "ASR", metric).heading == heading


def test_every_figure_stands_among_the_details_with_what_was_chosen_on_dev(recipe):
    recipe.whole()
    chosen = {"lr": 0.01, "dev": {"0.01": 70.0, "0.001": 60.0}, "diverged": [1.0], "settings": {"beam": 16, "dev": []}}
    recipe.edit("exp/probe/it1.base/asr.json", chosen=chosen)
    every = table(report(recipe.ins), "figures")
    rows = {(row[0], row[1], row[2]): row for row in every.rows}
    assert len(rows) == 4 * 5
    assert rows["iteration 1", "ASR", "CER %"][4:] == ["205 utterances", "205 utterances", "0.01", "3", "300"]
    assert rows["iteration 1", "ASR", "WER %"][3].value == pytest.approx(96.1)
    assert rows["FBANK", "phone", "acc. %"][4:6] == ["20,111 frames", "9 speakers"]
    assert every.notes == ["Chosen on dev: beam 16."]
