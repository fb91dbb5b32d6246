"""quality.json of a set, counted again from its labels and phone times, frame by frame."""

from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

from toolkit.core.files import read_json
from toolkit.data.labels import Labels
from toolkit.units import kmeans, label, quality, sample
from toolkit.units.config import UnitsConfig
from toolkit.units.label import LabelConfig
from toolkit.units.phones import read_phones
from toolkit.units.quality import QualityConfig

SMALL = {"sample.frames": 400, "kmeans.k": 8, "sample.strata": "utt2lang"}


def test_quality_of_a_set_is_that_of_its_labels_and_phone_times(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    data = make_data(phones=True)
    lines = (data / "phones.ctm").read_text().splitlines(keepends=True)
    (data / "phones.ctm").write_text("".join(line for line in lines if not line.endswith(" c\n")))
    run_step(sample, UnitsConfig, [data], tmp_path / "s", SMALL)
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", SMALL)
    run_step(label, LabelConfig, [data, tmp_path / "c"], tmp_path / "l")
    run_step(quality, QualityConfig, [data, tmp_path / "l"], tmp_path / "q")
    figures, labels = read_json(tmp_path / "q/quality.json"), Labels.open(tmp_path / "l")
    spans = read_phones(data / "phones.ctm")

    def phone(id: str, frame: int) -> str:
        centre = frame / 100 + 0.0125  # of 25 ms of audio, every 10 ms
        return next((p for start, end, p in spans[id] if start <= centre < end), "")

    pairs = [(phone(id, t), int(unit)) for id in labels for t, unit in enumerate(labels[id])]
    pairs = [(p, unit) for p, unit in pairs if p]
    phones, units = zip(*pairs)
    assert 0 < len(pairs) < labels.frames  # where c was, frames have no phone
    assert (figures["frames_with_phone"], figures["phones"]) == (len(pairs), 2)
    table = Counter(pairs)
    of_unit = sum(max(table[p, unit] for p in "ab") for unit in set(units))
    of_phone = sum(max(table[p, unit] for unit in set(units)) for p in "ab")
    assert figures["phone_purity"] == pytest.approx(of_unit / len(pairs))
    assert figures["cluster_purity"] == pytest.approx(of_phone / len(pairs))
    assert figures["pnmi"] == pytest.approx(mutual_info_score(phones, units) / entropy(list(Counter(phones).values())))
    runs = sum(len(list(groupby(labels[id].tolist()))) for id in labels)
    assert figures["run_length_mean"] == pytest.approx(labels.frames / runs)


def test_examples_are_taken_from_the_languages_in_turn(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    """Of 9 Arabic and 3 English utterances."""
    data = make_data()
    run_step(sample, UnitsConfig, [data], tmp_path / "s", SMALL)
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", SMALL)
    run_step(label, LabelConfig, [data, tmp_path / "c"], tmp_path / "l")
    run_step(quality, QualityConfig, [data, tmp_path / "l"], tmp_path / "q")
    assert [e["lang"] for e in read_json(tmp_path / "q/examples.json")] == ["ENG", "MSA", "ENG", "MSA"]
