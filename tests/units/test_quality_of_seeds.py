"""Agreement between the units of two seeds, against scikit-learn's indices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.data.labels import Labels
from toolkit.units import kmeans, label, quality
from toolkit.units.config import UnitsConfig
from toolkit.units.label import LabelConfig
from toolkit.units.quality import QualityConfig, agreement

UTTERANCES = st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=30), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None)
@given(UTTERANCES)
def test_agreement_is_scikit_learns_over_the_frames_of_all_utterances(pairs: list[list[tuple[int, int]]]) -> None:
    a, b = ([np.array([p[side] for p in row], np.uint16) for row in pairs] for side in (0, 1))
    figures, flat = agreement(a, b, 5), (np.concatenate(a), np.concatenate(b))
    if len(flat[0]) == 0:
        assert figures == {"nmi": 1.0, "adjusted_rand": 1.0}
        return
    assert figures["nmi"] == pytest.approx(normalized_mutual_info_score(*flat), abs=1e-9)
    assert figures["adjusted_rand"] == pytest.approx(adjusted_rand_score(*flat), abs=1e-9)


def test_units_that_differ_by_name_alone_agree_and_random_ones_do_not() -> None:
    rng = np.random.default_rng(1)
    units, renamed = rng.integers(0, 20, 5000), rng.permutation(20)
    assert agreement([units], [renamed[units]], 20) == pytest.approx({"nmi": 1.0, "adjusted_rand": 1.0})
    assert abs(agreement([units], [rng.integers(0, 20, 5000)], 20)["adjusted_rand"]) < 0.01


@pytest.fixture
def twin(chain: Callable[..., Path], run_step: Callable[..., Any], small: dict[str, Any], tmp_path: Path) -> Path:
    """A chain, and beside its labels those of a codebook of another seed, in `twin`."""
    made = chain()
    run_step(kmeans, UnitsConfig, [made / "sample"], made / "codebook2", {**small, "seed": 7})
    run_step(label, LabelConfig, [tmp_path / "train", made / "codebook2"], made / "twin")
    return made


def test_quality_says_how_far_the_units_of_two_seeds_agree(
    twin: Path, run_step: Callable[..., Any], tmp_path: Path
) -> None:
    run_step(quality, QualityConfig, [tmp_path / "train", twin / "labels", twin / "twin"], twin / "both")
    figures, alone = read_json(twin / "both/quality.json"), read_json(twin / "quality/quality.json")
    ours, theirs = Labels.open(twin / "labels"), Labels.open(twin / "twin")
    flat = [np.concatenate([of[id] for id in ours]) for of in (ours, theirs)]
    seeds = figures.pop("agreement")
    assert figures == alone
    assert seeds["codebook"] == theirs.codebook
    assert seeds["nmi"] == pytest.approx(normalized_mutual_info_score(*flat))
    assert seeds["adjusted_rand"] == pytest.approx(adjusted_rand_score(*flat))
    assert 0 < seeds["adjusted_rand"] < 1


def test_a_codebook_is_not_held_against_itself_nor_against_one_of_another_size(
    twin: Path, run_step: Callable[..., Any], small: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="the same codebook"):
        run_step(quality, QualityConfig, [tmp_path / "train", twin / "labels", twin / "labels"], twin / "q2")
    run_step(kmeans, UnitsConfig, [twin / "sample"], twin / "codebook3", {**small, "kmeans.k": 5})
    run_step(label, LabelConfig, [tmp_path / "train", twin / "codebook3"], twin / "five")
    with pytest.raises(UserError, match=r"5 units at 100 Hz of mfcc .* against 8 units"):
        run_step(quality, QualityConfig, [tmp_path / "train", twin / "labels", twin / "five"], twin / "q3")


def test_a_twin_without_one_of_the_utterances_is_refused(
    twin: Path, make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    another_set = make_data("other", 4)
    run_step(label, LabelConfig, [another_set, twin / "codebook2"], twin / "few")
    with pytest.raises(UserError, match="12 of 12 utterances have no labels"):
        run_step(quality, QualityConfig, [tmp_path / "train", twin / "labels", twin / "few"], twin / "q4")
