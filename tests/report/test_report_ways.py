"""Ways of distilling, published directions, insides beside the teacher's: what their tables and pictures tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.core.results import Figure, Metric, System
from toolkit.core.schema import dump
from toolkit.core.structure_results import STRUCTURE, NetworkStructure, Structure
from toolkit.core.ways_results import MEAN, WAYS, Direction, Way, WaysResult
from toolkit.report.board import Board
from toolkit.report.section import Pictures, Table
from toolkit.report.sections.structure import structure
from toolkit.report.sections.training import terms
from toolkit.report.sections.ways import ways
from toolkit.report.sources.collect import Run
from toolkit.report.sources.structure import read_structure
from toolkit.report.sources.training import Training
from toolkit.report.sources.ways import read_ways

WER, ACCURACY = Metric("wer", "%", "low", "WER"), Metric("accuracy", "%", "high", "acc.")


def measured(metric: Metric, value: float) -> Figure:
    return Figure(metric, value, value - 5, value + 5, 90, "utterances", "speaker", 6)


def way(name: str, wer: float, accuracy: float, seeds: int = 1, share: float = 1.0) -> Way:
    students = tuple(f"{name}.s{k + 1}" for k in range(seeds))
    figures = {"ks": measured(ACCURACY, accuracy), "asr": measured(WER, wer)}
    spread = {"asr": 1.5, "ks": 2.5} if seeds > 1 else {}
    mean = measured(MEAN, (100 - wer + accuracy) / 2)
    return Way(name, students, seeds, share, figures, spread, mean, None if share < 1 else 1.5)


def run_of(*made: Way, directions: tuple[Direction, ...] = ()) -> Run:
    systems = [System(student, student, "trained") for name in ("mse", "both") for student in (f"{name}.s1",)]
    titles = {"ks": "KS", "asr": "ASR"}
    run = Run([], ways=WaysResult(titles, made, directions))
    run.board = Board(systems, order=["asr", "ks"])
    return run


def tables(run: Run) -> list[Table]:
    section = ways(run)
    assert section is not None
    return [block for block in section.blocks if isinstance(block, Table)]


def test_ways_stand_in_the_order_of_the_run_with_early_ones_last_and_the_best_in_bold() -> None:
    early = way("both at 10 %", 90, 20, share=0.1)
    (table,) = tables(run_of(early, way("both", 40, 70, seeds=3), way("mse", 45, 75)))
    assert [row[0] for row in table.rows] == ["mse", "both", "both at 10 %"]
    titles = [column.title for column in table.columns]
    assert titles == ["Way", "Seeds", "ASR WER % ↓", "KS acc. % ↑", "Mean ↑", "Ranking ↓"]
    bold = [[bool(getattr(cell, "best", False)) for cell in row[2:4]] for row in table.rows]
    assert bold == [[False, True], [True, False], [False, False]]
    assert table.first == frozenset({2}) and table.rows[2][-1] is None
    assert any("ASR 1.5, KS 2.5" in note for note in table.notes)
    assert any("pooled over the ways with several" in note for note in table.notes)
    (alone,) = tables(run_of(way("both", 40, 70)))
    assert any("One seed of each: another may lie outside." in note for note in alone.notes)


def test_directions_say_what_was_printed_what_came_out_and_why_not() -> None:
    shown = Direction("both > mse", "77.8 and 74.5", "both", "mse", "asr", "shown", measured(WER, -9), (3, 1))
    untold = Direction("both > arm", "", "both", "arm", "", "not tested", note="no arm in this run")
    table = tables(run_of(way("both", 40, 70), directions=(shown, untold)))[1]
    first, second = table.rows
    assert (first[:3], str(first[3]), first[4:]) == (
        ["both > mse", "77.8 and 74.5", "both − mse, ASR"],
        "-9.0 [-14.0, -4.0]",
        ["3 and 1", "shown"],
    )
    assert second == ["both > arm", None, "both − arm", None, None, "not tested (no arm in this run)"]


def test_without_a_comparison_there_is_no_section() -> None:
    assert ways(Run([])) is None and structure(Run([])) is None


def test_insides_stand_beside_the_teachers() -> None:
    grid = ((1.0, 0.5), (0.5, 1.0))
    students = (NetworkStructure("both.s1", (0.1, 0.2, 0.3), grid), NetworkStructure("thin.s1", (0.4, 0.5), grid))
    run = Run([], structure=Structure(NetworkStructure("it2.L", (0.0,) * 3, grid), students, 20, 54.0, "متحدث-01", 2.5))
    section = structure(run)
    assert section is not None
    table, pictures = section.blocks
    assert isinstance(table, Table) and isinstance(pictures, Pictures)
    assert list(table.rows) == [["both.s1", "0.100", "0.200", "0.300"], ["thin.s1", "0.400", "0.500", None]]
    assert [picture.title for picture in pictures.pictures] == ["it2.L", "both.s1", "thin.s1"]
    assert all("<image" in picture.svg and "متحدث-01" in picture.under for picture in pictures.pictures)


def test_losses_by_term_are_drawn_of_distilled_networks_alone() -> None:
    curve = ([1.0], [2.0])
    curves = {name: curve for name in ("loss", "layer wise", "mse", "dev loss", "dev layer wise", "dev mse", "lr")}
    distilled = Training("both.s1", {}, None, curves, 0, losses="layer_wise + mse")
    assert terms(distilled) == ["layer wise", "mse"]
    assert terms(Training("units.s1", {}, None, curves, 0)) == []


@pytest.mark.parametrize(("name", "reader"), [(WAYS, read_ways), (STRUCTURE, read_structure)])
def test_files_are_read_and_broken_ones_told(tmp_path: Path, name: str, reader) -> None:
    assert reader(tmp_path) is None
    whole = WaysResult({}, ()) if name == WAYS else Structure(NetworkStructure("t", (), ()), (), 1, 1.0, "u", 1.0)
    write_json(tmp_path / name, dump(whole))
    assert reader(tmp_path) == whole
    (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match=name):
        reader(tmp_path)
