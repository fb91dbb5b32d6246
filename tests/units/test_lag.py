"""Phone tables that are late: refused where their times tell, and doubted where the units tell."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from phone_tables import PHONES, SIL, WRONG, Spans, as_given, later, later_and_cut, true_spans, write_corpus

from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.data.labels import LabelHeader, write_labels
from toolkit.units import quality
from toolkit.units.lag import Lag, lag
from toolkit.units.phones import phone_frames
from toolkit.units.quality import QualityConfig

RATE, K, MANY = 100.0, 12, 40


def units_of(spans: Spans, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Two units for each phone, and three for silence, at the times of the phones; one frame in ten is noise."""
    first = {phone: 2 * i for i, phone in enumerate((*PHONES, SIL))}
    units = np.full(round(seconds * RATE), first[SIL], np.int64)
    for start, duration, phone in spans:
        units[round(start * RATE) : round((start + duration) * RATE)] = first[phone]
    units += rng.integers(0, 2, len(units))
    noisy = rng.random(len(units)) < 0.1
    units[noisy] = rng.integers(0, K, noisy.sum())
    return units


def units() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    return {f"متكلم-{i:02}": units_of(spans, seconds, rng) for i, (_, seconds, spans) in enumerate(true_spans(MANY))}


def table(change: Any, silences: bool = True) -> dict[str, list[tuple[float, float, str]]]:
    rows = {f"متكلم-{i:02}": change(spans, start, s) for i, (start, s, spans) in enumerate(true_spans(MANY, silences))}
    return {id: [(s, s + d, p) for s, d, p in spans] for id, spans in rows.items()}


@pytest.mark.parametrize("silences", [True, False])
@pytest.mark.parametrize("shift", [0.52, 0.2, -0.32])
def test_units_tell_by_how_much_a_table_is_late_or_early_and_what_pnmi_would_be(shift: float, silences: bool) -> None:
    moved = lag(units(), table(later(shift), silences), RATE, K)
    assert isinstance(moved, Lag) and moved.factor == 1 and moved.seconds == pytest.approx(shift, abs=0.011)
    assert moved.best > 2 * moved.here
    assert f" s {'late' if shift > 0 else 'early'}: PNMI is {moved.best:.3f} so" in str(moved)


def test_units_have_nothing_against_a_table_in_place_and_nothing_to_say_by_chance() -> None:
    assert lag(units(), table(as_given), RATE, K) is None
    assert lag(units(), table(as_given, silences=False), RATE, K) is None
    rng = np.random.default_rng(5)
    random = {id: rng.integers(0, K, len(of)) for id, of in units().items()}
    assert lag(random, table(later(0.5)), RATE, K) is None


def test_of_few_frames_it_is_said_that_they_are_too_few_and_how_many() -> None:
    few = dict(list(units().items())[:5])
    spans = table(as_given)
    frames = sum(bool(p) for id, of in few.items() for p in phone_frames(spans[id], len(of), RATE))
    assert 0 < frames < 5000
    assert str(lag(few, spans, RATE, K)).startswith(f"{frames:,} frames have a phone and a unit, too few to tell")


@pytest.mark.parametrize("silences", [True, False])
@pytest.mark.parametrize("factor", [0.91875, 1 / 1.1, 0.8, 1.1])
def test_units_tell_times_of_audio_at_another_speed_and_the_factor(factor: float, silences: bool) -> None:
    """Also where an aligner left out the silences, so that no rule about times alone can tell."""

    def change(spans: Spans, start: float, seconds: float) -> Spans:
        return [(s * factor, d * factor, p) for s, d, p in spans]

    off = lag(units(), table(change, silences), RATE, K)
    assert isinstance(off, Lag) and off.seconds == 0 and off.factor == pytest.approx(factor, abs=0.01)
    assert off.best > 1.5 * off.here and f"its times are {off.factor:.3f} of the true ones" in str(off)


@pytest.fixture
def measured(tmp_path: Path, run_step: Callable[..., Any]) -> Callable[[Any], dict[str, Any]]:
    """measured(change) is quality.json of units against a table that is changed so."""

    def measure(change: Any) -> dict[str, Any]:
        data = write_corpus(tmp_path / "dev", change, MANY)
        of = units()
        write_labels(tmp_path / "labels", LabelHeader(RATE, K, "h", "mfcc"), list(of), list(of.values()))
        run_step(quality, QualityConfig, [data, tmp_path / "labels"], tmp_path / "q")
        return dict(read_json(tmp_path / "q/quality.json"))

    return measure


@pytest.mark.parametrize("wrong", ["half a second late", "from the recording's beginning", "frames of 10 ms"])
def test_quality_prints_no_figure_against_times_that_cannot_be_those_of_the_utterances(
    measured: Callable[[Any], dict[str, Any]], wrong: str, tmp_path: Path
) -> None:
    change, cause = WRONG[wrong]
    with pytest.raises(UserError, match="end past their utterance") as refused:
        measured(change)
    assert cause in refused.value.what and refused.value.where == str(tmp_path / "dev/phones.ctm")
    assert not (tmp_path / "q/quality.json").exists()


def test_quality_says_beside_its_figure_that_a_table_which_was_cut_to_fit_looks_late(
    measured: Callable[[Any], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    figures = measured(later_and_cut(0.5))
    by_times, by_units = figures["doubts"]
    assert "are the times late, and cut to fit?" in by_times
    assert re.search(r"if it is 0\.(49|50|51) s late: PNMI is 0\.\d+ so, and 0\.\d+ as it is", by_units)
    output = capsys.readouterr().out
    assert all(f"phones.ctm: {doubt}" in output for doubt in figures["doubts"])


def test_quality_of_a_table_in_place_has_no_doubt_of_it(
    measured: Callable[[Any], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "doubts" not in measured(as_given) and "WARNING" not in capsys.readouterr().out
