"""Tables of survival, histograms and areas, against counting utterance by utterance in plain Python."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pseudo.label_trees import hypothesis, measured
from sklearn.metrics import roc_auc_score

from toolkit.pseudo.criteria import parse, select
from toolkit.pseudo.measures import LABEL_FREE, SCORES, Measures
from toolkit.pseudo.survival import COLUMNS, areas, histograms, survival

LAMBDAS = (0.0, 20.0, 50.0, 100.0, 150.0)
EDGES = (2.0, 5.0)
WORDS = ["نعم", "لا", "يا", "سيدي", "العزيز"]

references = st.none() | st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
labels = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)
rows = st.tuples(
    references,
    labels,
    st.sampled_from(["mgb2", "masc"]),
    st.sampled_from(["EGY", "GLF", ""]),
    st.sampled_from([0.5, 2.0, 4.99, 5.0, 31.0]),
    st.booleans(),
    st.none() | st.sampled_from([-2.0, -0.5, -0.1]),
)
Rows = list[tuple[str | None, str, str, str, float, bool, float | None]]


def measures_of(drawn: Rows) -> Measures:
    pairs = [
        (reference, hypothesis(f"u{i:03d}", label, seconds=seconds, ended=ended, avg_logprob=confidence))
        for i, (reference, label, _, _, seconds, ended, confidence) in enumerate(drawn)
    ]
    return replace(measured(pairs), sets=[row[2] for row in drawn], dialects=[row[3] for row in drawn])


def bin_of(seconds: float) -> str:
    return "0-2" if seconds < 2 else "2-5" if seconds < 5 else "5-"


def naive(drawn: Rows, measures: Measures) -> dict[tuple[str, str, float | None], dict[str, Any]]:
    """(group, value, limit) -> figures, one utterance after the other."""
    table: dict[tuple[str, str, float | None], dict[str, Any]] = {}
    limits: list[float | None] = [None, *(LAMBDAS if any(row[0] for row in drawn) else ())]
    for i, (reference, label, name, dialect, seconds, ended, _) in enumerate(drawn):
        for limit in limits:
            for key in (
                ("all", "all"),
                ("corpus", name),
                ("dialect", dialect or "unknown"),
                ("duration", bin_of(seconds)),
            ):
                row = table.setdefault(
                    (*key, limit), dict.fromkeys(("n", "of", "s", "of_s", "by_cer", "we", "wl", "ce", "cl"), 0)
                )
                if limit is None or reference:
                    row["of"] += 1
                    row["of_s"] += seconds
                good = bool(label) and ended
                if good and (limit is None or (reference and measures.columns["wer"][i] <= limit)):
                    row["n"] += 1
                    row["s"] += seconds
                    if reference:
                        row["we"] += measures.words.edits[i]
                        row["wl"] += len(reference.split())
                        row["ce"] += measures.characters.edits[i]
                        row["cl"] += len(reference)
                if good and (limit is None or (reference and measures.columns["cer"][i] <= limit)):
                    row["by_cer"] += 1
    return table


@given(st.lists(rows, min_size=1, max_size=12))
def test_survival_is_what_counting_gives(drawn: Rows) -> None:
    measures = measures_of(drawn)
    table, wanted = survival(measures, LAMBDAS, EDGES), naive(drawn, measures)
    assert {(r["group"], r["value"], r["lambda"]) for r in table} == set(wanted) and len(table) == len(wanted)
    for row in table:
        assert tuple(row) and set(row) == set(COLUMNS)
        want = wanted[row["group"], row["value"], row["lambda"]]
        assert [row[name] for name in ("utterances", "of", "utterances_by_cer")] == [
            want["n"],
            want["of"],
            want["by_cer"],
        ]
        assert row["hours"] == pytest.approx(want["s"] / 3600, abs=1e-6)
        assert row["of_hours"] == pytest.approx(want["of_s"] / 3600, abs=1e-6)
        assert row["percent"] == (pytest.approx(100 * want["n"] / want["of"]) if want["of"] else None)
        assert row["wer"] == (pytest.approx(100 * want["we"] / want["wl"]) if want["wl"] else None)
        assert row["cer"] == (pytest.approx(100 * want["ce"] / want["cl"]) if want["cl"] else None)


@given(st.lists(rows, min_size=1, max_size=12))
def test_a_higher_limit_never_leaves_less_and_a_selection_keeps_what_its_limit_leaves(drawn: Rows) -> None:
    measures = measures_of(drawn)
    table = [r for r in survival(measures, LAMBDAS, EDGES) if r["group"] == "all" and r["lambda"] is not None]
    counts = [row["utterances"] for row in table]
    assert counts == sorted(counts)
    for row in table:
        assert row["utterances"] == select(measures, "x", parse(f"wer <= {row['lambda']}")).kept.sum()


@given(st.lists(rows, min_size=1, max_size=12))
def test_every_group_parts_all_utterances(drawn: Rows) -> None:
    table = survival(measures_of(drawn), LAMBDAS, EDGES)
    for group in ("corpus", "dialect", "duration"):
        assert sum(r["of"] for r in table if r["group"] == group and r["lambda"] is None) == len(drawn)


def test_without_references_survival_is_one_row_for_each_value() -> None:
    measures = measures_of([(None, "نعم", "mgb2", "", 3.0, True, -0.1), (None, "", "mgb2", "EGY", 3.0, True, -0.1)])
    table = survival(measures, LAMBDAS, EDGES)
    assert [(r["group"], r["value"], r["lambda"], r["utterances"], r["of"]) for r in table] == [
        ("all", "all", None, 1, 2),
        ("corpus", "mgb2", None, 1, 2),
        ("dialect", "EGY", None, 0, 1),
        ("dialect", "unknown", None, 1, 1),
        ("duration", "2-5", None, 1, 2),
    ]
    assert {row["why"] for row in areas(measures, LAMBDAS)} == {"no label has both this score and a reference"}


@given(st.lists(st.none() | st.floats(-4, 1) | st.sampled_from([-3.0, 0.0, -0.3, -2.95]), min_size=1, max_size=30))
def test_a_histogram_counts_every_label_once_in_the_bin_that_holds_it(values: list[float | None]) -> None:
    pairs = [(None, hypothesis(f"u{i:03d}", "نعم", avg_logprob=v)) for i, v in enumerate(values)]
    histogram = histograms(measured([*pairs, (None, hypothesis("z", "", avg_logprob=-1.0))]))["confidence"]
    known, edges = [v for v in values if v is not None], histogram["edges"]
    last = len(edges) - 2
    for i, count in enumerate(histogram["counts"]):
        assert count == sum(edges[i] <= v < edges[i + 1] or (i == last and v == edges[-1]) for v in known)
    assert histogram["unknown"] == len(values) - len(known)
    assert histogram["below"] + sum(histogram["counts"]) + histogram["above"] == len(known)


def test_every_score_has_a_histogram() -> None:
    assert list(histograms(measured([(None, "نعم")]))) == list(SCORES)


@given(st.lists(rows, min_size=1, max_size=20))
def test_areas_are_scikit_learns_over_labels_that_are_labels(drawn: Rows) -> None:
    measures = measures_of(drawn)
    table = {(row["score"], row["lambda"]): row for row in areas(measures, LAMBDAS)}
    assert len(table) == len(LABEL_FREE) * len(LAMBDAS)
    for name, sign in (("confidence", -1), ("characters_per_second", 1), ("loop", 1)):
        values = measures.columns[name]
        among = [
            i
            for i, (reference, label, *_, ended, _) in enumerate(drawn)
            if reference and label and ended and not math.isnan(values[i])
        ]
        for limit in LAMBDAS:
            bad = np.array([measures.columns["wer"][i] > limit for i in among], bool)
            row = table[name, limit]
            assert (row["bad"], row["of"]) == (bad.sum(), len(among))
            if len(among) and bad.any() and not bad.all():
                assert row["auc"] == pytest.approx(roc_auc_score(bad, [sign * values[i] for i in among]), abs=1e-6)
                assert row["why"] == ""
            else:
                assert row["auc"] is None and row["why"]
