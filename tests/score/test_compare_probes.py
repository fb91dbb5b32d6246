"""Systems of task runs in pairs: which, on what, over which draws. Counts are made up; a speaker is a hard one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.core.record import Ledger
from toolkit.core.results import Confusion, Figure, Metric, Pair, System, TaskResult
from toolkit.core.schema import dump, read_list
from toolkit.core.step import Step
from toolkit.score.bootstrap import paired_difference
from toolkit.score.compare_probes import CompareConfig, compare, read_systems, run
from toolkit.score.items import Items, figure, write_items

SPEAKERS, EACH = 6, 5
IDS = [f"متحدث{i % SPEAKERS}-{i:02d}" for i in range(SPEAKERS * EACH)]
CER, ACCURACY = Metric("cer", "%", "low", "CER"), Metric("accuracy", "%", "high", "acc.")
MACRO_F1 = Metric("macro_f1", "%", "high", "macro F1", "macro_f1", minor=True)
Counts = dict[str, tuple[float, float]]
Arm = Literal["trained", "random", "features"]


def counts(seed: int, ids: list[str] = IDS) -> Counts:
    """Edits of 20 characters; whole speakers are read well and badly."""
    rng = np.random.default_rng(seed)
    return {id: (float(rng.binomial(20, 0.1 + 0.1 * (ord(id[5]) - ord("0")))), 20.0) for id in ids}


def items_of(counted: Counts, metric: Metric, reference: str = "", unit: str = "utterances") -> Items:
    speakers = [id.split("-")[0] for id in counted]
    references = [reference or f"ref {id}" for id in counted]
    return Items(
        list(counted), speakers, references, [""] * len(counted), {metric.name: np.array([*counted.values()])}, unit
    )


def write(
    folder: Path,
    name: str,
    arm: Arm,
    counted: Counts,
    task: str = "asr",
    metric: Metric = CER,
    by_speaker: bool = True,
    reference: str = "",
    unit: str = "utterances",
    **more: Any,
) -> Path:
    """Result files of a system as tasks.fit writes them."""
    items = items_of(counted, metric, reference, unit)
    figures = (figure(metric, items, by_speaker=by_speaker),)
    write_result(folder / name, arm, items, TaskResult(name, task, task, "ctc", figures, items.digest, **more))
    return folder


def write_result(folder: Path, arm: Arm, items: Items, result: TaskResult) -> None:
    write_json(folder / "row.json", dump(System(result.system, result.system, arm)))
    write_json(folder / f"{result.task}.json", dump(result))
    write_items(folder / f"{result.task}.items.tsv", items)


def pairs(tmp_path: Path, *folders: Path, seed: int = 1) -> tuple[list[Pair], Step[CompareConfig]]:
    step = Step(
        CompareConfig(seed),
        list(folders),
        tmp_path / "compare",
        ["score.compare_probes"],
        ledger=Ledger("score.compare_probes"),
    )
    run(step)
    path = tmp_path / "compare/pairs.json"
    return read_list(Pair, path, lambda path, why: AssertionError(f"{path}: {why}")), step


def test_every_model_meets_every_baseline_and_every_other_model_once(tmp_path: Path) -> None:
    base, one, two = (tmp_path / name for name in ("baselines", "it1", "it2"))
    features = ("fbank", "fbank_stacked")
    for name in features:
        write(base, name, "features", counts(1))
    for folder, model in ((one, "it1.base"), (two, "it2.L")):
        write(folder, f"random.{model}", "random", counts(2))
        write(folder, model, "trained", counts(3))
        write(folder, model, "trained", counts(4), "dialect", ACCURACY)
    write(tmp_path / "tuned", "it2.L.tuned", "trained", counts(5))
    made, step = pairs(tmp_path, base, one, two, tmp_path / "tuned")
    baselines = [*features, "random.it1.base", "random.it2.L"]
    models = [("it2.L", "it1.base"), ("it2.L.tuned", "it1.base"), ("it2.L.tuned", "it2.L")]
    wanted = {("asr", model, rival) for model in ("it1.base", "it2.L", "it2.L.tuned") for rival in baselines}
    wanted |= {("asr", *pair) for pair in models} | {("dialect", "it2.L", "it1.base")}
    assert sorted((p.task, p.system, p.against) for p in made) == sorted(wanted)
    assert step.counts == {"rows": 7, "pairs": len(wanted)}


@pytest.mark.parametrize(("metric", "ends"), [(CER, np.inf), (ACCURACY, 1.0)], ids=["error rate", "accuracy"])
@pytest.mark.parametrize("by_speaker", [True, False])
def test_differences_are_drawn_as_the_results_say(
    metric: Metric, ends: float, by_speaker: bool, tmp_path: Path
) -> None:
    first, second = counts(1), counts(2)
    write(tmp_path / "a", "fbank", "features", second, metric=metric, by_speaker=by_speaker)
    write(tmp_path / "a", "it1.base", "trained", first, metric=metric, by_speaker=by_speaker)
    ((pair,), _) = pairs(tmp_path, tmp_path / "a", seed=3)
    drawn = pair.difference
    speakers = [id.split("-")[0] for id in IDS] if by_speaker else None
    mine, theirs = (np.array([c[id] for id in sorted(IDS)]) for c in (first, second))
    if speakers:
        speakers = sorted(speakers)
    want = paired_difference(mine, theirs, speakers, 3, (-ends, ends))
    wanted = [100 * want.low, 100 * want.estimate, 100 * want.high]  # type: ignore[operator]
    assert [drawn.low, drawn.value, drawn.high] == pytest.approx(wanted)
    assert drawn.value == pytest.approx(100 * (mine.sum(0)[0] - theirs.sum(0)[0]) / 600)
    blocks = ("speaker", SPEAKERS) if by_speaker else ("utterance", len(IDS))
    assert (drawn.metric, drawn.n, drawn.blocks, drawn.block_count, drawn.confidence) == (metric, 30, *blocks, 95)


def labelled(folder: Path, name: str, arm: Arm, right: float, seed: int) -> None:
    """A task of three labels, by accuracy and by macro F1; every utterance has one of the three."""
    rng, labels = np.random.default_rng(seed), ["ALG", "JOR", "PAL"]
    references = [labels[i // SPEAKERS % 3] for i in range(len(IDS))]
    answers = [r if rng.uniform() < right else labels[rng.integers(3)] for r in references]
    right_of = np.array([[float(a == r), 1.0] for a, r in zip(answers, references, strict=True)])
    speakers = [id.split("-")[0] for id in IDS]
    items = Items(IDS, speakers, references, answers, {"accuracy": right_of})
    figures = tuple(figure(metric, items, labels) for metric in (ACCURACY, MACRO_F1))
    confusion = Confusion(tuple(labels), tuple(map(tuple, items.confusions(labels).sum(0).tolist())))
    result = TaskResult(name, "dialect", "dialect", "classify", figures, items.digest, confusion=confusion)
    write_result(folder / name, arm, items, result)


def test_every_metric_of_a_task_is_tested_macro_f1_too_and_the_deciding_one_stands_first(tmp_path: Path) -> None:
    labelled(tmp_path, "fbank", "features", 0.3, 1)
    labelled(tmp_path, "it1.base", "trained", 0.9, 2)
    made, _ = pairs(tmp_path, tmp_path)
    assert [p.difference.metric for p in made] == [ACCURACY, MACRO_F1]
    scored = {s.system.name: s.tasks["dialect"].result for s in read_systems([tmp_path])}
    for pair, mine, theirs in zip(made, scored["it1.base"].figures, scored["fbank"].figures, strict=True):
        assert pair.difference.value == pytest.approx(mine.value - theirs.value)
        assert pair.outcome == "ahead"


def test_an_item_that_one_system_alone_has_does_not_count_and_is_in_the_ledger(tmp_path: Path) -> None:
    first, second = counts(1), counts(2)
    whole = dict(first)
    del first[IDS[3]]
    write(tmp_path / "a", "it1.base", "trained", first)
    write(tmp_path / "a", "fbank", "features", second)
    write(tmp_path / "b", "random.it1.base", "random", whole)
    made, step = pairs(tmp_path, tmp_path / "a", tmp_path / "b")
    shared = [id for id in IDS if id != IDS[3]]
    gap = 100 * sum(first[id][0] - second[id][0] for id in shared) / (20 * len(shared))
    assert made[0].difference.value == pytest.approx(gap) and [p.difference.n for p in made] == [29, 29]
    assert set(step.ledger.rows) == {
        (IDS[3], "score.compare_probes", "not scored in every row", "task asr: not in it1.base"),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": ["متحدث1-another"]}, "was scored on different utterances"),
        ({"metric": replace(CER, name="wer")}, "was scored by cer and by wer"),
        ({"reference": "another text"}, f"different references, e.g. of {IDS[0]}"),
    ],
)
def test_systems_of_different_test_sets_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    counted = counts(2, change.pop("ids", IDS))
    write(tmp_path / "a", "it1.base", "trained", counts(1))
    write(tmp_path / "b", "fbank", "features", counted, **change)
    with pytest.raises(UserError, match=message):
        pairs(tmp_path, tmp_path / "a", tmp_path / "b")


CONDITIONS = {"classes": ["ALG", "JOR"], "sets": ["train", "dev", "test"]}


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"classes": ["ALG", "ENG", "JOR"]}, "classes"),
        ({"sets": ["train", "dev", "clips"]}, "sets"),
        ({"tokens": "characters"}, "tokens"),
    ],
)
def test_tasks_under_different_conditions_make_no_pair_but_a_row_of_the_ledger(
    change: dict[str, Any], differs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a", "it1.base", "trained", counts(1), "dialect", ACCURACY, conditions=CONDITIONS)
    write(tmp_path / "a", "random", "random", counts(2), "dialect", ACCURACY, conditions=CONDITIONS)
    write(tmp_path / "b", "fbank", "features", counts(2), "dialect", ACCURACY, conditions={**CONDITIONS, **change})
    made, step = pairs(tmp_path, tmp_path / "a", tmp_path / "b")
    assert [p.against for p in made] == ["random"]
    ((id, _, reason, detail),) = step.ledger.rows
    assert (id, reason) == ("it1.base against fbank", f"a pair of rows with different {differs}")
    assert detail.startswith("task dialect: it1.base ")
    assert f"no pair of it1.base against fbank on dialect: different {differs}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:-2], "its last line has no end"),
        (lambda text: text[: text[:-1].rindex("\n") + 1], "its references are not those of the result"),
        (lambda text: text.replace("\tref ", "\tReF ", 1), "its references are not those of the result"),
        (lambda text: text.replace("\t20\n", "\t2\n", 1), "its lines come to "),
        (lambda text: text.replace("\t20\n", "\n", 1), "line 2 does not fit the names of the columns"),
        (lambda text: text.replace("\t20\n", "\ttwenty\n", 1), "line 2 does not fit the names of the columns"),
        (lambda text: text[5:], "its first line is not the names of the columns"),
        (lambda text: text.replace("\tcer\tcer.of\n", "\twer\twer.of\n"), "it has no column cer"),
        (lambda text: "", "it is no table in UTF-8"),
    ],
)
def test_a_table_that_is_not_the_one_of_its_result_is_refused(
    damage: Callable[[str], str], message: str, tmp_path: Path
) -> None:
    write(tmp_path / "a", "it1.base", "trained", counts(1))
    table = tmp_path / "a/it1.base/asr.items.tsv"
    table.write_text(damage(table.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UserError, match=message) as error:
        read_systems([tmp_path / "a"])
    assert error.value.where == str(table) and "--fresh probe" in error.value.remedy


def test_a_result_of_another_number_of_items_than_its_table_is_refused(tmp_path: Path) -> None:
    items = items_of(counts(1), CER)
    wrong: Figure = replace(figure(CER, items), n=31)
    write_result(tmp_path / "a", "trained", items, TaskResult("a", "asr", "ASR", "ctc", (wrong,), items.digest))
    with pytest.raises(UserError, match="it counts 30 utterances, where the result is of 31"):
        read_systems([tmp_path])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("row.json", "{}", "name is missing"),
        (
            "row.json",
            '{"name": "a", "title": "a", "arm": "model"}',
            "arm is 'model', not trained or random or features",
        ),
        ("row.json", '{"name": "a"', "not JSON"),
        ("row.json", '["row"]', "not a mapping of names to values"),
        ("asr.json", '{"system": 3}', "task is missing"),
        ("asr.json", None, "it is missing"),
    ],
)
def test_a_damaged_result_file_is_a_users_mistake(name: str, text: str | None, message: str, tmp_path: Path) -> None:
    write(tmp_path / "a", "it1.base", "trained", counts(1))
    path = tmp_path / "a/it1.base" / name
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as error:
        read_systems([tmp_path / "a"])
    assert error.value.where == str(path)


def test_a_seed_below_0_is_refused() -> None:
    with pytest.raises(ValueError, match="seed must be at least 0, not -1"):
        CompareConfig(-1)


def test_networks_of_two_frame_rates_can_be_compared(tmp_path: Path) -> None:
    doubled = {id: (2 * a, 2 * b) for id, (a, b) in counts(1).items()}
    write(tmp_path / "a", "it1.base", "trained", counts(1), "phone", ACCURACY, unit="frames", reference="a b")
    write(tmp_path / "a", "fbank", "features", doubled, "phone", ACCURACY, unit="frames", reference="a a b b")
    ((pair,), _) = pairs(tmp_path, tmp_path / "a")
    assert pair.difference.value == pytest.approx(0)


def test_a_folder_without_systems_and_a_system_of_two_runs_are_a_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no system of a task run"):
        read_systems([tmp_path / "empty"])
    for name in ("a", "b"):
        write(tmp_path / name, "fbank", "features", counts(1))
    with pytest.raises(UserError, match="two systems are called fbank"):
        read_systems([tmp_path / "a", tmp_path / "b"])
    assert [compared.system.name for compared in read_systems([tmp_path / "a", tmp_path / "a"])] == ["fbank"]


def test_runs_set_aside_and_unfinished_shards_are_not_read(tmp_path: Path) -> None:
    write(tmp_path / "a", "fbank", "features", counts(1))
    write(tmp_path / "a.aside-1", "fbank", "features", counts(1))
    write(tmp_path / "a" / "shards" / "00000", "fbank", "features", counts(1))
    assert [compared.tasks["asr"].folder for compared in read_systems([tmp_path])] == [tmp_path / "a" / "fbank"]


def test_models_without_a_task_in_common_make_no_pair(tmp_path: Path) -> None:
    write(tmp_path / "a", "it1.base", "trained", counts(1))
    write(tmp_path / "a", "it2.L", "trained", counts(1), "dialect", ACCURACY)
    assert compare(read_systems([tmp_path / "a"]), 1, Ledger("")) == []


def test_comparing_needs_no_torch() -> None:
    code = "import sys, toolkit.score.compare_probes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
