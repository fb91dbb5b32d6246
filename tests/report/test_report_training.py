import shutil
from pathlib import Path

import pytest
from report.conftest import report

from toolkit.models.encoder import encoder_name
from toolkit.report.render.html import page
from toolkit.report.render.markdown import document
from toolkit.report.sources.collect import collect
from toolkit.report.sources.training import network_name, read_training
from toolkit.train.engine.history import History


@pytest.mark.parametrize("path", ["exp/base", "exp/it1/base", "x/exp/it1/base", "nano/exp/it2/L", "peer"])
@pytest.mark.parametrize("trained", [True, False])
def test_a_network_is_called_as_its_system_is(recipe, path, trained):
    folder = recipe.root / path / "hf" if trained else recipe.root / path
    folder.mkdir(parents=True)
    assert network_name(Path(path)) == encoder_name(Path(path))


def test_a_network_right_under_exp_is_known_among_the_systems(recipe):
    recipe.whole()
    shutil.move("exp/it1/base", "exp/base")
    shutil.move("exp/probe/it1.base", "exp/probe/base")
    recipe.edit("exp/probe/base/row.json", name="base", model="base")
    for path in Path("exp/probe/base").glob("*.json"):
        if path.name not in ("row.json", "cost.json"):
            recipe.edit(str(path), system="base")
    text = document(report([Path("exp/base"), Path("exp/probe")]))
    assert "Not scored" not in text
    run = collect([Path("exp/base"), Path("exp/probe")])
    assert run.reference() is run.board.system("base")
    shutil.rmtree("exp/probe/base")
    assert "Not scored: base." in document(report([Path("exp/base"), Path("exp/probe")]))


def test_losses_of_both_sets_are_read_and_gaps_counted(recipe):
    recipe.whole().write("exp/it1/base/loss.tsv", "step\tloss\tdev_loss\n1\t5\t-\n2\tnan\t-\n3\t4\t4.5\n")
    training = collect(recipe.ins).trainings[0]
    assert training.curves == {"loss": ([1, 3], [5, 4]), "dev loss": ([3], [4.5])}
    assert (training.gaps, training.steps) == (1, 3)


def test_the_columns_that_train_writes_are_the_curves_that_the_report_reads(tmp_path):
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "config.json").write_text("{}")
    with History(tmp_path, 0, tensorboard=False) as history:
        history.write(1, {"loss": 5.0, "accuracy_masked": 0.1}, {}, {"lr": 0.5})
        history.write(2, {"loss": 4.0, "accuracy_masked": 0.2}, {"loss": 4.5, "accuracy_masked": 0.15}, {"lr": 0.25})
    assert read_training(tmp_path).curves == {
        "loss": ([1, 2], [5, 4]),
        "accuracy masked": ([1, 2], [0.1, 0.2]),
        "dev loss": ([2], [4.5]),
        "dev accuracy masked": ([2], [0.15]),
        "lr": ([1, 2], [0.5, 0.25]),
    }


def test_the_accuracy_at_masked_frames_is_drawn(recipe):
    recipe.whole().write("exp/it1/base/loss.tsv", "step\tloss\taccuracy_masked\n1\t5\t0.1\n2\t4\t0.2\n")
    assert "it1.base: accuracy" in page(report(recipe.ins))
