"""The embedded recipe of the SUPERB kind, whole, in its nano preset; an encoder of another recipe beside its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import House

pytestmark = pytest.mark.recipe

NANO = ("--preset", "nano")


@pytest.fixture(scope="module")
def house(new_house, nano: Path) -> House:
    made = new_house()
    shutil.copytree(nano / "exp/it2/L", made.root / "other/it2/L")
    code, written = made.run("mini/superb", *NANO, "--upstreams", str(made.root / "other/it2/L/"))
    assert code == 0, written
    return made


def test_every_encoder_has_every_task_and_a_rank(house: House) -> None:
    exp = house.root / "egs/mini/superb/nano/exp"
    rows = {row["system"]: row for row in json.loads((exp / "superb/superb.json").read_text())["rows"]}
    assert set(rows) == {"fbank", "it1.base", "it2.L", "random.it1.base", "random.it2.L"}
    for name, row in rows.items():
        results = {task: json.loads((exp / f"tasks/{name}/{task}.json").read_text()) for task in ("pr", "asr", "er")}
        figures = {of["task"]: {f["metric"]["name"]: f["value"] for f in of["figures"]} for of in results.values()}
        assert row["values"] == {
            "PR": figures["pr"]["per"],
            "ASR": figures["asr"]["wer"],
            "ER": figures["er"]["accuracy"],
        }
    assert sum(row["ranking"] for row in rows.values()) == pytest.approx(5 * 3)


def test_the_table_has_the_ranks_and_the_published_rows_stand_apart(house: House) -> None:
    text = (house.root / "egs/mini/superb/nano/exp/RESULTS.md").read_text(encoding="utf-8")
    ours, theirs = text.split("**SUPERB, rows of its leaderboard and of papers (paper)**")
    head = next(line for line in ours.splitlines() if line.startswith("| System"))
    assert [cell.strip() for cell in head.split("|")[3:-1]][-1] == "Ranking ↓" and "Overall ↑" not in head
    assert "HuBERT base" not in ours and "| HuBERT base" in theirs and "it2.L" not in theirs.split("\n## ")[0]
    assert "STaR, the report's own run, 100 h: doubtful: SD 4.54 is below its teacher's 5.88;" in theirs
    assert "SYNTHETIC" in text.splitlines()[0]


def test_the_report_has_classes_and_the_audio_of_the_worst_utterances(house: House) -> None:
    exp = house.root / "egs/mini/superb/nano/exp"
    text, page = (
        (exp / "RESULTS.md").read_text(encoding="utf-8"),
        (exp / "report/index.html").read_text(encoding="utf-8"),
    )
    (tested,) = {json.loads(path.read_text())["figures"][0]["n"] for path in exp.glob("tasks/*/er.json")}
    (mean,) = (line for line in text.splitlines() if line.startswith("| mean, weighted by support"))
    assert mean.split("|")[-2].strip() == str(tested)
    shown = page.count("data:audio/flac;base64,")
    assert shown == page.count("data:image/png;base64,") == page.count(">answer<") > 10  # each has both
    assert "Protocol: strict" in text and "Measures of the benchmark in this run: PR, ASR and ER" in text


def test_a_second_run_has_nothing_to_do_and_a_task_more_is_a_section(house: House) -> None:
    words = (*NANO, "--upstreams", str(house.root / "other/it2/L"))  # spelt in another way
    code, written = house.run("mini/superb", *words)
    assert code == 0 and "nothing to do" in written, written
    recipe = house.root / "egs/mini/superb"
    before = {p: p.stat().st_mtime_ns for p in (recipe / "nano/exp/tasks/it2.L").glob("*.json")}
    with open(recipe / "conf/nano/tasks.yaml", "a", encoding="utf-8") as f:
        f.write("  did:\n    type: classify\n    title: DID\n    label: utt2lang\n    steps: 5\n    lr: [1e-2]\n")
    code, written = house.run("mini/superb", *words)
    assert code == 0 and "DID acc. % ↑" in (recipe / "nano/exp/RESULTS.md").read_text(encoding="utf-8"), written
    kept = {p: p.stat().st_mtime_ns for p in before if p.stem in ("pr", "asr", "er")}
    assert len(kept) == 3 and all(before[p] == time for p, time in kept.items())
