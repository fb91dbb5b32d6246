"""Results go to JSON and come back the same; a damaged file is told by the place of its damage."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from toolkit.core.errors import UserError
from toolkit.core.results import (
    Chosen,
    Confusion,
    Cost,
    Figure,
    LayerFigures,
    LayerResults,
    Metric,
    Pair,
    System,
    TaskResult,
)
from toolkit.core.schema import dump, load, read, read_list
from toolkit.core.systems_results import (
    AGREEMENT,
    ALL,
    CER,
    GAP_CLOSED,
    MACRO,
    WER,
    Categories,
    CategoryCounts,
    EditCounts,
    Example,
    Lacking,
    Recogniser,
    SetFinding,
    Share,
    SystemCost,
    SystemsResult,
    TestSet,
    Unmeasured,
)


def broken(path: Path, reason: str) -> UserError:
    return UserError(reason, str(path))


def figure(metric: Metric = WER, value: float = 12.5, **more: Any) -> Figure:
    about = {"low": value - 1, "high": value + 2, "n": 280, "unit_of_n": "utterances"}
    return Figure(metric, value, **{**about, "blocks": "speaker", "block_count": 8, **more})


BY_DIALECT = figure(CER, 7.25, profile="sawt@1", group="اليمن")
ALONE = figure(low=None, high=None, blocks="utterance", block_count=1)
SYSTEM = System("it1.base", "إطار 1", "trained", "it1.base", 3, 0.5, False, 720_000, 3, 128)
FEATURES = System("fbank", "FBANK", "features")
COST = Cost(0.01, None, 412.0, "CPU", 2, 60.0, 1.0)
TASK = TaskResult(
    system="it1.base",
    task="dialect",
    title="لهجة",
    type="classify",
    figures=(figure(agreeing=True), BY_DIALECT, ALONE),
    references="00ff",
    conditions={"classes": ["ALG", "يمن"], "sets": ["train", "dev", "test"], "fold": None},
    protocol="loose",
    chosen=Chosen(0.01, {"0.01": 51.0, "0.1": 40.0}, (1.0,), (0.25, 0.75), {"beam": 4}),
    chance=20.0,
    confusion=Confusion(("ALG", "يمن"), ((3.0, 1.0), (0.5, 2.0))),
    steps=300,
)
LAYERS = LayerResults(SYSTEM, (LayerFigures("dialect", "لهجة", {0: figure(), 11: ALONE}, {0: 9.0, 11: 8.5}, 20.0),))
PAIR = Pair(
    "test", "student", "teacher", figure(value=-2.0), 0.02, 0.04, {"mapsswe": {"segments": 89.0, "z": -2.5, "p": 0.01}}
)
COUNTS = CategoryCounts(4, 0, 1, 3, 20, 5, None, {"correct": Share(3, 75.0), "empty": Share(1, 25.0)})
SYSTEMS_RESULT = SystemsResult(
    reference="teacher",
    floors={"student": "bare"},
    aside=("unadapted",),
    profiles=("orthographic@1", "sawt@1"),
    replicates=10_000,
    confidence=95.0,
    seed=1,
    category_profile="sawt@1",
    category_names=("correct", "empty"),
    rules={"loop_count": 3, "letter_ratio": 2.4},
    systems=(SYSTEM, System("student", "student", "random", "whisper-tiny")),
    recognisers=(Recogniser("student", "3215", {"test": "d562"}),),
    tests=(
        TestSet("test", "test", "set", 89, "speaker", 5, {"MSA": 15, "يمن": 74}),
        TestSet(ALL, "all sets", "all", 98, "speaker or utterance"),
        TestSet(MACRO, "macro over sets", "macro", 98, "speaker or utterance"),
    ),
    results=(TASK, TaskResult("student", ALL, "all sets", "transcribe", (figure(AGREEMENT, -31.0),), "00")),
    counts=(EditCounts("student", "test", "wer", "sawt@1", MACRO, 1, 2, 3, 400, None),),
    pairs=(PAIR,),
    unmeasured=(Unmeasured("student", "test", GAP_CLOSED.name, "sawt@1", "no gap"),),
    categories=(Categories("student", "test", COUNTS, {"يمن": COUNTS}, {"correct": 75.0}, 1, 2, 3, 4),),
    examples=(Example("test", "u-1", "يمن", "مرحبا الساع؟", {"teacher": "مرحبا", "student": ""}),),
    findings=(SetFinding("student", "test", "empty hypotheses under sawt@1", 2, ("u-1", "u-2")),),
    lacking=(Lacking("student", "clips"),),
)
VALUES = [SYSTEM, FEATURES, COST, TASK, LAYERS, PAIR, SYSTEMS_RESULT, SystemCost("student", "test", 3.5, COST)]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_result_comes_back_from_its_file_as_it_was(value: Any, tmp_path: Path) -> None:
    path = tmp_path / "نتيجة.json"
    path.write_text(json.dumps(dump(value), ensure_ascii=False), encoding="utf-8")
    assert read(type(value), path, broken) == value
    path.write_text(json.dumps([dump(value)] * 2), encoding="utf-8")
    assert read_list(type(value), path, broken) == [value] * 2


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_field_that_is_missing_or_of_another_type_is_named(value: Any) -> None:
    tree = dump(value)
    for name in (f.name for f in fields(value) if f.name in tree):
        wrong = 7 if isinstance(tree[name], dict | list | str) else "seven"
        with pytest.raises(UserError, match=rf"^{name} is {wrong!r}, not "):
            load(type(value), {**tree, name: wrong}, lambda reason: UserError(reason, ""))
    for name in required(type(value)):
        less = {key: entry for key, entry in tree.items() if key != name}
        with pytest.raises(UserError, match=f"^{name} is missing"):
            load(type(value), less, lambda reason: UserError(reason, ""))


def required(cls: type) -> list[str]:
    """Fields that a file of this class must have: those that the class cannot be made without."""
    with pytest.raises(TypeError) as e:
        cls()
    return re.findall(r"'(\w+)'", str(e.value))


@pytest.mark.parametrize(
    ("cls", "change", "place"),
    [
        (TaskResult, lambda t: t["figures"][1].update(n=1.5), r"figures\[1\].n is 1.5, not a whole number"),
        (TaskResult, lambda t: t["figures"][0].update(n=True), r"figures\[0\].n is True, not a whole number"),
        (TaskResult, lambda t: t["figures"][2]["metric"].update(better="up"), r"figures\[2\].metric.better is 'up'"),
        (TaskResult, lambda t: t["figures"][0].update(value=math.nan), r"figures\[0\].value is nan, not a finite"),
        (TaskResult, lambda t: t["figures"][0].update(low=99.0), r"figures\[0\]: wer: low is above high"),
        (TaskResult, lambda t: t.update(figures=[]), "dialect: a result without a figure"),
        (TaskResult, lambda t: t["chosen"]["dev"].update({"0.1": "x"}), r"chosen.dev.0.1 is 'x', not a finite number"),
        (TaskResult, lambda t: t["confusion"]["counts"].pop(), "confusion: counts is not a square"),
        (LayerResults, lambda t: t["tasks"][0]["test"].update(x={}), r"tasks\[0\].test.x: the name is not a number"),
        (System, lambda t: t.update(arm="tuned"), "arm is 'tuned', not trained or random or features"),
        (System, lambda t: t.update(kind="x"), "kind is unknown"),
        (Pair, lambda t: t["further"].update(mapsswe=[1]), r"further.mapsswe is \[1\], not a mapping"),
        (SystemsResult, lambda t: t["tests"][1].update(kind="micro"), r"tests\[1\].kind is 'micro', not set or all or"),
        (SystemsResult, lambda t: t["results"][0]["figures"][0].pop("n"), r"results\[0\].figures\[0\].n is missing"),
        (
            SystemsResult,
            lambda t: t["categories"][0]["groups"]["يمن"]["categories"]["empty"].update(count="1"),
            r"categories\[0\].groups.يمن.categories.empty.count is '1', not a whole number",
        ),
        (
            SystemsResult,
            lambda t: t["examples"][0]["hypotheses"].update(teacher=3),
            r"hypotheses.teacher is 3, not a st",
        ),
        (SystemsResult, lambda t: t["lacking"].append(["student", "test"]), r"lacking\[1\] is \['student', 'test'\]"),
    ],
)
def test_damage_is_told_by_its_place(cls: type, change: Any, place: str, tmp_path: Path) -> None:
    value = next(value for value in VALUES if type(value) is cls and value is not FEATURES)
    tree = json.loads(json.dumps(dump(value)))
    change(tree)
    path = tmp_path / "result.json"
    path.write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(UserError, match=place) as e:
        read(cls, path, broken)
    assert str(path) in str(e.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [("{", "not JSON"), ("[]", r"the file is \[\], not a mapping"), (None, "it is missing"), ("3", "the file is 3")],
)
def test_a_file_that_holds_no_result_is_refused(content: str | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "row.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=reason):
        read(System, path, broken)


def test_the_entry_of_a_list_that_is_damaged_is_told_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "cost.json"
    path.write_text(json.dumps([dump(SYSTEM), {"title": "x"}]), encoding="utf-8")
    with pytest.raises(UserError, match=r"\[1\].name is missing"):
        read_list(System, path, broken)
    path.write_text(json.dumps(dump(SYSTEM)), encoding="utf-8")
    with pytest.raises(UserError, match="not a list"):
        read_list(System, path, broken)


def test_a_pair_is_decided_by_an_interval_on_one_side_of_zero_and_turns_round() -> None:
    fewer = Pair(
        "test", "a", "b", figure(value=-2.0, low=-3.0, high=-1.0), 0.01, 0.02, {"mapsswe": {"z": -2.5, "p": 0.01}}
    )
    assert fewer.outcome == "ahead"
    assert fewer.turned.outcome == "behind" and fewer.turned.turned == fewer
    assert (fewer.turned.system, fewer.turned.difference.value) == ("b", 2.0)
    assert (fewer.turned.difference.low, fewer.turned.difference.high) == (1.0, 3.0)
    assert fewer.turned.further == {"mapsswe": {"z": 2.5, "p": 0.01}}
    more = Pair("test", "a", "b", figure(AGREEMENT, -2.0, low=-3.0, high=-1.0))
    assert more.outcome == "behind"
    for ends in ({"low": -3.0, "high": 0.0}, {"low": 0.0, "high": 3.0}, {"low": None, "high": None}):
        assert Pair("test", "a", "b", figure(value=0.0, **ends)).outcome == "not told apart"


def test_a_figure_is_asked_for_by_metric_profile_and_group() -> None:
    assert TASK.decides is TASK.figures[0] and TASK.figure("cer", "sawt@1", "اليمن") == BY_DIALECT
    assert TASK.figure("cer", "sawt@1") is None
    assert SYSTEMS_RESULT.profile == "sawt@1" and SYSTEMS_RESULT.result("it1.base", "dialect") is TASK
    assert SYSTEMS_RESULT.result("it1.base", ALL) is None
    assert SYSTEMS_RESULT.pair("student", "teacher", "test", "") is PAIR
    assert SYSTEMS_RESULT.pair("teacher", "student", "test", "") is None
