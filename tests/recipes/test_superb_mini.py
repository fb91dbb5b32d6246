"""The embedded recipe of the SUPERB kind, whole, in its nano preset; an encoder of another recipe beside its own."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import House, made_bytes
from plans import planned_mb, taken_mb, within

pytestmark = pytest.mark.recipe

NANO = ("--preset", "nano")
TASKS = ("pr", "asr", "ks", "ic", "sid", "er")
SYSTEMS = {"fbank", *(f"{kind}{name}" for kind in ("", "random.") for name in ("it1.base", "it2.L", "other.L"))}


@pytest.fixture(scope="module")
def house(new_house, nano: Path) -> House:
    made = new_house()
    shutil.copytree(nano / "exp/it2/L", made.root / "other/L")
    code, written = made.run("mini/superb", *NANO, "--nj", "2", "--upstreams", str(made.root / "other/L/"))
    assert code == 0, written
    return made


def exp(house: House) -> Path:
    return house.root / "egs/mini/superb/nano/exp"


def result(house: House, system: str, task: str) -> Any:
    return json.loads((exp(house) / f"tasks/{system}/{task}.json").read_text())


def test_every_encoder_has_every_task_and_a_rank(house: House) -> None:
    rows = {row["system"]: row for row in json.loads((exp(house) / "superb/superb.json").read_text())["rows"]}
    assert set(rows) == SYSTEMS
    for name, row in rows.items():
        results = {task: result(house, name, task) for task in TASKS}
        figures = {task: {f["metric"]["name"]: f["value"] for f in of["figures"]} for task, of in results.items()}
        assert {of.get("protocol", "strict") for of in results.values()} == {"strict"}
        assert row["values"] == {
            "PR": figures["pr"]["per"],
            "ASR": figures["asr"]["wer"],
            "KS": figures["ks"]["accuracy"],
            "IC": figures["ic"]["accuracy"],
            "SID": figures["sid"]["accuracy"],
            "ER": figures["er"]["accuracy_folds"],
        }
    assert sum(row["ranking"] for row in rows.values()) == pytest.approx(len(SYSTEMS) * (len(SYSTEMS) + 1) / 2)


def test_the_disk_that_the_plan_states_is_what_the_run_takes_within_a_factor_of_three(house: House) -> None:
    places = [word for place in ("data", "dump", "exp") for word in (f"--{place}", f"planned/{place}")]
    total, _ = planned_mb(
        house, "mini/superb", *NANO, "--upstreams", str(house.root / "other/L/"), *places, "--hours", "0.03"
    )
    assert within(total, taken_mb(exp(house).parent))


def test_the_table_has_the_ranks_and_the_published_rows_stand_apart(house: House) -> None:
    text = (exp(house) / "../exp/RESULTS.md").read_text(encoding="utf-8")
    ours, theirs = text.split("**SUPERB, rows of its leaderboard and of papers (paper)**")
    head = next(line for line in ours.splitlines() if line.startswith("| System"))
    assert [cell.strip() for cell in head.split("|")[3:-1]][-1] == "Ranking ↓" and "Overall ↑" not in head
    assert all(f"{task.upper()} " in head for task in TASKS)
    assert "HuBERT base" not in ours and "| HuBERT base" in theirs and "| it2.L" not in theirs.split("\n## ")[0]
    assert "STaR, the report's own run, 100 h: doubtful: SD 4.54 is below its teacher's 5.88;" in theirs
    assert "SYNTHETIC" in text.splitlines()[0]


def test_the_report_has_classes_and_the_audio_of_the_worst_utterances(house: House) -> None:
    text = (exp(house) / "RESULTS.md").read_text(encoding="utf-8")
    page = (exp(house) / "report/index.html").read_text(encoding="utf-8")
    tested = {result(house, "fbank", task)["figures"][0]["n"] for task in ("ks", "sid", "er")}
    means = [line for line in text.splitlines() if line.startswith("| mean, weighted by support")]
    assert len(means) == 3 and {int(mean.split("|")[-2]) for mean in means} == tested
    shown = page.count("data:audio/flac;base64,")
    assert shown == page.count("data:image/png;base64,") == page.count(">answer<") > 10  # each has both
    assert "Protocol: strict" in text
    assert "Measures of the benchmark in this run: PR, ASR, KS, SID, IC and ER" in text


def test_a_second_run_has_nothing_to_do_and_a_task_more_is_a_section(house: House) -> None:
    words = (*NANO, "--upstreams", str(house.root / "other/L"))  # spelt in another way
    code, written = house.run("mini/superb", *words)
    assert code == 0 and "nothing to do" in written, written
    recipe = house.root / "egs/mini/superb"
    before = {p: p.stat().st_mtime_ns for p in (exp(house) / "tasks/it2.L").glob("*.json")}
    with open(recipe / "conf/nano/tasks.yaml", "a", encoding="utf-8") as f:
        f.write("  did:\n    type: classify\n    title: DID\n    label: utt2lang\n    steps: 5\n    lr: [1e-2]\n")
    code, written = house.run("mini/superb", *words)
    assert code == 0 and "DID acc. % ↑" in (exp(house) / "RESULTS.md").read_text(encoding="utf-8"), written
    kept = {p: p.stat().st_mtime_ns for p in before if p.stem in TASKS}
    assert len(kept) == len(TASKS) and all(before[p] == time for p, time in kept.items())


def test_one_task_alone_has_the_same_result_in_a_folder_of_its_own(house: House) -> None:
    words = (*NANO, "--task", "ic", "--upstreams", str(house.root / "other/L"))
    code, written = house.run("mini/superb", *words, "--stage", "tasks", "--stop-stage", "scores")
    assert code == 0, written
    for name in ("ic.json", "ic.items.tsv"):
        alone, among = (exp(house) / folder / "it1.base" / name for folder in ("ic/tasks", "tasks"))
        assert alone.read_bytes() == among.read_bytes()
    assert json.loads((exp(house) / "ic/tasks/tasks.json").read_text()) == ["ic"]


@pytest.mark.long
def test_killed_anywhere_in_its_tasks_the_recipe_ends_with_the_same_bytes(house: House, new_house) -> None:
    """Kill -9 of all processes, at moments drawn anew until the stage is through."""
    killed = new_house()
    recipe = killed.root / "egs/mini/superb"
    shutil.copytree(exp(house).parent, recipe / "nano")
    shutil.copy(house.root / "egs/mini/superb/conf/nano/tasks.yaml", recipe / "conf/nano/tasks.yaml")
    for name in ("tasks", "compare", "superb", "report", "ic"):
        shutil.rmtree(recipe / "nano/exp" / name, ignore_errors=True)
    words = (*NANO, "--stage", "tasks")
    rng, kills = random.Random(17), 0
    while kills < 2:
        process = killed.start("mini/superb", *words, "--nj", str(1 + kills % 2))
        time.sleep(rng.uniform(2, 6))
        if process.poll() is not None:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        kills += 1
    code, written = killed.run("mini/superb", *words)
    assert code == 0 and kills, written
    wanted, made = (
        {n: b for n, b in made_bytes(h.root / "egs/mini/superb/nano").items() if n.startswith("exp/tasks")}
        for h in (house, killed)
    )
    records = [name for name in made if name.endswith("record.json")]
    assert {name for name in wanted if "other.L" not in name} == made.keys() and len(records) == 1
    assert [name for name in made if wanted[name] != made[name] and name not in records] == []
