"""What the report tells of each task: curves over learning rates, folds, students, classes, failures, protocols."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report.conftest import Recipe, report, rows_of, table, tables_of
from report.figures import ACCURACY, CER, DIALECTS, figure, pair
from sklearn.metrics import classification_report

from toolkit.core.errors import UserError
from toolkit.core.results import FAILED, UNHEARD, Chosen, Confusion, Fold, System, TaskResult
from toolkit.core.superb_results import SuperbResult, SuperbRow
from toolkit.report.board import Board
from toolkit.report.render.markdown import document, markdown
from toolkit.report.section import Pictures
from toolkit.report.sections import superb
from toolkit.report.sections.classes import class_table, classes
from toolkit.report.sections.rates import fold_tables, rates
from toolkit.report.sections.systems import conditions, figures, main_table
from toolkit.report.sections.teachers import teachers
from toolkit.report.sources.collect import Run
from toolkit.report.sources.funnel import Stage


def result(system, value, metric=ACCURACY, task="t", **more):
    return TaskResult(system, task, task.upper(), "any", (figure(metric, value),), "0", **more)


def run_of(results, pairs=(), arms=None, **more):
    """A run with these results; systems in the order of their first result."""
    systems = [System(s, s, (arms or {}).get(s, "trained")) for s in dict.fromkeys(r.system for r in results)]
    return Run(board=Board(systems, {(r.system, r.task): r for r in results}, list(pairs)), **more)


def section_tables(section):
    return tables_of(section.blocks)


def test_a_curve_has_each_rate_that_was_tried_and_tells_the_chosen_and_those_that_diverged() -> None:
    swept = Chosen(0.01, {"0.01": 81.0, "0.0001": 67.4}, (0.1,))
    run = run_of([result("a", 80, chosen=swept), result("b", 70, chosen=Chosen(0.1, {"0.1": 71.0, "0.01": 64.2}))])
    made = rates(run)
    (of_task,) = section_tables(made)
    rows = rows_of(of_task)
    assert [column.title for column in of_task.columns] == ["System", "0.1", "0.01", "0.0001"]
    assert rows["a"]["0.1"] == "diverged" and rows["b"]["0.0001"] is None
    assert [(rows["a"][rate].value, rows["a"][rate].best) for rate in ("0.01", "0.0001")] == [
        (81.0, True),
        (67.4, False),
    ]
    assert [rows["b"][rate].best for rate in ("0.1", "0.01")] == [True, False]
    (drawn,) = made.blocks[0].pictures
    assert drawn.under == "ring: chosen; diverged: a at 0.1"
    assert "a: 0.0001 67.4, 0.01 81.0; b: 0.01 64.2, 0.1 71.0" in drawn.svg  # what a screen reader says
    shown = re.findall(r">([^<>]+)</text>", drawn.svg)
    assert [text for text in shown if re.fullmatch(r"0\.0*1", text)] == ["0.0001", "0.01", "0.1"]
    assert "**81.0**" in markdown(of_task)


def test_a_task_of_one_rate_has_no_curve_and_a_run_of_such_tasks_no_section() -> None:
    one = result("a", 80, chosen=Chosen(0.01))
    assert rates(run_of([one])) is None
    run = run_of([one, result("a", 9, CER, "u", chosen=Chosen(0.1, {"0.1": 9.0, "0.01": 12.0}))])
    (of_task,) = section_tables(rates(run))
    assert of_task.title == "U CER % ↓ on dev by learning rate"


def test_of_a_task_with_folds_every_rate_that_a_fold_chose_is_marked_and_stands_in_the_details() -> None:
    chosen = Chosen(0.01, {"0.01": 60.0, "0.001": 58.0, "0.1": 20.0})
    folded = result("a", 61, chosen=chosen, folds=(Fold("جلسة١", 0.01), Fold("s2", 0.001)))
    run = run_of([folded, result("b", 50, chosen=Chosen(0.1))])
    (of_task,) = section_tables(rates(run))
    assert [rows_of(of_task)["a"][rate].best for rate in ("0.1", "0.01", "0.001")] == [False, True, True]
    assert "each rate that the dev set of a fold chose" in of_task.notes[0]
    (of_folds,) = fold_tables(run.board)
    assert rows_of(of_folds) == {"a": {"System": "a", "جلسة١": "0.01", "s2": "0.001"}}
    assert of_folds in section_tables(figures(run))


def test_a_student_is_told_against_its_named_teacher_by_the_paired_test_and_by_the_figures_where_there_is_none() -> (
    None
):
    results = [result("big", 90), result("small", 84), result("big", 10, CER, "u"), result("small", 14, CER, "u")]
    scores = SuperbResult(
        ("ER",), ("ER",), (SuperbRow("big", {}, 80.8, 941.0, 1.0), SuperbRow("small", {}, 79.5, 887.4, 2.0))
    )
    run = run_of(results, [pair("big", "small", "t", 6, 2)], teachers={"small": "big"}, superb=scores)
    (row,) = rows_of(section_tables(teachers(run))[0]).values()
    assert str(row["T acc. % ↑"]) == "-6.0 [-8.0, -4.0] ▼"
    assert str(row["U CER % ↓"]) == "+4.0"  # no test, no interval and no mark
    assert [str(row[name]) for name in superb.SCORES] == ["-1.3", "-53.6", "+1.0"]
    assert teachers(run_of(results)) is None


def test_a_teacher_that_is_no_system_here_is_refused_and_a_system_that_teaches_itself(recipe: Recipe) -> None:
    recipe.whole()
    for named, message in (
        ({"it1.base": "hubert"}, "no system hubert here"),
        ({"S": "it1.base"}, "no system S here"),
        ({"it1.base": "it1.base"}, "it1.base is its own teacher"),
    ):
        with pytest.raises(UserError, match=message) as error:
            report(recipe.ins, teachers=named)
        assert error.value.where == f"teachers.{next(iter(named))}"


def test_a_named_student_stands_among_the_paired_differences_and_what_students_keep(recipe: Recipe) -> None:
    made = report(recipe.whole().ins, teachers={"random.it1.base": "it1.base"})
    assert [row[1] for row in table(made, "pairs").rows if row[0] == "Student − its teacher"] == [
        "random.it1.base − it1.base"
    ]
    assert table(made, "pairs", "What students keep").rows[0][0] == "random.it1.base of it1.base"
    assert "## Δ to the teacher" in document(made)


def confused(references: list[str], answers: list[str], labels: list[str]) -> Confusion:
    counts = [[sum((r, a) == (x, y) for r, a in zip(references, answers, strict=True)) for y in labels] for x in labels]
    return Confusion(tuple(labels), tuple(map(tuple, counts)))


def test_precision_recall_f1_and_support_are_scikit_learns_report_of_the_answers() -> None:
    rng = np.random.default_rng(5)
    labels = [*DIALECTS, "غضب", "accuracy"]  # a class may be called as a line of the report is
    references = [labels[i] for i in rng.integers(0, 6, 300)]  # the last class never occurs
    answers = [r if rng.random() < 0.6 else labels[int(rng.integers(0, 5))] for r in references]
    rows = rows_of(class_table("T", confused(references, answers, labels)))
    names = dict(zip(map(str, range(len(labels))), labels, strict=True))
    numbers = [[labels.index(label) for label in column] for column in (references, answers)]
    wanted = classification_report(*numbers, labels=range(len(labels)), output_dict=True, zero_division=0)
    occurring = classification_report(*numbers, labels=range(6), output_dict=True, zero_division=0)
    wanted["macro avg"] = occurring["macro avg"]
    names |= {"macro avg": "mean of the classes", "weighted avg": "mean, weighted by support"}
    for key, name in names.items():
        told = [float(rows[name][column]) for column in ("Precision", "Recall", "F1")]
        assert told == [pytest.approx(100 * wanted[key][k], abs=0.051) for k in ("precision", "recall", "f1-score")]
        assert rows[name]["Support"] == f"{wanted[key]['support']:,.0f}"
    assert len(rows) == len(names)


def test_answers_outside_the_labels_are_no_class_of_their_mean() -> None:
    """Two classes, of which one is always right and one never: 50 %, and 33.3 % with a third class."""
    made = class_table("T", confused(["MSA", "EGY"], ["MSA", "<outside>"], ["EGY", "MSA", "<outside>"]))
    mean = rows_of(made)["mean of the classes"]
    assert [mean[column] for column in ("Precision", "Recall", "F1", "Support")] == ["50.0", "50.0", "50.0", "2"]
    assert any("of those that occur" in note for note in made.notes)


def test_every_task_of_labels_has_the_classes_of_its_best_trained_system_and_of_very_many_the_worst() -> None:
    good, bad = confused(["a", "b"], ["a", "b"], ["a", "b"]), confused(["a", "b"], ["b", "a"], ["a", "b"])
    results = [result("fb", 99, confusion=good), result("x", 0, confusion=bad), result("y", 90, confusion=good)]
    made = classes(run_of([*results, result("y", 5, CER, "u")], arms={"fb": "features"}))
    assert [t.title for t in section_tables(made)] == ["T, y"]
    labels = [f"k{i:03d}" for i in range(100)]
    many = class_table("T", confused(labels, [*labels[:90], *labels[91:], labels[90]], labels))
    assert [row[0] for row in many.rows[:10]] == labels[90:] and len(many.rows) == 62
    assert "The 60 classes with the lowest F1 of 100." in many.notes


def test_a_task_that_failed_says_so_in_its_cell_and_why_under_the_table() -> None:
    results = [result("a", 80), result("a", 10, CER, "u"), result("b", 9, CER, "u")]
    rows = [("b/t", "tasks.fit", FAILED, "loss is not finite"), ("a/u", "tasks.fit", FAILED, "of an older run")]
    run = run_of(results, stages=[Stage(Path("exp/tasks"), ["tasks.fit"], drops=rows)])
    made = main_table(run)
    assert rows_of(made)["b"]["T acc. % ↑"] == "failed"
    assert [note for note in made.notes if note.startswith("Failed")] == ["Failed: T of b: loss is not finite."]
    assert "| failed |" in re.sub(" +", " ", markdown(made))
    everywhere = run_of(
        [result("a", 80)], stages=[Stage(Path("x"), ["tasks.fit"], drops=[("a/v", "", FAILED, "no room")])]
    )
    assert "Failed: v of a: no room." in main_table(everywhere).notes  # a task without a column


def test_a_test_set_that_is_not_whole_is_told_under_the_table() -> None:
    """Its figures stand beside those that papers have of all utterances."""
    stages = [
        Stage(Path("a"), ["pseudo.transcribe"], drops=[("t-27", "pseudo.transcribe", "audio: non-finite", "9.5 s")]),
        Stage(Path("b"), ["score.systems"], drops=[("t-27", "score.systems", UNHEARD, "set fleurs_test")]),
    ]
    notes = main_table(run_of([result("a", 80)], stages=stages)).notes
    told = "fleurs_test is not whole: 1 utterance was heard by no system: t-27 (audio: non-finite)."
    assert told in notes


def test_a_failed_task_is_no_utterance_of_the_funnel(recipe: Recipe) -> None:
    recipe.whole()
    drops = [("it1.base/toasts", FAILED, "out of memory"), ("PAL-s01-1", "too short", "0.1 s")]
    recipe.record("exp/probe", ["tasks.fit"], ["data"], {"rows": 2}, drops=drops)
    assert "In all dropped: 5 rows, 4 utterances." in document(report(recipe.ins))


def test_the_protocol_of_the_tasks_is_named_and_of_a_mixed_run_that_of_each_task() -> None:
    plain = result("a", 80)
    assert conditions(run_of([plain]))[0].endswith(" Protocol: strict (everything chosen on dev).")
    loose = result("a", 10, CER, "u", protocol="superb-compat")
    assert conditions(run_of([replace(plain, protocol="star"), loose]))[0].endswith(
        " Protocol: star (superb-compat, with the rates and schedules of STaR's own runs) for T; superb-compat (as the "
        "benchmark's code: utterances of a batch are padded to one length) for U."
    )


def test_tasks_that_train_on_random_pieces_are_named() -> None:
    cropped = result("a", 10, CER, "u", conditions={"crop_seconds": 8.0})
    assert conditions(run_of([result("a", 80), cropped]))[0].endswith(" Random pieces in training: 8 s for U.")


def test_the_measures_of_the_run_are_named_and_published_rows_have_their_own_ranking() -> None:
    published = (
        SuperbRow("HuBERT", {"PR": 5.41, "KS": 96.3}, 80.8, 941.0, 1.0),
        SuperbRow("FBANK", {"PR": 82.0, "KS": 41.4}, 46.5, 0.0, 2.0),
        SuperbRow("lacks one", {"PR": 9.8}),
    )
    scored = SuperbResult(("PR",), ("PR", "KS"), (SuperbRow("a", {"PR": 20.0}, ranking=1.0),), published)
    run = run_of([result("a", 20, CER)], superb=scored)
    (note,) = superb.notes(run)
    assert "Measures of the benchmark in this run: PR; published, and not here: KS." in note
    (theirs,) = superb.published(run)
    assert [rows["Ranking ↓"] for rows in rows_of(theirs).values()] == ["1.0", "2.0", None]
    assert (
        theirs.notes[0]
        == "Ranking is computed here: the mean rank over the tasks among the 2 rows that have all of them."
    )
    assert rows_of(main_table(run))["a"]["Ranking ↓"] == "1.0" and "HuBERT" not in markdown(main_table(run))


def test_pictures_of_rates_stand_on_the_page_of_both_kinds_of_recipe(recipe: Recipe) -> None:
    recipe.whole()
    chosen = {"lr": 0.01, "dev": {"0.01": 70.0, "0.001": 60.0}}
    recipe.edit("exp/probe/it1.base/asr.json", chosen=chosen)
    for kind in ("ssl", "superb"):
        made = report(recipe.ins, kind=kind)
        (section,) = (section for section in made.sections if section.id == "rates")
        assert isinstance(section.blocks[0], Pictures) and section.title in document(made)
