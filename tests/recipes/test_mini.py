"""The embedded recipe, whole, in its nano preset."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import made_bytes
from plans import planned_mb, taken_mb, within

pytestmark = pytest.mark.recipe


def test_it_makes_every_row_of_the_table(nano: Path) -> None:
    results = (nano / "exp/RESULTS.md").read_text(encoding="utf-8")
    rows = ["FBANK 40", "FBANK 40 stacked ±3 (baseline)"]
    for model in ("1 (it1.base)", "2 (it2.L)", "3 (it3-pca.S)", "3 (it3-pca.ST)"):
        rows += [f"iteration {model}", f"{model[3:-1]}, random"]
    table = results.split("**Systems (this run)**")[1].split("\n\n")[1].splitlines()
    named = [line.split("|")[1].strip() for line in table]
    assert [row for row in [*rows, "it3-pca.ST, fine-tuned", "chance"] if row not in named] == []
    headings = [cell.strip() for cell in table[0].split("|")[3:-1]]
    assert headings == ["Phone frame acc. % ↑", "ASR CER % ↓", "ASR WER % ↓", "Dialect acc. % ↑", "Emotion acc. % ↑"]
    line, _, warning, *_ = results.split("\n")
    assert line.startswith("# Results: ") and line.endswith("; SYNTHETIC audio") and "SYNTHETIC" in warning
    tasks = {p.name.removesuffix(".items.tsv") for p in (nano / "exp/probe").glob("*/*.items.tsv")}
    tasks |= {p.name.removesuffix(".items.tsv") for p in (nano / "exp/probe").glob("*/*/*.items.tsv")}
    assert tasks == {"phone", "asr", "dialect", "emotion"}
    page = (nano / "exp/report/index.html").read_text(encoding="utf-8")
    assert "<audio" in page and "http://" not in page.replace("http://www.w3.org", "")


def test_training_and_units_have_measured_figures(nano: Path) -> None:
    for book, model in (("it1", "base"), ("it2", "L"), ("it3-pca", "S"), ("it3-pca", "ST")):
        quality = json.loads((nano / f"exp/{book}/quality/quality.json").read_text())
        assert 0 < quality["pnmi"] < 1 and quality["clusters_used"] > 1
        rows = (nano / f"exp/{book}/{model}/loss.tsv").read_text().splitlines()
        assert len(rows) > 2


def test_no_model_claims_another_k_than_its_codebooks(nano: Path) -> None:
    for book, model in (("it1", "base"), ("it2", "L"), ("it3-pca", "S"), ("it3-pca", "ST")):
        codebook, header, units = (
            json.loads((nano / path).read_text())
            for path in (
                f"exp/{book}/codebook/codebook.json",
                f"dump/{book}/labels/header.json",
                f"exp/{book}/{model}/hf/config.json",
            )
        )
        units = units["sawt"]["units"]
        assert (
            codebook["k"] == header["k"] == units["k"] and codebook["hash"] == header["codebook"] == units["codebook"]
        )
        assert codebook["pca"] == header["pca"] == units["pca"] == (8 if book == "it3-pca" else 0)
        assert f"{codebook['k']} units" in (nano / f"exp/{book}/{model}/hf/README.md").read_text()


def test_the_disk_that_the_plan_states_is_what_the_run_takes_within_a_factor_of_three(nano: Path, new_house) -> None:
    total, stages = planned_mb(new_house(), "mini/ssl", "--preset", "nano")
    assert within(total, taken_mb(nano))
    outputs = {"data": ("data", "dump/sets"), "it1.base": ("exp/it1/base",), "it2.L": ("exp/it2/L",)}
    for stage, folders in {**outputs, "results": ("exp/report",)}.items():  # those that take more than a few MB
        assert within(stages[stage], taken_mb(*(nano / folder for folder in folders))), stage


@pytest.mark.long
def test_both_ablations_are_an_option_each_and_appear_in_the_report(nano: Path, new_house) -> None:
    house = new_house()
    made = Path(shutil.copytree(nano, house.root / "egs/mini/ssl/nano"))
    words = ("--preset", "nano", "--targets", "both", "--layers", "it2.L")
    code, output = house.run("mini/ssl", *words)
    assert code == 0, output
    for name in ("it1/base", "it2/L", "it3-pca/ST"):  # what was there is not made again
        assert (made / f"exp/{name}/record.json").read_bytes() == (nano / f"exp/{name}/record.json").read_bytes()
    for row in ("fbank", "it2.L", "random.it3-pca.S"):  # nor is a row, beside which others are new
        before, after = (folder / f"exp/probe/{row}/phone.json" for folder in (nano, made))
        assert after.stat().st_mtime_ns == before.stat().st_mtime_ns
    results = (made / "exp/RESULTS.md").read_text(encoding="utf-8")
    assert "## Units with PCA, and without" in results and "it3-raw.S" in results
    assert "## Layer by layer" in results
    page = (made / "exp/report/index.html").read_text(encoding="utf-8")
    assert page.count("<svg") > (nano / "exp/report/index.html").read_text(encoding="utf-8").count("<svg")


def test_a_copied_recipe_with_an_arabic_name_and_a_space_runs_and_nj_1_gives_the_bytes_of_nj_4(nano, new_house) -> None:
    """To the labels of the second iteration: no later stage has shards of another kind."""
    house, words = new_house(), ("--preset", "nano", "--stop-stage", "it2.label")
    shutil.copytree(house.root / "egs/mini", house.root / "egs/صوت 2")
    code, output = house.run("صوت 2/ssl", *words, "--nj", "1")
    assert code == 0, output
    one, four = made_bytes(house.root / "egs/صوت 2/ssl/nano"), made_bytes(nano)
    assert one.keys() <= four.keys() and any(name.startswith("dump/it2/labels/") for name in one)
    assert [name for name in one if one[name] != four[name]] == []
    code, output = house.run("صوت 2/ssl", *words)
    assert code == 0 and "nothing to do" in output
