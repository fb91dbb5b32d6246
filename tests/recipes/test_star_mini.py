"""The embedded recipe of the STaR kind, in nano, with the teacher of the ssl recipe; docs/adding-a-loss.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, House
from plans import planned_mb, taken_mb, within

pytestmark = pytest.mark.recipe

WAYS = ("both", "arm", "units", "none")


@pytest.fixture(scope="module")
def house(new_house: Callable[[], House], nano: Path) -> House:
    made = new_house()
    shutil.copytree(nano / "exp/it2/L", made.root / "teacher/L")
    return made


@pytest.fixture(scope="module")
def recipe(house: House) -> Path:
    """A run of four ways with a given teacher."""
    code, written = house.run("mini/star", *words(house))
    assert code == 0, written
    return house.root / "egs/mini/star/nano"


def words(house: House) -> list[str]:
    return ["--preset", "nano", "--nj", "2", "--losses", " ".join(WAYS), "--teacher", str(house.root / "teacher/L")]


def test_the_disk_that_the_plan_states_is_what_the_run_takes_within_a_factor_of_three(
    house: House, recipe: Path
) -> None:
    places = [word for place in ("data", "dump", "exp") for word in (f"--{place}", f"planned/{place}")]
    total, _ = planned_mb(house, "mini/star", *words(house), *places, "--hours", "0.03")
    assert within(total, taken_mb(recipe))


def test_the_teacher_and_a_student_of_each_way_have_every_task_and_a_rank(recipe: Path) -> None:
    rows = {row["system"]: row for row in json.loads((recipe / "exp/superb/superb.json").read_text())["rows"]}
    assert rows.keys() == {"fbank", "teacher.L", *(f"{way}.s1" for way in WAYS)}
    assert all(row["ranking"] and len(row["values"]) == 6 for row in rows.values())
    table = (recipe / "exp/RESULTS.md").read_text(encoding="utf-8")
    assert "layer_wise of cosines + intra_layer of cosines (code-mean) of teacher.L" in table.replace("|", " ")
    assert not (recipe / "exp/it1/base").exists()
    pairs = table.partition("## Paired differences")[2].partition("\n## ")[0]
    assert all(f"{way}.s1 − teacher.L" in pairs for way in WAYS if way != "none")


def test_blocks_that_reuse_attention_leave_in_a_format_of_ours_and_are_scored(recipe: Path) -> None:
    tree = json.loads((recipe / "exp/arm/s1/hf/config.json").read_text())
    assert tree["model_type"] == "sawt-hubert" and tree["sawt"]["reuse_attention"] is True
    assert "transformers does not" in (recipe / "exp/arm/s1/hf/README.md").read_text()
    sizes = {
        way: json.loads((recipe / f"exp/tasks/{way}.s1/row.json").read_text())["parameters"] for way in ("arm", "both")
    }
    assert sizes["arm"] < sizes["both"]


def test_a_second_run_has_nothing_to_do_and_one_more_way_makes_its_own_student_alone(
    house: House, recipe: Path
) -> None:
    code, written = house.run("mini/star", *words(house))
    assert code == 0 and "nothing to do" in written, written
    before = (recipe / "exp/both/s1/record.json").read_bytes()
    more = [*words(house), "--losses", " ".join([*WAYS, "prediction"]), "--stop-stage", "distil.prediction"]
    code, written = house.run("mini/star", *more)
    assert code == 0 and (recipe / "exp/prediction/s1/hf").is_dir(), written
    assert (recipe / "exp/both/s1/record.json").read_bytes() == before


def test_every_config_of_a_way_is_read(house: House) -> None:
    ways = {p.stem for p in (ROOT / "egs/TEMPLATE/star/conf").glob("*.yaml")}
    ways -= {"student", "report", "it1", "by_teacher", "contamination", "structure", "ways", "both-L"}
    assert len(ways) == 14
    for preset in ("quick", "full"):
        code, written = house.run("mini/star", "--preset", preset, "--losses", " ".join(sorted(ways)), "--plan")
        assert code == 0, written


@pytest.mark.long
def test_every_command_of_the_document_on_losses_works(new_house: Callable[[], House]) -> None:
    own = new_house()
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs/adding-a-loss.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    env = {**os.environ, "SAWT_PYTHON": str(ROOT / ".venv/bin/python3"), "PYTHONPATH": str(own.root)}
    script = "set -euo pipefail\n" + "".join(blocks)
    done = subprocess.run(["bash", "-c", script], cwd=own.root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    student = own.root / "egs/mini/star/nano/exp/cosine/s1"
    assert "cosine" in (student / "loss.tsv").read_text().splitlines()[0].split("\t")
