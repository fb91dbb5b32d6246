"""Unit quality against scikit-learn's mutual information and the definitions, counted the slow way."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

from toolkit.core.errors import UserError
from toolkit.data.kaldi import Utterance
from toolkit.data.labels import LabelHeader, Labels, write_labels
from toolkit.units.phone_measures import entropy_bits, phone_measures
from toolkit.units.phones import phone_frames, read_phones
from toolkit.units.quality import joint_counts, quality, run_length_mean

PAIRS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 5)), min_size=1, max_size=60)


def measures(pairs: list[tuple[str, int]]) -> dict[str, float | None]:
    units, phones = np.array([u for _, u in pairs], np.uint16), [p for p, _ in pairs]
    return phone_measures(joint_counts([units], [phones], 6)[0])


@settings(max_examples=80, deadline=None)
@given(PAIRS)
def test_pnmi_is_scikit_learns_mutual_information_over_the_phones_entropy(pairs: list[tuple[str, int]]) -> None:
    phones, units = zip(*pairs)
    h = entropy(list(Counter(phones).values()))
    pnmi = measures(pairs)["pnmi"]
    if h == 0:
        assert pnmi is None
    else:
        assert pnmi == pytest.approx(mutual_info_score(phones, units) / h, abs=1e-9)
        assert 0 <= pnmi <= 1


@settings(max_examples=80, deadline=None)
@given(PAIRS)
def test_purities_are_what_the_definitions_say(pairs: list[tuple[str, int]]) -> None:
    phones, units = zip(*pairs)
    best_phone = {u: Counter(p for p, v in pairs if v == u).most_common(1)[0][1] for u in set(units)}
    best_unit = {p: Counter(u for q, u in pairs if q == p).most_common(1)[0][1] for p in set(phones)}
    figures = measures(pairs)
    assert figures["phone_purity"] == pytest.approx(sum(best_phone.values()) / len(pairs))
    assert figures["cluster_purity"] == pytest.approx(sum(best_unit.values()) / len(pairs))


def test_units_that_are_phones_are_perfect_and_one_unit_tells_nothing() -> None:
    perfect = measures([("a", 0), ("b", 1), ("c", 2)] * 5)
    assert perfect == {"phone_purity": 1.0, "cluster_purity": 1.0, "pnmi": pytest.approx(1.0)}
    blind = measures([("a", 3), ("a", 3), ("b", 3)])
    assert blind == {"phone_purity": pytest.approx(2 / 3), "cluster_purity": 1.0, "pnmi": 0.0}


def test_frames_without_a_phone_do_not_count() -> None:
    counts, names = joint_counts([np.array([0, 1, 2], np.uint16)], [["a", "", "b"]], 3)
    assert names == ["a", "b"] and counts.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert set(phone_measures(np.zeros((0, 3))).values()) == {None}


def test_entropy_is_in_bits() -> None:
    assert entropy_bits(np.array([1, 1, 1, 1])) == pytest.approx(2.0)
    assert entropy_bits(np.array([3, 1, 0])) == pytest.approx(entropy([3, 1], base=2))
    assert entropy_bits(np.array([7])) == 0.0


def test_runs_end_with_their_utterance() -> None:
    assert run_length_mean([np.array([1, 1, 2]), np.array([2, 2, 2])]) == pytest.approx(6 / 3)
    assert run_length_mean([]) == 0.0


@pytest.mark.parametrize("rate, expected", [(100.0, 35.0), (50.0, 70.0)])
def test_the_mean_run_in_milliseconds_takes_the_rate_into_account(tmp_path: Path, rate: float, expected: float) -> None:
    """7 frames in 2 runs are 3.5 frames: of 10 ms at 100 Hz, of 20 ms at 50 Hz."""
    write_labels(tmp_path, LabelHeader(rate, 5, "h", "mfcc"), ["a"], [np.array([1, 1, 1, 2, 2, 2, 2])])
    figures = quality(Labels.open(tmp_path), [Utterance("a", "", 0.0, None, "s", 0.1)], None)
    assert (figures["run_length_mean"], figures["run_length_ms"]) == (pytest.approx(3.5), pytest.approx(expected))


SPANS = [(0.0, 0.1, "sil"), (0.1, 0.2, "a"), (0.3, 0.4, "b")]


@pytest.mark.parametrize("rate", [50.0, 100.0])
def test_a_frame_has_the_phone_at_its_centre(rate: float) -> None:
    phones = phone_frames(SPANS, int(0.5 * rate), rate)
    for t, phone in enumerate(phones):
        centre = t / rate + 0.0125
        assert phone == next((p for s, e, p in SPANS if s <= centre < e), "")
    assert {"sil", "a", "b", ""} == set(phones)


def test_phones_are_read_in_order_of_time_and_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "phones.ctm"
    path.write_text("u 1 0.5 0.25 b\nu 1 0.0 0.5 a\nv 1 0 1 sil\n")
    assert read_phones(path) == {"u": [(0.0, 0.5, "a"), (0.5, 0.75, "b")], "v": [(0.0, 1.0, "sil")]}
    for bad in (b"u 1 zero 0.5 a", b"u 1 0.0 0.5 \xff"):
        path.write_bytes(b"u 1 0.5 0.25 b\n" + bad + b"\n")
        with pytest.raises(UserError) as e:
            read_phones(path)
        assert e.value.where.endswith("phones.ctm:2")
    assert math.isclose(sum(p == "a" for p in phone_frames([(0.0, 1.0, "a")], 100, 100.0)), 99)
