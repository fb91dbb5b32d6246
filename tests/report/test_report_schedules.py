"""Trainings by a schedule: what each drew, its labels, its gradients, and figures over the steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.core.results import Figure, Metric
from toolkit.core.schedule_results import SCHEDULE, Drawn, Gradient, ScheduleResult
from toolkit.core.schema import dump
from toolkit.core.ways_results import MEAN, Way, WaysResult
from toolkit.report.section import Pictures, Table
from toolkit.report.sections.schedules import schedules
from toolkit.report.sources.collect import Run
from toolkit.report.sources.schedules import ScheduledRun, read_schedule

F1 = Metric("macro_f1", "%", "high", "macro F1")


def trained(folder: Path, name: str, mean: float = 1.0, labels: dict[str, float] | None = None) -> ScheduledRun:
    """A training as `train.instruct` leaves it, read from its folder; 120 draws of 90 of the 100 items of dialect."""
    made = folder / name
    made.mkdir(parents=True)
    drawn = {"asr": Drawn(80, 200, 80), "dialect": Drawn(120, 100, 90, labels or {})}
    gradients = {"step": Gradient(mean, 0.25), "dialect": Gradient(0.5, 0.125)}
    write_json(made / SCHEDULE, dump(ScheduleResult(name, "uniform", 50, 4, drawn, gradients)))
    (made / "loss.tsv").write_text("step\tloss\n10\t3.5\n50\t1.25\n")
    run = read_schedule(made)
    assert run is not None
    return run


def way(name: str, value: float, share: float = 1.0) -> Way:
    figures = {"dialect": Figure(F1, value, value - 5, value + 5, 90, "utterances", "speaker", 6)}
    return Way(name, (f"{name}.s1",), 1, share, figures, {}, Figure(MEAN, value, value, value, 1, "", "", 1), None)


def blocks(run: Run) -> tuple[dict[str, Table], list]:
    section = schedules(run)
    assert section is not None
    tables = {block.title: block for block in section.blocks if isinstance(block, Table)}
    return tables, [p for block in section.blocks if isinstance(block, Pictures) for p in block.pictures]


def test_seeds_of_an_arm_share_a_row_also_where_each_task_has_its_own_adapter(tmp_path: Path) -> None:
    names = ("uniform/s1", "uniform/s2", "single/s1/asr", "single/s2/asr", "base")
    run = Run([], schedules=[trained(tmp_path, name) for name in names])
    tables, _ = blocks(run)
    assert [row[0] for row in tables["What each schedule drew"].rows] == ["uniform", "single.asr"]


def test_draws_are_counted_with_their_coverage_and_uses(tmp_path: Path) -> None:
    tables, _ = blocks(Run([], schedules=[trained(tmp_path, "ads/s1")]))
    table = tables["What each schedule drew"]
    assert [column.title for column in table.columns] == ["Arm", "Schedule", "Steps", "asr", "dialect"]
    assert table.rows == [["ads", "uniform", "50", "80; 40 %; 1.0×", "120; 90 %; 1.3×"]]


def test_shares_of_labels_are_percents_of_the_first_seed(tmp_path: Path) -> None:
    arms = [
        trained(tmp_path, "ads/s1", labels={"EGY": 0.5, "MSA": 0.5}),
        trained(tmp_path, "ads/s2", labels={"EGY": 1}),
    ]
    tables, _ = blocks(Run([], schedules=[*arms, trained(tmp_path, "single/s1/asr")]))
    table = tables["Shares of labels among the draws"]
    assert [column.title for column in table.columns] == ["Arm", "dialect: EGY", "dialect: MSA"]
    assert [[str(cell) for cell in row] for row in table.rows] == [["ads", "50.0", "50.0"]]


def test_gradients_are_means_over_the_seeds_and_volatility_is_deviation_over_mean(tmp_path: Path) -> None:
    run = Run([], schedules=[trained(tmp_path, "tpc/s1", mean=1.0), trained(tmp_path, "tpc/s2", mean=3.0)])
    tables, _ = blocks(run)
    assert tables["Norm of the gradient"].rows == [["tpc", "2.00", "0.250", "0.25", "0.50; 0.125"]]


def test_figures_over_the_steps_begin_at_the_untuned_base(tmp_path: Path) -> None:
    run = Run([], schedules=[trained(tmp_path, "ads/s1")])
    run.ways = WaysResult({"dialect": "Dialect"}, (way("base", 1), way("ads at 50 %", 30, 0.5), way("ads", 40)), ())
    _, pictures = blocks(run)
    assert [picture.title for picture in pictures] == ["Dialect over the steps", "Training loss"]
    run.ways = WaysResult({"dialect": "Dialect"}, (way("base", 1), way("ads", 40)), ())
    assert [picture.title for picture in blocks(run)[1]] == ["Training loss"], "nothing was scored on the way"


def test_without_schedules_there_is_no_section_and_a_broken_file_is_told(tmp_path: Path) -> None:
    assert schedules(Run([])) is None
    assert schedules(Run([], schedules=[trained(tmp_path, "base")])) is None, "a base alone compares nothing"
    assert read_schedule(tmp_path) is None
    (tmp_path / SCHEDULE).write_text('{"name": 3}')
    with pytest.raises(UserError, match=SCHEDULE):
        read_schedule(tmp_path)
