"""The order in which k-means sees its sample: its subsamples are the first rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.data.ark import Features
from toolkit.units import sample
from toolkit.units.config import UnitsConfig
from toolkit.units.frames import Sample


def test_a_sample_is_loaded_in_random_order_of_its_seed(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    run_step(sample, UnitsConfig, [make_data()], tmp_path / "s", {"sample.frames": 400, "sample.strata": "utt2lang"})
    whole = np.concatenate(list(Features(tmp_path / "s/feats.scp").values()))
    one, again, two = (Sample(tmp_path / "s").load(seed).numpy() for seed in (1, 1, 2))
    assert sorted(row.tobytes() for row in one) == sorted(row.tobytes() for row in whole)
    assert np.array_equal(one, again) and not np.array_equal(one, two) and not np.array_equal(one, whole)
    place = {row.tobytes(): i for i, row in enumerate(whole)}
    for first in (one, two):  # the first rows come from all utterances: of 400 places, mean 200, of 100 rows ± 10
        assert abs(np.mean([place[row.tobytes()] for row in first[:100]]) - 200) < 50
