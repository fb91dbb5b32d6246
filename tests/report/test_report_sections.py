"""Sections that stand only where they have something to show: raw against PCA units, layer by layer."""

import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from report import chain
from report.conftest import report, table

from toolkit.core.errors import UserError
from toolkit.core.schema import dump
from toolkit.report.render.html import page
from toolkit.report.render.markdown import document
from toolkit.report.sections.ablation import ablation_table, ablations, pictures
from toolkit.report.sections.heads import layer_table
from toolkit.report.sources.collect import collect
from toolkit.report.sources.tasks import read_layers

LAYERS = Path("exp/probe/it2.L.layers/it2.L")


def column(tag, name):
    """Last value of a column of the loss.tsv of S on the units of `tag`, read by hand."""
    lines = [line.split("\t") for line in Path(f"exp/{tag}/S/loss.tsv").read_text().splitlines()]
    return float([line[lines[0].index(name)] for line in lines[1:] if line[lines[0].index(name)] != "-"][-1])


def measures(run):
    (pair,) = ablations(run)
    rows = ablation_table(pair, run).rows
    return {str(row[0]): [None if cell is None else str(cell) for cell in row[1:]] for row in rows}


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
    (pair,) = ablations(collect(chain.ins()))
    assert [arm.relative(False) for arm in pair.arms] == pytest.approx([1.0, 1.0])


def test_the_two_students_stand_side_by_side_with_their_paired_differences(recipe):
    rows = measures(collect(recipe.chain() and chain.ins()))
    assert rows["K"] == ["200", "200", ""]
    assert rows["PCA dimensions"] == ["32", "none", ""]
    assert rows["PNMI"] == ["0.566", "0.561", ""]
    gap = chain.FIGURES["it3-pca.S"][2] - chain.FIGURES["it3-raw.S"][2]
    ends = f"[{gap - chain.HALF:.1f}, {gap + chain.HALF:.1f}]"
    assert rows["Dialect acc. % ↑"] == ["49.6 [47.3, 51.9]", "53.9 [51.6, 56.2]", f"{gap:+.1f} {ends} ▼"]
    gap = chain.FIGURES["it3-pca.S"][1] - chain.FIGURES["it3-raw.S"][1]
    assert rows["ASR CER % ↓"][2] == f"{gap:+.1f} [{gap - chain.HALF:.1f}, {gap + chain.HALF:.1f}]"


def test_a_measure_that_an_ablation_lacks_is_a_dash(recipe):
    recipe.chain()
    ins = [path for path in chain.without("it3-raw.S") if path != Path("exp/it3-raw/quality")]
    run = collect(ins)
    rows = measures(run)
    assert rows["PNMI"] == ["0.566", None, ""] and rows["Last relative loss"][1] is None
    assert rows["Last relative loss"][0] is not None and rows["Last loss"][1] is not None
    assert rows["Phone acc. % ↑"][1:] == [None, None]
    assert "–: not measured, not tested, or not among the inputs." in document(report(ins))
    html = page(report(ins))
    assert "S: loss / entropy of units" in html  # the side that has its entropy is drawn
    relative = pictures(0, ablations(run)[0])[1]
    assert "PCA 32, train" in relative.svg and "raw, train" not in relative.svg


def test_a_source_that_names_its_pca_is_still_of_the_same_layer(recipe):
    recipe.chain().edit("dump/it3-pca/labels/header.json", layer="layer 11 of it2.L, PCA 32")
    run = collect(chain.ins())
    assert [pair.source for pair in ablations(run)] == ["layer 11 of it2.L"]
    assert run.teacher(run.board.system("it3-pca.S")) is run.board.system("it2.L")


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
    assert "Units with PCA, and without" not in page(report(ins))
    assert "PCA − raw" not in document(report(ins))


def with_layers(recipe, *changes):
    """layers.json of L, its tasks changed in turn."""
    made = chain.layers()
    tasks = tuple(change(task) for change, task in zip(changes, made.tasks, strict=True))
    recipe.json(f"{LAYERS}/layers.json", dump(replace(made, tasks=tasks)))


def test_the_best_layer_is_the_one_that_dev_chooses_not_the_test_set(recipe):
    recipe.chain()
    with_layers(
        recipe,
        lambda phone: phone,
        lambda asr: replace(asr, dev={**asr.dev, 3: 1.0}),  # an error rate: the lowest is the best
        lambda dialect: replace(dialect, dev=dict.fromkeys(dialect.dev, 50.0)),  # of equals the lowest layer
    )
    assert {task.task: task.best for task in read_layers(LAYERS).tasks} == {"phone": 8, "asr": 3, "dialect": 0}


def test_every_layer_stands_with_its_interval_and_chance_below(recipe):
    recipe.chain()
    made = layer_table(read_layers(LAYERS))
    assert [row[0] for row in made.rows] == ["0 (input of block 1)", *map(str, range(1, 13)), "chance"]
    assert [c.title for c in made.columns] == ["Layer", "Phone acc. % ↑", "ASR CER % ↓", "Dialect acc. % ↑"]
    assert list(map(str, made.rows[8][1:])) == ["72.0 [69.0, 74.5]", "58.0 [55.0, 60.5]", "54.0 [51.0, 56.5]"]
    assert made.rows[-1][1:] == ["12.0", None, "20.0"]
    assert made.notes[0].startswith("Best on dev: layer 8 for phone, layer 10 for ASR and layer 4 for dialect. ")
    assert "95 % over 9 speakers" in " ".join(made.notes)


def test_layers_are_a_section_of_both_forms_and_no_row_of_the_table_of_systems(recipe):
    made = report(recipe.chain() and chain.ins())
    assert len([row for row in made.main.rows if "it2.L" in str(row[0])]) == 2
    html = page(made)
    assert re.search(r"Dialect acc. % by layer: layer 0 54.0 \[51.0, 56.5\]", html)
    assert "ring: layer 4, best on dev; dashed: chance, 20.0 %" in html
    assert "**Layer by layer: iteration 2 (it2.L) (this run)**" in document(made)
    assert table(made, "depth").rows[0][0] == "0 (input of block 1)"
    without = report([path for path in chain.ins() if "layers" not in path.name])
    assert "Layer by layer" not in page(without)


def test_layers_of_one_network_given_twice_are_refused(recipe):
    recipe.chain()
    shutil.copytree(LAYERS, "exp/again")
    with pytest.raises(UserError, match=r"systems layer by layer given twice: it2\.L"):
        collect([*chain.ins(), Path("exp/again")])


def damaged(change):
    tree = dump(chain.layers())
    change(tree["tasks"][0])
    return tree


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda task: task.update(test={}, dev={}), "the same states, and at least one"),
        (lambda task: task["dev"].pop("3"), "the same states, and at least one"),
        (lambda task: task.update(dev={"three": 1.0}), r"tasks\[0\].dev.three: the name is not a number"),
        (lambda task: task.update(test=7), r"tasks\[0\].test is 7, not a mapping"),
        (lambda task: task["test"]["2"].pop("n"), r"tasks\[0\].test.2.n is missing"),
    ],
)
def test_layers_that_cannot_be_are_refused(recipe, change, message):
    recipe.chain()
    recipe.json(f"{LAYERS}/layers.json", damaged(change))
    with pytest.raises(UserError, match=message) as error:
        collect(chain.ins())
    assert "tasks.fit" in error.value.remedy


def test_layer_weights_are_shares_of_their_sum_and_those_of_untrained_networks_are_folded(recipe):
    made = report(recipe.chain() and chain.ins())
    (section,) = (section for section in made.sections if section.id == "weights")
    _, heats, folded = section.blocks
    assert [heat.title for heat in heats.heats] == ["phone", "ASR", "dialect", "emotion"]
    names = [[name for name, _ in heat.rows] for heat in heats.heats]
    assert "it3-pca.ST, fine-tuned" in names[1] and "it3-pca.ST, fine-tuned" not in names[0]
    for _, squares in heats.heats[0].rows:
        assert sum(float(square.tip.split()[2]) for square in squares) == pytest.approx(100, abs=1)
    assert all(name.endswith(", random") for heat in folded.blocks[0].heats for name, _ in heat.rows)
