"""Sections that stand only where there is something for them: raw against PCA units, layer by layer."""

import math
import re
import shutil
from pathlib import Path

import pytest
from report import chain

from toolkit.core.errors import UserError
from toolkit.report.ablation import ablation_table, ablations, verdict
from toolkit.report.content import gather
from toolkit.report.document import document
from toolkit.report.layers import layer_table, read_layers
from toolkit.report.page import page
from toolkit.report.results import collect

LAYERS = Path("exp/probe/it2.L.layers/it2.L")


def column(tag, name):
    """Last value of a column of the loss.tsv of S on the units of `tag`, read by hand."""
    lines = [line.split("\t") for line in Path(f"exp/{tag}/S/loss.tsv").read_text().splitlines()]
    return float([line[lines[0].index(name)] for line in lines[1:] if line[lines[0].index(name)] != "-"][-1])


def measures(results):
    (found,) = ablations(results)
    return {str(row[0]): [None if cell is None else str(cell) for cell in row[1:]] for row in
            ablation_table(found, results).rows}  # fmt: skip


def test_the_loss_over_the_entropy_of_the_units_is_in_nats_over_nats(recipe):
    rows = measures(collect(recipe.chain() and chain.ins()))
    for side, tag in enumerate(("it3-pca", "it3-raw")):
        nats = chain.UNITS[tag][5] * math.log(2)
        for title, name in (("Last relative loss", "loss_masked"), ("Last relative loss, dev", "dev_loss_masked")):
            assert float(rows[title][side]) == pytest.approx(column(tag, name) / nats, abs=6e-4)
        assert float(rows["Last masked accuracy, dev"][side]) == pytest.approx(
            column(tag, "dev_accuracy_masked"), abs=6e-4
        )


def test_guessing_units_by_their_frequencies_has_a_relative_loss_of_one(recipe):
    """64 units alike have an entropy of 6 bits, and who knows no more has a cross-entropy of ln 64."""
    recipe.chain()
    for tag in ("it3-pca", "it3-raw"):
        recipe.edit(f"exp/{tag}/quality/quality.json", entropy_bits=6.0)
        recipe.write(f"exp/{tag}/S/loss.tsv", f"step\tloss\n10\t{math.log(64):.7g}\n")
    (found,) = ablations(collect(chain.ins()))
    assert [arm.relative(False) for arm in found.arms] == pytest.approx([1.0, 1.0])


def test_the_two_students_stand_side_by_side_with_their_paired_differences(recipe):
    rows = measures(collect(recipe.chain() and chain.ins()))
    assert rows["K"] == ["200", "200", ""]
    assert rows["PCA dimensions"] == ["32", "none", ""]
    assert rows["PNMI"] == ["0.566", "0.561", ""]
    difference = chain.FIGURES["it3-pca.S"][2] - chain.FIGURES["it3-raw.S"][2]
    ends = f"[{difference - chain.HALF:.1f}, {difference + chain.HALF:.1f}]"
    assert rows["Dialect acc. % ↑"] == ["49.6 [47.3, 51.9]", "53.9 [51.6, 56.2]", f"behind {difference:+.1f} {ends}"]


def test_the_verdict_names_the_units_that_were_easier_to_predict(recipe):
    recipe.chain()
    results = collect(chain.ins())
    said = verdict(ablations(results)[0], results)
    assert "so the PCA units were the easier to predict. One run of each, without an interval." in said
    assert said.endswith("the student of PCA units is behind on dialect; not told apart on phone, ASR and emotion.")
    recipe.edit("exp/it3-pca/quality/quality.json", entropy_bits=4.0)
    results = collect(chain.ins())
    assert "so the raw units were the easier to predict." in verdict(ablations(results)[0], results)


def test_what_an_ablation_lacks_is_said(recipe):
    recipe.chain()
    unmeasured = [path for path in chain.without("it3-raw.S") if path != Path("exp/it3-raw/quality")]
    results = collect(unmeasured)
    said = verdict(ablations(results)[0], results)
    assert "the entropy of one of the codebooks' units is not known" in said
    assert "Not both were probed" in said
    html = page(gather(unmeasured))
    assert "S: loss / entropy of units" in html  # the side that has its entropy is drawn
    assert "under relative loss: the entropy of these units was not measured" in html


def test_a_source_that_names_its_pca_is_still_of_the_same_layer(recipe):
    recipe.chain().edit("dump/it3-pca/labels/header.json", layer="layer 11 of it2.L, PCA 32")
    results = collect(chain.ins())
    assert [found.source for found in ablations(results)] == ["layer 11 of it2.L"]
    assert results.teacher(results.row("it3-pca.S")) is results.row("it2.L")


@pytest.mark.parametrize("change", ["another layer", "another model", "both raw"])
def test_only_trainings_that_differ_in_nothing_but_pca_are_an_ablation(recipe, change):
    recipe.chain()
    ins = chain.ins()
    if change == "another layer":
        recipe.edit("dump/it3-raw/labels/header.json", layer="layer 9 of it2.L")
    elif change == "both raw":
        recipe.edit("dump/it3-pca/labels/header.json", pca=0)
    else:
        shutil.move("exp/it3-raw/S", "exp/it3-raw/XS")
        ins = [Path("exp/it3-raw/XS") if path == Path("exp/it3-raw/S") else path for path in ins]
    assert ablations(collect(ins)) == []
    assert "Raw against PCA" not in page(gather(ins))
    assert "Raw against PCA" not in document(gather(ins))


def test_the_best_layer_is_the_one_that_dev_chooses_not_the_test_set(recipe):
    recipe.chain()
    tree = chain.layers()
    by_layer = tree["tasks"]["asr"]["layers"]
    by_layer[3]["dev_percent"] = 1.0  # an error rate: the lowest is the best
    for entry in tree["tasks"]["dialect"]["layers"]:
        entry["dev_percent"] = None
    recipe.json(f"{LAYERS}/layers.json", tree)
    best = {task.task: task.best for task in read_layers(LAYERS).tasks}
    assert best == {"phone": 8, "asr": 3, "dialect": None}


def test_every_layer_stands_with_its_interval_and_chance_below(recipe):
    recipe.chain()
    table = layer_table(read_layers(LAYERS))
    assert [row[0] for row in table.rows] == ["0 (input of block 1)", *map(str, range(1, 13)), "chance"]
    assert [c.title for c in table.columns] == ["Layer", "Phone acc. % ↑", "ASR CER % ↓", "Dialect acc. % ↑"]
    assert list(map(str, table.rows[8][1:])) == ["72.0 [69.0, 74.5]", "58.0 [55.0, 60.5]", "54.0 [51.0, 56.5]"]
    assert table.rows[-1][1:] == ["12.0", None, "20.0"]
    assert table.notes[0] == "Best on dev: layer 8 for phone, layer 10 for ASR and layer 4 for dialect."
    assert "95 % over 9 speakers" in " ".join(table.notes)


def test_layers_are_a_section_of_both_forms_and_no_row_of_table_1(recipe):
    content = gather(recipe.chain() and chain.ins())
    assert len([row for row in content.results.rows if row.group == "it2.L"]) == 2
    html = page(content)
    assert re.search(r"Dialect acc. % by layer: layer 0 54.0 \[51.0, 56.5\]", html)
    assert "ring: layer 4, best on dev; dashed: chance, 20.0 %" in html
    assert "**Layer by layer: iteration 2 (it2.L) (this run)**" in document(content)
    without = gather([path for path in chain.ins() if "layers" not in path.name])
    assert "Layer by layer" not in page(without)


def test_layers_of_one_network_given_twice_are_refused(recipe):
    recipe.chain()
    shutil.copytree(LAYERS, "exp/again")
    with pytest.raises(UserError, match="layer-wise probes given twice"):
        collect([*chain.ins(), Path("exp/again")])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layers": [{"layer": 0, "percent": 1.0}, {"layer": 0, "percent": 2.0}]}, "has layer 0 twice"),
        ({"layers": [7]}, r"layers\[0\] is no mapping"),
        ({"layers": [{"layer": 1.5, "percent": 1.0}]}, r"layers\[0\].layer is 1.5"),
        ({"n": None}, "tasks.phone.n is None"),
    ],
)
def test_layers_that_cannot_be_are_refused(recipe, change, said):
    recipe.chain()
    tree = chain.layers()
    tree["tasks"]["phone"].update(change)
    recipe.json(f"{LAYERS}/layers.json", tree)
    with pytest.raises(UserError, match=said) as error:
        collect(chain.ins())
    assert "tasks.fit" in error.value.remedy


def test_of_units_that_no_network_learnt_to_predict_none_are_called_the_easier(recipe):
    recipe.chain()
    for tag in ("it3-pca", "it3-raw"):
        recipe.edit(f"exp/{tag}/quality/quality.json", entropy_bits=2.0)
    results = collect(chain.ins())
    said = verdict(ablations(results)[0], results)
    assert "easier" not in said and "neither network learnt to predict its units. One run of each" in said
