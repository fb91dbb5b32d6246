"""Is one system better than another? Two hypotheses of the same utterances, by paired bootstrap and by MAPSSWE.

    python3 -m toolkit.score.compare --ref data/test --hyp A.txt B.txt --profile sawt --speakers data/test/utt2spk
    python3 -m toolkit.score.compare --set msa=r1,a1,b1 --set egy=r2,a2,b2 --profile sawt --out exp/compare

Bootstrap: both systems on the same draws of blocks (speakers where they are known, else utterances); the difference of
the two rates with its 95 % interval, widened for few blocks, and p, twice the share of the replicas beyond 0. MAPSSWE
(mapsswe.py) knows no speakers. Holm's correction is over the sets, of either test by itself. Rows of probe runs:
score.compare_probes.

Source: Bisani and Ney, ICASSP 2004 (paired bootstrap); Holm, Scandinavian Journal of Statistics 6, 1979.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import UserError, told
from ..core.files import write_json, write_text
from ..text.normalise import PROFILES, Profile, profile
from .bootstrap import (
    CONFIDENCE,
    REPLICATES,
    Interval,
    few_blocks_factor,
    limits_of,
    ratio_difference,
    resampled,
    sum_by_block,
)
from .edits import word_edits
from .mapsswe import FEW, NIST, Mapsswe, mapsswe, segments_of
from .pairing import NO_SPEAKER, Finding, PairedSet, paired_sets
from .score_table import aligned_rows, markdown_rows
from .texts import read_labels

ALPHA = 1 - CONFIDENCE / 100
HEADING = ["Set", "N", "A %", "B %", "A − B", "p", "Holm", "segments", "Z", "MAPSSWE p", "Holm", "better"]


@dataclass(frozen=True)
class Comparison:
    """Two systems on one set; rates and their difference as fractions, first − second.

    Attributes:
        rates: word error rates of the two.
        difference: with its interval; without one where no draw differs from another.
        p: of the bootstrap, two-sided, at least 2 / (replicates + 1), and 2 / 2^B of B blocks.
        segments: outcome of MAPSSWE.
        p_holm, segments_p_holm: corrected over the sets.
        findings: what was odd in the files.
    """

    set: str
    profile: str
    utterances: int
    rates: tuple[float, float]
    difference: Interval
    p: float
    segments: Mapsswe
    findings: Mapping[str, str]
    p_holm: float = 1.0
    segments_p_holm: float = 1.0

    @property
    def better(self) -> str:
        """`A`, `B` or `not told apart`, with the test that says so where the other does not."""
        by = [name for name, p in (("bootstrap", self.p_holm), ("MAPSSWE", self.segments_p_holm)) if p < ALPHA]
        if not by or not self.difference.estimate:
            return "not told apart"
        winner = "A" if self.difference.estimate < 0 else "B"
        return winner if len(by) == 2 else f"{winner} ({by[0]} alone)"

    def to_dict(self) -> dict[str, Any]:
        """As compare.json has it."""
        wer = {name: 100 * rate for name, rate in zip("AB", self.rates, strict=True)}
        found = {"p": self.p, "p_holm": self.p_holm, "blocks": self.difference.blocks, **self.difference.percent}
        test = {**asdict(self.segments), "p_holm": self.segments_p_holm}
        about = {"set": self.set, "profile": self.profile, "utterances": self.utterances, "better": self.better}
        return {**about, "wer": wer, "bootstrap": found, "mapsswe": test, "findings": dict(self.findings)}


def compared(
    first: PairedSet,
    second: PairedSet,
    normalise: Profile,
    speakers: Mapping[str, str] | None = None,
    nist: bool = False,
    seed: int = 0,
) -> Comparison:
    """Both tests on one set, not yet corrected for the others. Raises UserError where all references are empty."""
    references = [normalise(text or "") for text in first.references[0]]
    hypotheses = [[normalise(text) for text in s.hypotheses] for s in (first, second)]
    edits = [word_edits(references, texts) for texts in hypotheses]
    lengths = edits[0].lengths.sum()
    if not lengths:
        where = f"{first.paths[0]} under {normalise.id}"
        raise UserError("no error rate: the references are all empty", where, "give references with a word")
    values_N4 = np.stack([column for e in edits for column in (e.edits, e.lengths)], 1).astype(float)
    blocks = [(speakers or {}).get(id, f" {id}") for id in first.ids]
    difference, p = paired_bootstrap(sum_by_block(values_N4, blocks), seed)
    errors_M2, _ = segments_of(zip(references, *hypotheses, strict=True), NIST if nist else None)
    findings = {f"{name}: {what}": str(f) for name, s in zip("AB", (first, second)) for what, f in s.findings.items()}
    if speakers is not None and (unknown := [id for id in first.ids if id not in speakers]):
        findings[NO_SPEAKER] = str(Finding.of(unknown))
    rates = float(edits[0].edits.sum() / lengths), float(edits[1].edits.sum() / lengths)
    return Comparison(first.name, normalise.id, len(first.ids), rates, difference, p, mapsswe(errors_M2), findings)


def paired_bootstrap(sums_B4: np.ndarray, seed: int = 0) -> tuple[Interval, float]:
    """(interval of the difference of two ratios, p) of blocks' edits and lengths, first system and second.

    p is twice the smaller share of the replicas at or beyond 0, each share with the estimate's own draw counted in, so
    never 0. Replicas are spread as the interval is, so that of 6 blocks or more p < 5 % says what an interval without 0
    says. Below that no p is so small: were the systems equal, each block would favour either as often, so all B of them
    favour one system once in 2^B draws and are no stronger evidence than that (Fisher's randomisation of signs), where
    replicas of a few blocks, which never leave their range, would have it 0. 1 where the estimate is 0 or there is one
    block.
    """
    estimate = float(ratio_difference(sums_B4.sum(0, keepdims=True))[0])
    replicas_R = np.concatenate([ratio_difference(sums_R4) for sums_R4 in resampled(sums_B4, seed)])
    found = limits_of(estimate, replicas_R, len(sums_B4))
    if estimate == 0 or len(sums_B4) < 2:
        return found, 1.0
    spread_R = estimate + few_blocks_factor(len(sums_B4)) * (replicas_R[~np.isnan(replicas_R)] - estimate)
    beyond = min((spread_R <= 0).sum(), (spread_R >= 0).sum())
    least = 2.0 ** (1 - len(sums_B4))
    return found, float(min(1.0, max(least, 2 * (beyond + 1) / (len(spread_R) + 1))))


def holm(ps: Sequence[float]) -> list[float]:
    """p values corrected for their number (step-down), in the order given."""
    adjusted, least = [0.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = max(least, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = least
    return adjusted


def corrected(found: Sequence[Comparison]) -> list[Comparison]:
    """The same with Holm's correction over all of them."""
    boot, segment = holm([c.p for c in found]), holm([c.segments.p for c in found])
    return [Comparison(**{**vars(c), "p_holm": a, "segments_p_holm": b}) for c, a, b in zip(found, boot, segment)]


def _named_sets(ref: str | None, hyp: Sequence[str], sets: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """(name, reference, first, second) of each set of the command line."""
    if bool(ref) != bool(hyp) or not (ref or sets):
        raise UserError("which files?", "command line", "give --ref REF --hyp A B, or --set NAME=REF,A,B, or both")
    found = [(Path(hyp[0]).stem + " / " + Path(hyp[1]).stem, ref, *hyp)] if ref else []
    for word in sets:
        name, _, files = word.partition("=")
        parts = files.split(",")
        if not name or len(parts) != 3 or not all(parts):
            raise UserError(f"--set {word}", "command line", "give NAME=REF,A,B: a name, then three files")
        found.append((name, *parts))
    names = [name for name, *_ in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UserError(f"two sets called {sorted(twice)[0]}", "--set", "rename one")
    return [(name, r, a, b) for name, r, a, b in found]


def _rows(found: Sequence[Comparison]) -> list[list[str]]:
    rows = [HEADING]
    for c in found:
        d, m = c.difference.percent, c.segments
        ends = "" if d["low"] is None or d["high"] is None else f" [{d['low']:+.2f}, {d['high']:+.2f}]"
        rates = [f"{100 * rate:.2f}" for rate in c.rates]
        bootstrap = [f"{d['percent']:+.2f}{ends}", _p(c.p), _p(c.p_holm)]
        test = [str(m.segments), f"{m.z:+.3f}", _p(m.p), _p(c.segments_p_holm)]
        rows.append([c.set, str(c.utterances), *rates, *bootstrap, *test, c.better])
    return rows


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _remarks(found: Sequence[Comparison], blocks: str, seed: int) -> list[str]:
    said = [
        f"Word error rates under {found[0].profile}; [{CONFIDENCE:g} % interval: paired bootstrap, {REPLICATES:,} "
        f"replicates over blocks of one {blocks}, seed {seed}]; Holm: p corrected over {len(found)} sets."
    ]
    said += [
        f"{c.set}: {c.segments.segments} segments are few for MAPSSWE: its p is rough."
        for c in found
        if c.segments.segments < FEW
    ]
    said += [
        f"{c.set}: all {c.segments.segments} segments differ by {c.segments.mean:+g} errors: MAPSSWE has no spread to "
        "test against and gives no verdict, so its p is 1."
        for c in found
        if c.segments.mean and not c.segments.deviation
    ]
    return said + [f"{c.set}: {what}: {which}" for c in found for what, which in c.findings.items()]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "python3 -m toolkit.score.compare",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--ref", metavar="FILE", help="reference: Kaldi text, JSONL or a data directory")
    add("--hyp", nargs=2, default=[], metavar=("A", "B"), help="the two systems' hypotheses")
    add("--set", action="append", default=[], metavar="NAME=REF,A,B", help="a further set; may be repeated")
    add("--profile", default="orthographic", metavar="NAME", help=f"normalisation: {', '.join(PROFILES)}")
    add("--speakers", type=Path, metavar="UTT2SPK", help="table of speakers: the blocks of the bootstrap")
    add("--missing", choices=["refuse", "empty"], default="refuse", help="an utterance without a hypothesis")
    add("--alignment", choices=["least", "nist"], default="least", help="of MAPSSWE: of least edits, or sclite's costs")
    add("--seed", type=int, default=0, help="of the bootstrap; 0 or more")
    add("--out", type=Path, metavar="FOLDER", help="write compare.json and compare.md there")
    add("--json", type=Path, metavar="FILE", help="write the JSON alone")
    return made


def main() -> None:
    """Compare, print and write what the command line says. Ends the process with 1 on a user's mistake."""
    said = parser().parse_args()
    with told(1, str(said.out or said.json or "the output")):
        if said.seed < 0:
            raise UserError(f"--seed {said.seed}", "command line", "give 0 or more")
        normalise, speakers = profile(said.profile), said.speakers and read_labels(said.speakers)
        found = []
        for name, reference, *hypotheses in _named_sets(said.ref, said.hyp, said.set):
            a, b = (paired_sets([reference], [f"{name}={h}"], said.missing == "empty")[0] for h in hypotheses)
            found.append(compared(a, b, normalise, speakers, said.alignment == "nist", said.seed))
        found = corrected(found)
        rows, remarks = _rows(found), _remarks(found, "speaker" if speakers else "utterance", said.seed)
        print(aligned_rows(rows, 1))
        print("\n".join(remarks))
        tree = {
            "confidence": round(CONFIDENCE),
            "replicates": REPLICATES,
            "seed": said.seed,
            "alignment": said.alignment,
        }
        tree |= {"blocks": "speaker" if speakers else "utterance", "sets": [c.to_dict() for c in found]}
        if said.out:
            write_json(said.out / "compare.json", tree)
            write_text(said.out / "compare.md", markdown_rows("A against B", rows, 1, remarks))
        if said.json:
            write_json(said.json, tree)


if __name__ == "__main__":
    main()
