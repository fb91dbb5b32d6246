"""Rows of probe runs in pairs: which, on what, over which draws. Counts are made up; a second row is a hard one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.score.bootstrap import paired_difference
from toolkit.score.compare_probes import CompareConfig, compare, read_rows, run

SPEAKERS, EACH = 6, 5
IDS = [f"متحدث{i % SPEAKERS}-{i:02d}" for i in range(SPEAKERS * EACH)]
Counts = dict[str, tuple[float, float]]


def counts(seed: int, ids: list[str] = IDS) -> Counts:
    """Edits of 20 characters; whole speakers are read well and badly."""
    rng = np.random.default_rng(seed)
    return {id: (float(rng.binomial(20, 0.1 + 0.1 * (ord(id[5]) - ord("0")))), 20.0) for id in ids}


def write(run: Path, row: str, kind: str, counted: Counts, task: str = "asr", **more: Any) -> Path:
    """Result files of a row as tasks.fit writes them."""
    folder = run / row
    write_json(folder / "row.json", {"row": row, "kind": kind})
    edits, length = (sum(column) for column in zip(*counted.values(), strict=True))
    n = length if more.get("unit_of_n") == "frames" else len(counted)
    said = {"task": task, "metric": "CER", "unit_of_n": "utterances", "blocks": "speaker", **more}
    said = {"percent": 100 * edits / length, "n": int(n), **said}
    write_json(folder / f"{task}.json", said)
    lines = (f"{id}\t{id.split('-')[0]}\t{a:.0f}\t{b:.0f}\n" for id, (a, b) in counted.items())
    (folder / f"{task}.counts.tsv").write_text("utterance\tspeaker\tcounted\tof\n" + "".join(lines), encoding="utf-8")
    return run


def pairs(tmp_path: Path, *folders: Path, seed: int = 1) -> tuple[list[dict[str, Any]], Step[CompareConfig]]:
    step = Step(
        CompareConfig(seed),
        list(folders),
        tmp_path / "compare",
        ["score.compare_probes"],
        ledger=Ledger("score.compare_probes"),
    )
    run(step)
    return read_json(tmp_path / "compare/pairs.json"), step


def test_every_model_meets_every_baseline_and_every_other_model_once(tmp_path: Path) -> None:
    base, one, two = (tmp_path / name for name in ("baselines", "it1", "it2"))
    kinds = {"fbank": "fbank", "fbank_stacked": "fbank_stacked"}
    for row, kind in kinds.items():
        write(base, row, kind, counts(1))
    for run_, model in ((one, "it1.base"), (two, "it2.L")):
        write(run_, f"random.{model}", "random", counts(2))
        write(run_, model, "model", counts(3))
        write(run_, model, "model", counts(4), "dialect", metric="accuracy")
    write(tmp_path / "tuned", "it2.L.tuned", "model", counts(5))
    found, step = pairs(tmp_path, base, one, two, tmp_path / "tuned")
    baselines = [*kinds, "random.it1.base", "random.it2.L"]
    models = [("it2.L", "it1.base"), ("it2.L.tuned", "it1.base"), ("it2.L.tuned", "it2.L")]
    wanted = {("asr", model, other) for model in ("it1.base", "it2.L", "it2.L.tuned") for other in baselines}
    wanted |= {("asr", *pair) for pair in models} | {("dialect", "it2.L", "it1.base")}
    assert sorted((p["task"], p["row"], p["other"]) for p in found) == sorted(wanted)
    assert step.counts == {"rows": 7, "pairs": len(wanted)}


@pytest.mark.parametrize(("metric", "ends"), [("CER", np.inf), ("frame accuracy", 1.0)])
@pytest.mark.parametrize("blocks", ["speaker", "utterance"])
def test_differences_are_drawn_as_the_results_say(metric: str, ends: float, blocks: str, tmp_path: Path) -> None:
    first, second = counts(1), counts(2)
    write(tmp_path / "a", "fbank", "fbank", second, metric=metric, blocks=blocks)
    write(tmp_path / "a", "it1.base", "model", first, metric=metric, blocks=blocks)
    (found,), _ = pairs(tmp_path, tmp_path / "a", seed=3)
    speakers = [id.split("-")[0] for id in IDS] if blocks == "speaker" else None
    mine, other = (np.array([c[id] for id in IDS]) for c in (first, second))
    want = paired_difference(mine, other, speakers, 3, (-ends, ends))
    wanted = [100 * want.low, 100 * want.estimate, 100 * want.high]  # type: ignore[operator]
    assert [found[end] for end in ("low", "percent", "high")] == pytest.approx(wanted)
    assert found["percent"] == pytest.approx(100 * (mine.sum(0)[0] - other.sum(0)[0]) / 600)
    assert [found[name] for name in ("n", "blocks", "block_count", "confidence")] == [
        30,
        blocks,
        SPEAKERS if blocks == "speaker" else 30,
        95,
    ]


def test_what_only_one_row_scored_does_not_count_and_is_in_the_ledger(tmp_path: Path) -> None:
    first, second = counts(1), counts(2)
    whole = dict(first)
    del first[IDS[3]]
    write(tmp_path / "a", "it1.base", "model", first)
    write(tmp_path / "a", "fbank", "fbank", second)
    write(tmp_path / "b", "random.it1.base", "random", whole)
    found, step = pairs(tmp_path, tmp_path / "a", tmp_path / "b")
    shared = [id for id in IDS if id != IDS[3]]
    gap = 100 * sum(first[id][0] - second[id][0] for id in shared) / (20 * len(shared))
    assert found[0]["percent"] == pytest.approx(gap) and [p["n"] for p in found] == [29, 29]
    assert set(step.ledger.rows) == {
        (IDS[3], "score.compare_probes", "not scored in every row", "task asr: not in it1.base"),
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ids": ["متحدث1-other"]}, "was scored on different utterances"),
        ({"metric": "WER"}, "was scored by CER and by WER"),
        ({"of": 19.0}, f"different references, e.g. of {IDS[0]}"),
    ],
)
def test_rows_of_different_test_sets_are_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    counted = counts(2, change.pop("ids", IDS))
    of = change.pop("of", 20.0)
    write(tmp_path / "a", "it1.base", "model", counts(1))
    write(tmp_path / "b", "fbank", "fbank", {id: (a, of) for id, (a, _) in counted.items()}, **change)
    with pytest.raises(UserError, match=said):
        pairs(tmp_path, tmp_path / "a", tmp_path / "b")


DIALECTS = {"confusion": {"labels": ["ALG", "JOR"]}, "sets": {"test": "test"}, "metric": "accuracy"}


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"confusion": {"labels": ["ALG", "ENG", "JOR"]}}, "classes"),
        ({"sets": {"test": "other"}}, "sets"),
        ({"tokens": "characters"}, "tokens"),
    ],
)
def test_heads_of_different_conditions_make_no_pair_but_a_row_of_the_ledger(
    change: dict[str, Any], differs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a", "it1.base", "model", counts(1), "dialect", **DIALECTS)
    write(tmp_path / "a", "random", "random", counts(2), "dialect", **DIALECTS)
    write(tmp_path / "b", "fbank", "fbank", counts(2), "dialect", **{**DIALECTS, **change})
    found, step = pairs(tmp_path, tmp_path / "a", tmp_path / "b")
    assert [p["other"] for p in found] == ["random"]
    ((id, _, reason, detail),) = step.ledger.rows
    assert (id, reason) == ("it1.base against fbank", f"a pair of rows with different {differs}")
    assert detail.startswith("task dialect: it1.base ")
    assert f"no pair of it1.base against fbank on dialect: different {differs}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:-2], "its last line has no end"),
        (lambda text: text[: text[:-1].rindex("\n") + 1], "it counts 29 utterances, where the result is of 30"),
        (lambda text: text.replace("\t20\n", "\t2\n", 1), "its lines come to "),
        (lambda text: text.replace("\t20\n", "\n", 1), "line 2 is not `utterance speaker counted of`"),
        (lambda text: text[5:], "its first line is not the names of the columns"),
        (lambda text: "", "it is no table in UTF-8"),
    ],
)
def test_a_table_that_is_not_the_one_of_its_result_is_refused(
    damage: Callable[[str], str], said: str, tmp_path: Path
) -> None:
    write(tmp_path / "a", "it1.base", "model", counts(1))
    table = tmp_path / "a/it1.base/asr.counts.tsv"
    table.write_text(damage(table.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UserError, match=said) as found:
        read_rows([tmp_path / "a"])
    assert found.value.where == str(table) and "--fresh probe" in found.value.remedy


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("row.json", "{}", "row is None"),
        ("row.json", '{"row": "a"', "not JSON"),
        ("row.json", '["row"]', "no mapping"),
        ("asr.json", '{"metric": "CER", "unit_of_n": "utterances", "blocks": 3}', "blocks is 3"),
        ("asr.json", None, "it is missing"),
    ],
)
def test_a_damaged_result_file_is_a_users_mistake(name: str, text: str | None, said: str, tmp_path: Path) -> None:
    write(tmp_path / "a", "it1.base", "model", counts(1))
    path = tmp_path / "a/it1.base" / name
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said) as found:
        read_rows([tmp_path / "a"])
    assert found.value.where == str(path)


def test_a_seed_below_0_is_refused() -> None:
    with pytest.raises(ValueError, match="seed must be at least 0, not -1"):
        CompareConfig(-1)


def test_networks_of_two_frame_rates_can_be_compared(tmp_path: Path) -> None:
    phone = {"task": "phone", "metric": "frame accuracy", "unit_of_n": "frames"}
    write(tmp_path / "a", "it1.base", "model", counts(1), **phone)
    write(tmp_path / "a", "fbank", "fbank", {id: (2 * a, 2 * b) for id, (a, b) in counts(1).items()}, **phone)
    (found,), _ = pairs(tmp_path, tmp_path / "a")
    assert found["percent"] == pytest.approx(0)


def test_a_folder_without_rows_and_a_row_of_two_runs_are_a_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no row of a probe run"):
        read_rows([tmp_path / "empty"])
    for name in ("a", "b"):
        write(tmp_path / name, "fbank", "fbank", counts(1))
    with pytest.raises(UserError, match="two rows are called fbank"):
        read_rows([tmp_path / "a", tmp_path / "b"])
    assert [row.name for row in read_rows([tmp_path / "a", tmp_path / "a"])] == ["fbank"]


def test_runs_set_aside_and_unfinished_shards_are_not_read(tmp_path: Path) -> None:
    write(tmp_path / "a", "fbank", "fbank", counts(1))
    write(tmp_path / "a.aside-1", "fbank", "fbank", counts(1))
    write(tmp_path / "a" / "shards" / "00000", "fbank", "fbank", counts(1))
    assert [row.tasks["asr"].folder for row in read_rows([tmp_path])] == [tmp_path / "a" / "fbank"]


def test_models_without_a_task_in_common_make_no_pair(tmp_path: Path) -> None:
    write(tmp_path / "a", "it1.base", "model", counts(1))
    write(tmp_path / "a", "it2.L", "model", counts(1), "dialect")
    assert compare(read_rows([tmp_path / "a"]), 1, Ledger("")) == []


def test_comparing_needs_no_torch() -> None:
    code = "import sys, toolkit.score.compare_probes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
