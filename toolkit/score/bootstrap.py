"""Percentile bootstrap of corpus-level scores, over utterances or over blocks of them (speakers).

Every score here is a function of sums over utterances: an error rate is sum of edits / sum of lengths, macro
F1 is a function of the summed confusion matrix. So a replicate needs only how often each block was drawn:
draws_RB @ sums_BK (R replicates, B blocks, K summed quantities). Of many blocks, those with the same sums are one kind,
and how often a kind was drawn is multinomial: the same distribution, exactly.

Source: Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from ..core.errors import UserError

REPLICATES = 10_000
CONFIDENCE = 95.0
DRAWS_AT_ONCE = 2_000_000  # 16 MB of indices
MANY = 10_000  # blocks from which kinds of them are counted; below it nobody waits, and published draws stay
COMMON = 15  # blocks of a kind from which a binomial costs less than as many draws of an index


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence limits, all in the unit of the statistic; None if none can be given."""

    estimate: float
    low: float | None
    high: float | None
    blocks: int
    """Independent blocks that were resampled."""
    agreeing: bool = False
    """All blocks score the same: the limits are those of `agreeing`, and no spread that was seen."""

    @property
    def percent(self) -> dict[str, float | None]:
        """As result files have it: percent, low and high, each times 100; `agreeing` where it is so."""
        ends = {"low": self.low, "high": self.high}
        fields = {"percent": 100 * self.estimate, **{end: None if x is None else 100 * x for end, x in ends.items()}}
        return {**fields, "agreeing": True} if self.agreeing else fields


def ratio(sums_R2: np.ndarray) -> np.ndarray:
    """Column 0 over column 1; NaN where column 1 is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sums_R2[:, 1] > 0, sums_R2[:, 0] / sums_R2[:, 1], np.nan)


def ratio_difference(sums_R4: np.ndarray) -> np.ndarray:
    """ratio(columns 0, 1) − ratio(columns 2, 3)."""
    return ratio(sums_R4[:, :2]) - ratio(sums_R4[:, 2:])


def mean_ratio(sums_RK: np.ndarray) -> np.ndarray:
    """Mean [R] over the pairs of columns of the first over the second; NaN where a second one is 0."""
    numerators, denominators = sums_RK[:, 0::2], sums_RK[:, 1::2]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((denominators > 0).all(1), (numerators / denominators).mean(1), np.nan)


def interval(
    values_NK: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray] = ratio,
    blocks: Sequence[Hashable] | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
    confidence: float = CONFIDENCE,
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> Interval:
    """Percentile bootstrap interval of `statistic` of the column sums, widened where the blocks are few.

    There is none where there is one block, or where all blocks score the same: every draw of them is the same too.

    Args:
        values_NK: K quantities of each of N utterances that the statistic needs summed.
        statistic: sums [R, K] -> values [R]; NaN if it is not defined for a replicate.
        blocks: block of each utterance (say, its speaker), resampled together; None: every utterance by itself.
        seed: same inputs and seed, same interval.
        limits: values that the statistic cannot leave, nor its interval.

    Raises UserError if there is nothing to resample or the statistic is not defined on the whole.
    """
    values_NK = np.asarray(values_NK, float)
    sums_BK = values_NK if blocks is None else sum_by_block(values_NK, blocks)
    estimate = float(statistic(sums_BK.sum(0, keepdims=True))[0]) if len(sums_BK) else float("nan")
    if np.isnan(estimate):
        raise UserError("no score: there is nothing to count", "", "give utterances with non-empty references")
    replicas_R = np.concatenate([statistic(sums_RK) for sums_RK in resampled(sums_BK, seed, replicates)])
    return limits_of(estimate, replicas_R, len(sums_BK), confidence, limits)


def limits_of(
    estimate: float,
    replicas_R: np.ndarray,
    blocks: int,
    confidence: float = CONFIDENCE,
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> Interval:
    """The percentile interval of replicas of an estimate (NaN: not defined), widened for so many blocks."""
    tail = (100.0 - confidence) / 2
    low, high = np.nanpercentile(replicas_R, [tail, 100.0 - tail])
    if blocks < 2 or low == high:
        return Interval(estimate, None, None, blocks)
    wider = few_blocks_factor(blocks, confidence)
    low, high = estimate - wider * (estimate - low), estimate + wider * (high - estimate)
    return Interval(estimate, float(max(low, limits[0])), float(min(high, limits[1])), blocks)


def resampled(sums_BK: np.ndarray, seed: int | Sequence[int] = 0, replicates: int = REPLICATES) -> Iterator[np.ndarray]:
    """Sums [r, K] over B draws of blocks with replacement, in pieces that come to `replicates` rows."""
    rng = np.random.default_rng(seed)
    if len(sums_BK) >= MANY:
        kinds_UK, times_U = np.unique(sums_BK, axis=0, return_counts=True)
        if (times_U > COMMON).any():
            yield from _resampled_kinds(kinds_UK, times_U, rng, replicates)
            return
    count = len(sums_BK)
    for rows in _pieces(replicates, count):
        drawn = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        draws_RB = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        yield draws_RB @ sums_BK


def _pieces(replicates: int, each: int) -> Iterator[int]:
    """Replicates at a time, where one takes `each` draws."""
    at_once = max(1, DRAWS_AT_ONCE // max(each, 1))
    for start in range(0, replicates, at_once):
        yield min(at_once, replicates - start)


def _resampled_kinds(
    kinds_UK: np.ndarray, times_U: np.ndarray, rng: np.random.Generator, replicates: int
) -> Iterator[np.ndarray]:
    """As `resampled`: common kinds by a multinomial, whose last category is all the others; those one by one."""
    total, common_U = times_U.sum(), times_U > COMMON
    rare_MK = np.repeat(kinds_UK[~common_U], times_U[~common_U], 0)
    shares = np.append(times_U[common_U], len(rare_MK)) / total
    for rows in _pieces(replicates, len(shares) + 2 * len(rare_MK)):
        draws_RC = rng.multinomial(total, shares, rows)
        sums_RK = draws_RC[:, :-1] @ kinds_UK[common_U]
        if len(rare_MK):
            times_R = draws_RC[:, -1]
            drawn = rng.integers(0, len(rare_MK), times_R.sum())
            row = np.repeat(np.arange(rows), times_R)
            for k in range(sums_RK.shape[1]):
                sums_RK[:, k] += np.bincount(row, rare_MK[drawn, k], rows)
        yield sums_RK


def few_blocks_factor(blocks: int, confidence: float = CONFIDENCE) -> float:
    """By how much a percentile interval over few blocks is too narrow: t quantile / z quantile · √(B / (B − 1)).

    The first factor is Student's, for a spread that is estimated from B blocks, at least 2; the second mends the
    bootstrap's spread, which divides by B (Hesterberg 2015, arXiv 1411.5279, section 4.1). 1.44 at 6 blocks,
    1.01 at 200.
    """
    upper = 0.5 + confidence / 200
    return float(stdtrit(blocks - 1, upper) / ndtri(upper) * np.sqrt(blocks / (blocks - 1)))


def ratio_interval(
    numerators_N: np.ndarray,
    denominators_N: np.ndarray,
    blocks: Sequence[Hashable] | None = None,
    seed: int = 0,
    limits: tuple[float, float] = (0.0, np.inf),
) -> Interval:
    """Interval of sum of numerators / sum of denominators (a fraction: times 100 for percent).

    Where all blocks score the same, that of `agreeing`.
    """
    return agreeing(interval(np.stack([numerators_N, denominators_N], 1), ratio, blocks, seed, limits=limits), limits)


def mean_interval(parts: Sequence[np.ndarray], seed: int = 0, limits: tuple[float, float] = (0.0, np.inf)) -> Interval:
    """Interval of the unweighted mean over parts of their `mean_ratio`, each part resampled on its own.

    Widened as for the part of the fewest blocks, which its `blocks` says: none where a part has a single one.

    Args:
        parts: sums [B, K] of the B blocks of each part.
    """
    estimate = float(np.mean([mean_ratio(sums_BK.sum(0, keepdims=True))[0] for sums_BK in parts]))
    seeds = [seed if len(parts) == 1 else (seed, k) for k in range(len(parts))]
    replicas = [
        np.concatenate([mean_ratio(sums_RK) for sums_RK in resampled(sums_BK, one)])
        for sums_BK, one in zip(parts, seeds, strict=True)
    ]
    return limits_of(estimate, np.mean(replicas, 0), min(map(len, parts)), limits=limits)


def paired_difference(
    first_N2: np.ndarray,
    second_N2: np.ndarray,
    blocks: Sequence[Hashable] | None = None,
    seed: int = 0,
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> Interval:
    """Interval of the first system's ratio − the second's, on the same utterances in the same order.

    Both are scored on the same draws, so what makes an utterance hard for both cancels. The two differ
    at this confidence where the interval leaves 0 out. Where all blocks differ by the same, it is that of `agreeing`.

    Args:
        first_N2, second_N2: numerator and denominator of each utterance.
    """
    if len(first_N2) != len(second_N2):
        raise UserError(
            f"paired systems with {len(first_N2)} and {len(second_N2)} utterances",
            "",
            "score both on the same utterances",
        )
    estimate = interval(np.concatenate([first_N2, second_N2], 1), ratio_difference, blocks, seed, limits=limits)
    return agreeing(estimate, limits)


def agreeing(measured: Interval, limits: tuple[float, float], confidence: float = CONFIDENCE) -> Interval:
    """An interval for blocks that all score the same value v, of which a bootstrap knows no spread; else as it is.

    Each block is one draw that gave v: B of B. By Clopper and Pearson (Biometrika 26, 1934) the share s of blocks
    that give v is then at least (alpha / 2)^(1 / B): 0.16 for 2 blocks, 0.54 for 6, 0.96 for 100 (of "the rule of
    three" see Hanley and Lippman-Hand, JAMA 249, 1983). The others may lie anywhere within the limits, so the mean lies
    from s v + (1 - s) low limit to s v + (1 - s) high limit: for v = 1 or 0, and a block of one utterance, exactly
    the interval of Clopper and Pearson. Elsewhere it is wider than need be (blocks are taken to be of one size).

    Args:
        limits: of a block's value. An error rate has none above, its difference none at all: there, no block is
            taken to lie beyond 1, where every word is wrong, or beyond v.

    No interval for a single block.
    """
    if measured.low is not None or measured.blocks < 2:
        return measured
    v, reach = measured.estimate, max(1.0, abs(measured.estimate))
    share = ((100.0 - confidence) / 200) ** (1 / measured.blocks)
    low, high = (share * v + (1 - share) * limit for limit in (max(limits[0], -reach), min(limits[1], reach)))
    return Interval(v, low, high, measured.blocks, agreeing=True)


def sum_by_block(values_NK: np.ndarray, blocks: Sequence[Hashable]) -> np.ndarray:
    """Sums [B, K] over the utterances of each block, blocks in the order in which they come."""
    if len(blocks) != len(values_NK):
        raise ValueError(f"{len(values_NK)} utterances but {len(blocks)} blocks")
    numbers: dict[Hashable, int] = {}
    index_N = np.array([numbers.setdefault(b, len(numbers)) for b in blocks], int)
    sums_BK = np.zeros((len(numbers), values_NK.shape[1]))
    np.add.at(sums_BK, index_N, values_NK)
    return sums_BK
