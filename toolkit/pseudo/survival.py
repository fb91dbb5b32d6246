"""Labels that each WER limit keeps, by corpus, dialect and length; histograms of scores; scores that find bad labels.

Error rates of kept labels are at corpus level: sum of edits divided by sum of reference lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..data.kaldi import UNKNOWN
from ..score.edits import Edits
from .auc import Ranked
from .measures import LABEL_FREE, SCORES, Measures

ALL, CORPUS, DIALECT, DURATION = "all", "corpus", "dialect", "duration"
COLUMNS = (
    *("group", "value", "lambda", "utterances", "of", "percent", "hours", "of_hours", "wer", "cer"),
    *("utterances_by_cer", "hours_by_cer"),
)
DIGITS = 6  # decimals of hours, rates and areas in the output


def survival(measures: Measures, lambdas: Sequence[float], duration_edges: Sequence[float]) -> list[dict[str, Any]]:
    """Rows of COLUMNS: for each group and value, all labels (`lambda` None), then those that each limit keeps.

    Without a limit `of` counts all utterances with a label; with one, those with error rates. A label that is empty or
    cut off is never kept. If no utterance has error rates, there are no rows with limits.
    """
    limits: list[float | None] = [None, *(sorted(lambdas) if measures.referenced.any() else ())]
    left = [tuple(_left(measures, score, limit) for score in ("wer", "cer")) for limit in limits]
    everybody_N = np.ones(len(measures), bool)
    rows: list[dict[str, Any]] = []
    for group, names, code_N in _groups(measures, duration_edges):
        counted = [
            _counts(measures, code_N, len(names), by_wer_N, by_cer_N, everybody_N if limit is None else None)
            for limit, (by_wer_N, by_cer_N) in zip(limits, left, strict=True)
        ]
        for i, name in enumerate(names):
            rows += [
                {"group": group, "value": name, "lambda": limit, **of_limit[i]}
                for limit, of_limit in zip(limits, counted, strict=True)
            ]
    return rows


def corpus_rates(words: Edits, characters: Edits) -> dict[str, float | None]:
    """WER and CER of a corpus in percent; None if the references have no token."""
    return {
        name: round(100 * total.edits / total.length, DIGITS) if total.length else None
        for name, total in (("wer", words.total), ("cer", characters.total))
    }


def histograms(measures: Measures) -> dict[str, dict[str, Any]]:
    """Score -> histogram over the usable labels.

    A bin includes its lower edge and excludes its upper one; the last bin includes both.
    """
    histograms_by_score = {}
    for name, score in SCORES.items():
        low, high, number = score.bins
        edges = [round(low + (high - low) * i / number, 10) for i in range(int(number) + 1)]
        values = measures.columns[name][measures.whole]
        known = values[~np.isnan(values)]
        histograms_by_score[name] = {
            "meaning": score.meaning,
            "worse": score.worse,
            "edges": edges,
            "counts": np.histogram(known, edges)[0].tolist(),
            "below": int((known < low).sum()),
            "above": int((known > high).sum()),
            "unknown": int(len(values) - len(known)),
        }
    return histograms_by_score


def areas(measures: Measures, lambdas: Sequence[float]) -> list[dict[str, Any]]:
    """How well each score without reference finds labels with a WER above each limit: AUC; 0.5 is chance.

    Over usable labels with error rates and this score. A score whose low values are worse is negated, so that above 0.5
    always means that it helps.
    """
    rows = []
    for name in LABEL_FREE:
        values_N = measures.columns[name]
        among_N = measures.whole & measures.referenced & ~np.isnan(values_N)
        wer = measures.columns["wer"][among_N]
        ranked = Ranked(-values_N[among_N] if SCORES[name].worse == "lower" else values_N[among_N])
        for limit in sorted(lambdas):
            bad = wer > limit
            area = ranked.auc(bad)
            row = {"score": name, "lambda": limit, "bad": int(bad.sum()), "of": len(bad)}
            rows.append({**row, "auc": None if area is None else round(area, DIGITS), "why": _why(bad)})
    return rows


def _why(bad: np.ndarray) -> str:
    """The reason for a missing AUC; empty if there is an AUC."""
    if not len(bad):
        return "no label has both this score and a reference"
    return "no WER is above" if not bad.any() else "every WER is above" if bad.all() else ""


def _left(measures: Measures, score: str, limit: float | None) -> np.ndarray:
    """Mask [N] of the labels that a limit keeps."""
    return measures.whole if limit is None else measures.whole & (measures.columns[score] <= limit)


def _groups(measures: Measures, edges: Sequence[float]) -> Iterator[tuple[str, list[str], np.ndarray]]:
    """(group, its values, number of the value of each utterance [N]); values without an utterance are left out."""
    yield ALL, [ALL], np.zeros(len(measures), np.int64)
    for group, values in (
        (CORPUS, measures.sets),
        (DIALECT, [dialect or UNKNOWN for dialect in measures.dialects]),
    ):
        names = sorted(set(values))
        code = {name: i for i, name in enumerate(names)}
        yield group, names, np.array([code[value] for value in values], np.int64)
    limits = sorted({0.0, *edges})
    bins = [f"{a:g}-{b:g}" for a, b in pairwise(limits)] + [f"{limits[-1]:g}-"]
    used, code_N = np.unique(np.searchsorted(limits, measures.seconds, "right") - 1, return_inverse=True)
    yield DURATION, [bins[i] for i in used], code_N


def _counts(
    measures: Measures,
    code_N: np.ndarray,
    values: int,
    by_wer_N: np.ndarray,
    by_cer_N: np.ndarray,
    of_N: np.ndarray | None,
) -> list[dict[str, Any]]:
    """For each value the kept labels, and how many there were: utterances with error rates if `of_N` is None."""
    of_N = measures.referenced if of_N is None else of_N

    def summed(weights_N: np.ndarray, mask_N: np.ndarray) -> np.ndarray:
        return np.bincount(code_N[mask_N], weights_N[mask_N], values)

    one_N, hours_N = np.ones(len(measures)), measures.seconds / 3600
    kept, of, kept_by_cer = (summed(one_N, mask).astype(int).tolist() for mask in (by_wer_N, of_N, by_cer_N))
    hours, of_hours, hours_by_cer = (
        summed(hours_N, mask).round(DIGITS).tolist() for mask in (by_wer_N, of_N, by_cer_N)
    )
    rates = [
        [
            round(100 * e / n, DIGITS) if n else None
            for e, n in zip(summed(x.edits, by_wer_N), summed(x.lengths, by_wer_N))
        ]
        for x in (measures.words, measures.characters)
    ]
    return [
        {
            "utterances": kept[i],
            "of": of[i],
            "percent": round(100 * kept[i] / of[i], DIGITS) if of[i] else None,
            "hours": hours[i],
            "of_hours": of_hours[i],
            "wer": rates[0][i],
            "cer": rates[1][i],
            "utterances_by_cer": kept_by_cer[i],
            "hours_by_cer": hours_by_cer[i],
        }
        for i in range(values)
    ]
