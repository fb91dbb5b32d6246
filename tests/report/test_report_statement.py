from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.report.probes import Row, Task
from toolkit.report.results import Results
from toolkit.report.statement import compare, statement
from toolkit.report.tables import Estimate


def task(value: float, half: float = 2.0, metric: str = "accuracy", **paired: Estimate) -> Task:
    estimate = Estimate(value, value - half, value + half)
    return Task("phone", metric, estimate, 100, "frames", "speaker", 95, None, None, {}, None, None, None, paired)


def row(name: str, parameters: int = 7, **tasks: Task) -> Row:
    return Row(name, name, parameters, 3, None, tasks)


ESTIMATES = st.tuples(st.floats(0, 100), st.floats(0, 20))


@settings(deadline=None)
@given(ESTIMATES, ESTIMATES)
def test_ahead_means_that_the_low_end_lies_above_the_other_high_end(a, b):
    outcome = compare(task(*a), task(*b))[0]
    ahead, behind = a[0] - a[1] > b[0] + b[1], a[0] + a[1] < b[0] - b[1]
    assert outcome == ("ahead" if ahead else "behind" if behind else "not told apart")


@settings(deadline=None)
@given(ESTIMATES, ESTIMATES, st.sampled_from(["cer", "WER", "eer"]))
def test_of_an_error_rate_the_lower_is_ahead(a, b, metric):
    swapped = {"ahead": "behind", "behind": "ahead", "not told apart": "not told apart"}
    higher_is_better = compare(task(*a), task(*b))[0]
    assert compare(task(*a, metric=metric), task(*b, metric=metric))[0] == swapped[higher_is_better]


def test_a_paired_test_decides_where_there_is_one():
    mine = task(60, 5, random=Estimate(3, 1, 5))
    assert compare(mine, task(57, 5))[0] == "not told apart"
    outcome, ground = compare(mine, task(57, 5), "random")
    assert (outcome, ground) == ("ahead", "paired difference 3.0 [1.0, 5.0] points, the two intervals overlap")
    error = replace(mine, metric="cer")
    assert compare(error, replace(task(57, 5), metric="cer"), "random")[0] == "behind"
    assert compare(task(60, 5, random=Estimate(3, -1, 5)), task(57, 5), "random")[0] == "not told apart"


def test_without_a_figure_or_an_interval_nothing_is_claimed():
    bare = replace(task(60), estimate=Estimate(60))
    assert [compare(*pair)[0] for pair in ((task(60), None), (None, task(60)), (bare, task(10)))] == [
        "not measured"
    ] * 3


@pytest.mark.parametrize(
    ("phone", "random", "said"),
    [
        (60, 30, "beats its random initialisation outside the interval on 1 of 1 tasks: phone"),
        (
            31,
            30,
            "does not beat its random initialisation outside the interval on any of 1 tasks. Not told apart on phone",
        ),
        (20, 30, "does not beat its random initialisation outside the interval on any of 1 tasks. Behind on phone"),
    ],
)
def test_the_statement_follows_the_figures(phone, random, said):
    results = Results(rows=[row("random", phone=task(random)), row("it1.base", phone=task(phone))])
    claim = statement(results, False)[0]
    assert said in claim.text
    assert claim.points[0].figures == f"{task(phone).estimate} against {task(random).estimate}; n 100 frames"


def test_a_model_is_held_against_chance_on_the_tasks_that_have_one():
    tasks = {
        "phone": replace(task(60), chance=12.0),
        "dialect": replace(task(21), chance=20.0),
        "emotion": replace(task(10), chance=25.0),
        "asr": task(40, metric="cer"),
    }
    texts = [claim.text for claim in statement(Results(rows=[row("it1.base", **tasks)]), False)]
    said = "it1.base against chance (always the most frequent class of training): above on phone; behind on emotion; "
    assert said + "not told apart on dialect." in texts
    assert not any("chance" in c.text for c in statement(Results(rows=[row("it1.base", asr=tasks["asr"])]), False))


def test_a_baseline_that_is_missing_is_said_to_be():
    texts = [claim.text for claim in statement(Results(rows=[row("it1.base", phone=task(60))]), False)]
    assert any("random initialisation cannot be said" in text for text in texts)
    assert any("ahead of FBANK or stacked FBANK cannot be said" in text for text in texts)


def test_a_model_is_held_against_the_better_filter_bank_of_each_task():
    """Plain FBANK is better at ASR, where lower is better, and stacked FBANK at phones."""
    plain = row("fbank", 0, phone=task(40), asr=task(40, metric="cer"))
    stacked = row("fbank_stacked", 0, phone=task(50), asr=task(60, metric="cer"))
    model = row("it1.base", phone=task(70), asr=task(50, metric="cer"))
    claim = statement(Results(rows=[plain, stacked, model]), False)[1]
    assert claim.text == (
        "it1.base beats the better of FBANK and stacked FBANK outside the interval on 1 of 2 tasks: phone. "
        "Behind on ASR."
    )
    assert [(p.task, p.outcome) for p in claim.points] == [("phone accuracy", "ahead"), ("ASR CER", "behind")]
    assert "against fbank_stacked: 50.0 [48.0, 52.0]" in claim.points[0].figures
    assert "against fbank: 40.0 [38.0, 42.0]" in claim.points[1].figures


def test_the_paired_difference_is_the_one_to_the_filter_bank_that_is_named():
    rows = [row("fbank", 0, phone=task(57, 5)), row("fbank_stacked", 0, phone=task(55, 5))]
    mine = task(60, 5, fbank=Estimate(3, -1, 7), fbank_stacked=Estimate(5, 1, 9))
    point = statement(Results(rows=[*rows, row("it1.base", phone=mine)]), False)[1].points[0]
    assert point.outcome == "not told apart"
    assert "paired difference 3.0 [-1.0, 7.0]" in point.figures


@pytest.mark.parametrize(("there", "gone"), [("fbank", "stacked FBANK"), ("fbank_stacked", "FBANK")])
def test_one_filter_bank_that_is_missing_leaves_the_other_and_is_said(there, gone):
    rows = [row(there, 0, phone=task(40)), row("it1.base", phone=task(70), asr=task(50, metric="cer"))]
    claim = statement(Results(rows=rows), False)[1]
    assert "the better of" not in claim.text
    assert claim.text.endswith(f"The probe folder has no row of {gone}.")
    assert [p.outcome for p in claim.points] == ["ahead", "not measured"]


def test_intervals_over_utterances_are_said_not_to_cover_speakers():
    def caution(*tasks):
        names = dict(zip(("phone", "asr"), tasks))
        return statement(Results(rows=[row("it1.base", **names)]), False)[-1].text

    few = replace(task(50), blocks="utterance")
    assert "speakers" not in caution(task(60), task(50))
    assert "On ASR that is the choice of utterances: variation between speakers is not covered." in caution(
        task(60), few
    )


def test_a_model_is_held_against_the_random_network_of_its_own_size():
    small, large = row("random.S", 7, phone=task(20)), row("random.L", 9, phone=task(40))
    results = Results(rows=[large, small, row("it3.S", 7, phone=task(30))])
    assert results.baseline("random", results.models[0]) is small
    only_large = Results(rows=[large, row("it3.S", 7, phone=task(30))])
    assert "a random initialisation of another size" in statement(only_large, False)[0].text


def test_the_statement_of_synthetic_audio_says_so():
    assert "SYNTHETIC" in statement(Results(), True)[-1].text
    assert not any("SYNTHETIC" in claim.text for claim in statement(Results(), False))
