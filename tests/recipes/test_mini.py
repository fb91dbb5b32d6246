"""The embedded recipe, whole, in its nano preset."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import made_bytes

pytestmark = pytest.mark.recipe


def test_it_makes_every_row_of_the_table(nano: Path) -> None:
    results = (nano / "exp/RESULTS.md").read_text(encoding="utf-8")
    for row in ("FBANK", "stacked", "andom", "iteration 1 (it1.base)"):
        assert row in results
    assert "synthetic" in results.lower()
    tasks = {p.stem for p in (nano / "exp/probe").glob("*/*.json")} - {"row", "cost"}
    assert tasks == {"phone", "asr", "dialect", "emotion"}
    page = (nano / "exp/report/index.html").read_text(encoding="utf-8")
    assert "<audio" in page and "http://" not in page.replace("http://www.w3.org", "")


def test_training_and_units_have_measured_figures(nano: Path) -> None:
    quality = json.loads((nano / "exp/it1/quality/quality.json").read_text())
    assert 0 < quality["pnmi"] < 1 and quality["clusters_used"] > 1
    rows = (nano / "exp/it1/base/loss.tsv").read_text().splitlines()
    assert len(rows) > 2


def test_a_copied_recipe_with_an_arabic_name_and_a_space_runs_and_nj_1_gives_the_bytes_of_nj_4(nano, new_house) -> None:
    house = new_house()
    shutil.copytree(house.root / "egs/mini", house.root / "egs/صوت 2")
    code, said = house.run("صوت 2/ssl", "--preset", "nano", "--nj", "1")
    assert code == 0, said
    one, four = made_bytes(house.root / "egs/صوت 2/ssl/nano"), made_bytes(nano)
    assert one.keys() == four.keys()
    assert [name for name in one if one[name] != four[name]] == []
    code, said = house.run("صوت 2/ssl", "--preset", "nano")
    assert code == 0 and "nothing to do" in said
