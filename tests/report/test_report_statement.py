from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.report.compare import judge
from toolkit.report.probes import BASELINES, Row, Task
from toolkit.report.results import Results
from toolkit.report.statement import statement
from toolkit.report.tables import Estimate, Judged


def task(value: float, half: float = 2.0, metric: str = "accuracy", **paired: Estimate) -> Task:
    estimate = Estimate(value, value - half, value + half)
    return Task("phone", metric, estimate, 100, "frames", "speaker", 95, None, None, {}, None, None, None, paired)


def row(name: str, parameters: int = 7, **tasks: Task) -> Row:
    kind = name.split(".")[0]
    return Row(name, name, parameters, 3, None, tasks, kind if kind in BASELINES else "model")


def said(*rows: Row) -> str:
    """All sentences of the statement on some rows: what they show, a bar, what they do not."""
    found = statement(Results(rows=list(rows)), False)
    return "\n".join(map(str, [*found.shows, "|", *found.lacks]))


def cells(number: int, *rows: Row) -> list[list[str]]:
    """Cells of one of the statement's tables as a reader sees them."""
    return [list(map(str, row)) for row in statement(Results(rows=list(rows)), False).tables[number].rows]


ESTIMATES = st.tuples(st.floats(0, 100), st.floats(0, 20))


@settings(deadline=None)
@given(ESTIMATES, ESTIMATES)
def test_ahead_means_that_the_low_end_lies_above_the_other_high_end(a, b):
    outcome = judge(task(*a), task(*b)).outcome
    ahead, behind = a[0] - a[1] > b[0] + b[1], a[0] + a[1] < b[0] - b[1]
    assert outcome == ("ahead" if ahead else "behind" if behind else "not told apart")


@settings(deadline=None)
@given(ESTIMATES, ESTIMATES, st.sampled_from(["cer", "WER", "eer"]))
def test_of_an_error_rate_the_lower_is_ahead(a, b, metric):
    swapped = {"ahead": "behind", "behind": "ahead", "not told apart": "not told apart"}
    higher_is_better = judge(task(*a), task(*b)).outcome
    assert judge(task(*a, metric=metric), task(*b, metric=metric)).outcome == swapped[higher_is_better]


def test_a_paired_test_decides_where_there_is_one():
    mine = task(60, 5, random=Estimate(3, 1, 5))
    assert judge(mine, task(57, 5)) == Judged("not told apart", Estimate(3))
    assert judge(mine, task(57, 5), "random") == Judged("ahead", Estimate(3, 1, 5))
    assert judge(replace(mine, metric="cer"), replace(task(57, 5), metric="cer"), "random").outcome == "behind"
    assert judge(task(60, 5, random=Estimate(3, -1, 5)), task(57, 5), "random").outcome == "not told apart"


def test_without_a_figure_or_an_interval_nothing_is_claimed():
    bare = replace(task(60), estimate=Estimate(60))
    assert [judge(*pair) for pair in ((task(60), None), (None, task(60)), (bare, task(10)))] == [
        Judged("not measured")
    ] * 3


@pytest.mark.parametrize(
    ("phone", "random", "sentence"),
    [
        (60, 30, "same shape: it1.base ahead on phone.\n|"),
        (
            31,
            30,
            "|\nAgainst a random initialisation of the same shape: it1.base ahead on none, not told apart on phone",
        ),
        (20, 30, "same shape: it1.base behind on phone.\n|"),
    ],
)
def test_the_statement_follows_the_figures(phone, random, sentence):
    rows = [row("random", phone=task(random)), row("it1.base", phone=task(phone))]
    assert sentence in said(*rows)
    assert cells(0, *rows) == [["it1.base", str(judge(task(phone), task(random)))]]
    assert cells(0, *rows)[0][1].endswith(f"{phone - random:+.1f} †")


def test_models_that_come_out_alike_share_a_clause():
    models = [row(name, phone=task(v), asr=task(50, metric="cer")) for name, v in (("a", 60), ("b", 61), ("c", 30))]
    random = row("random", phone=task(40), asr=task(90, metric="cer"))
    title = "Against a random initialisation of the same shape"
    assert f"{title}: a and b ahead on all 2 tasks; c ahead on ASR and behind on phone." in said(random, *models)


def test_a_model_is_held_against_chance_on_the_tasks_that_have_one():
    tasks = {
        "phone": replace(task(60), chance=12.0),
        "dialect": replace(task(21), chance=20.0),
        "emotion": replace(task(10), chance=25.0),
        "asr": task(40, metric="cer"),
    }
    title = "Against chance, always the most frequent class of training: it1.base"
    cautions = " ".join(statement(Results(rows=[row("it1.base", **tasks)]), False).cautions)
    assert "chance is taken as exact" in cautions and "This is one run: another seed may give" in cautions
    text = said(row("it1.base", **tasks))
    assert f"{title} ahead on phone and behind on emotion." in text
    assert f"{title} not told apart on dialect." in text
    assert "chance" not in said(row("it1.base", asr=tasks["asr"]))


def test_a_baseline_that_is_missing_is_said_to_be():
    text = said(row("it1.base", phone=task(60)))
    assert "Whether it1.base is ahead of random initialisation cannot be said" in text
    assert "Whether it1.base is ahead of FBANK or stacked FBANK cannot be said" in text


def test_a_model_is_held_against_the_better_filter_bank_of_each_task():
    """Plain FBANK is better at ASR, where lower is better, and stacked FBANK at phones."""
    plain = row("fbank", 0, phone=task(40), asr=task(40, metric="cer"))
    stacked = row("fbank_stacked", 0, phone=task(50), asr=task(60, metric="cer"))
    model = row("it1.base", phone=task(70), asr=task(50, metric="cer"))
    assert "the better of FBANK and stacked FBANK: it1.base ahead on phone and behind on ASR." in said(
        plain, stacked, model
    )
    table = statement(Results(rows=[plain, stacked, model]), False).tables[0]
    assert [c.title for c in table.columns[1:]] == ["Phone acc. ↑, against stacked FBANK", "ASR CER ↓, against FBANK"]
    assert list(map(str, table.rows[0])) == ["it1.base", "ahead +20.0 †", "behind +10.0 †"]


def test_the_paired_difference_is_the_one_to_the_filter_bank_that_is_named():
    rows = [row("fbank", 0, phone=task(57, 5)), row("fbank_stacked", 0, phone=task(55, 5))]
    mine = task(60, 5, fbank=Estimate(3, -1, 7), fbank_stacked=Estimate(5, 1, 9))
    assert cells(0, *rows, row("it1.base", phone=mine)) == [["it1.base", "not told apart +3.0 [-1.0, 7.0]"]]


@pytest.mark.parametrize(("there", "gone"), [("fbank", "stacked FBANK"), ("fbank_stacked", "FBANK")])
def test_one_filter_bank_that_is_missing_leaves_the_other_and_is_said(there, gone):
    rows = [row(there, 0, phone=task(40)), row("it1.base", phone=task(70), asr=task(50, metric="cer"))]
    assert "the better of" not in said(*rows)
    assert f"No probe folder has a row of {gone}." in said(*rows)
    assert cells(0, *rows) == [["it1.base", "ahead +30.0 †", "not measured"]]


def test_intervals_over_utterances_are_said_not_to_cover_speakers():
    def caution(*tasks):
        names = dict(zip(("phone", "asr"), tasks))
        return statement(Results(rows=[row("it1.base", **names)]), False).cautions[0]

    few = replace(task(50), blocks="utterance")
    assert "speakers" not in caution(task(60), task(50))
    assert "On ASR that is the choice of utterances: variation between speakers is not covered." in caution(
        task(60), few
    )


def test_a_model_is_held_against_the_random_network_of_its_own_size():
    small, large = row("random.S", 7, phone=task(20)), row("random.L", 9, phone=task(40))
    model = row("it3.S", 7, phone=task(30))
    assert Results(rows=[large, small, model]).twin(model) is small
    assert "it3.S against random.L of another size behind on phone" in said(large, model)


def test_a_twin_of_another_model_is_never_the_random_network_of_this_one():
    """Two students of one shape have as many weights each; the twin says whose it is."""
    twins = [replace(row(f"random.{name}", phone=task(20)), of=name) for name in ("it3-pca.S", "it3-raw.S")]
    models = [row(name, phone=task(30)) for name in ("it3-pca.S", "it3-raw.S")]
    results = Results(rows=[*twins, *models])
    assert [results.twin(model) for model in models] == twins
    assert Results(rows=[twins[0], models[1]]).twin(models[1]) is None


def test_the_statement_of_synthetic_audio_says_so():
    assert "SYNTHETIC" in statement(Results(), True).cautions[-1]
    assert not any("SYNTHETIC" in caution for caution in statement(Results(), False).cautions)
