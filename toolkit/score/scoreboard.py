"""Error rates of sets, of dialects within them and of all together, under several profiles of normalisation.

micro: sum of edits over sum of lengths. macro: unweighted mean of the rates of the sets, or of the dialects. Mean of
utterances: over those whose reference is not empty. An empty hypothesis is all deletions; an empty reference adds its
insertions to the edits and nothing to the length. Of several references there are the WER against each, AV-WER, MR-WER
(multi_reference.py) and AV-CER, the mean of the CERs; macro means take the AV rates of such a set.

Intervals: percentile bootstrap over blocks, speakers where known; of a macro mean, each part is resampled on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from ..core.errors import UserError
from ..data.ids import alike_labels
from ..text.normalise import Profile
from ..text.not_known import UNKNOWN, label_of
from .bootstrap import REPLICATES, Interval, agreeing, mean_interval, mean_ratio, sum_by_block
from .edits import Edits, Errors, character_edits, word_edits
from .multi_reference import multi_errors
from .pairing import NO_SPEAKER, Finding, PairedSet

ALL = "all sets"
APART = "not pooled, nor in a macro mean over dialects: of some of these sets there are more references than of others"
MOST_DIALECTS = 500  # the intervals of each take a tenth of a second
RATES: dict[str, Callable[[Sequence[str], Sequence[str]], Edits]] = {"WER": word_edits, "CER": character_edits}


@dataclass(frozen=True)
class Part:
    """Utterances that are scored together: a set, a dialect of one, or all of several sets.

    Attributes:
        set: its name; None for all sets as one.
        dialect: None for all of them.
        edits: profile id -> measure -> Edits [N] against each reference; MR-WER has one, whose lengths are S + D + C.
        blocks: block of each utterance for the bootstrap.
        seconds: (to decode, of audio) [N, 2], NaN where the hypothesis does not say.
    """

    set: str | None
    dialect: str | None
    edits: Mapping[str, Mapping[str, list[Edits]]]
    blocks: list[str]
    seconds: np.ndarray

    def of(self, mask_N: np.ndarray, dialect: str) -> Part:
        """The utterances under a mask, as a dialect."""
        chosen = {
            profile: {measure: [e.of(mask_N) for e in each] for measure, each in measures.items()}
            for profile, measures in self.edits.items()
        }
        blocks = [block for block, here in zip(self.blocks, mask_N, strict=True) if here]
        return Part(self.set, dialect, chosen, blocks, self.seconds[mask_N])


@dataclass(frozen=True)
class Score:
    """One measure of one part under one profile, rates in percent.

    Attributes:
        rate: with its interval, as fractions; None where no reference has a token.
        counts: errors summed over the utterances and, of several, over the references; None for a macro mean.
        mean_of_utterances: None where there is none.
        parts: of a macro mean, how many parts have a rate and so are in it.
    """

    profile: str
    rate: Interval | None
    counts: Mapping[str, int] | None = None
    mean_of_utterances: float | None = None
    parts: int | None = None

    @property
    def above_100(self) -> bool:
        return self.rate is not None and self.rate.estimate > 1

    def to_dict(self) -> dict[str, Any]:
        """As wer.json has it."""
        percent = {"percent": None, "low": None, "high": None} if self.rate is None else self.rate.percent
        mean = self.mean_of_utterances
        flagged = {"above_100": True} if self.above_100 else {}
        more = {} if self.counts is None else {**self.counts, "mean_of_utterances": mean}
        blocks = {} if self.rate is None else {"block_count": self.rate.blocks}
        parts = {} if self.parts is None else {"parts": self.parts}
        return {"profile": self.profile, **percent, **blocks, **parts, **more, **flagged}


@dataclass(frozen=True)
class Line:
    """One measure of one part, under every profile.

    Attributes:
        set: None for all sets, be it as one or their mean.
        dialect: None for all of a set.
        measure: WER, CER; of several references WER 1, WER 2, ... (against each), AV-WER, MR-WER, AV-CER.
        scores: by profile, in their order.
        utterances: how many; of a macro mean, of how many parts.
        rtf: real-time factor, and of how many utterances; None where no hypothesis says.
        mean_of: parts that a macro mean is over; empty: it is no such mean.
        left_out: utterances whose dialect is not known, which are in no macro mean over dialects.
    """

    set: str | None
    dialect: str | None
    measure: str
    scores: list[Score]
    utterances: int
    rtf: tuple[float, int] | None = None
    mean_of: Literal["", "dialects", "sets"] = ""
    left_out: int = 0

    @property
    def set_title(self) -> str:
        return "macro over sets" if self.mean_of == "sets" else self.set or ALL

    @property
    def dialect_title(self) -> str | None:
        return "macro over dialects" if self.mean_of == "dialects" else self.dialect

    def to_dict(self) -> dict[str, Any]:
        scores = {score.profile: score.to_dict() for score in self.scores}
        about = {"set": self.set_title, "dialect": self.dialect_title, "measure": self.measure, "scores": scores}
        timed = {} if self.rtf is None else {"rtf": self.rtf[0], "utterances_timed": self.rtf[1]}
        without = {"utterances_left_out": self.left_out} if self.left_out else {}
        return {**about, "utterances": self.utterances, **without, **timed}


@dataclass
class Scoreboard:
    """What was scored, and how.

    Attributes:
        lines: set by set, each with its dialects, then all of them.
        findings: set -> what was noticed.
        blocks: what the bootstrap resampled, in words.
    """

    lines: list[Line]
    findings: dict[str, dict[str, Finding]]
    blocks: str
    seed: int
    replicates: int = REPLICATES
    sets: list[PairedSet] = field(default_factory=list)


def score(
    sets: Sequence[PairedSet],
    profiles: Sequence[Profile],
    dialects: Mapping[str, str] | None = None,
    speakers: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Scoreboard:
    """All lines of all sets; `findings` of each set say what was odd in it."""
    board = Scoreboard([], {s.name: dict(s.findings) for s in sets}, "speaker" if speakers else "utterance", seed)
    board.sets = list(sets)
    whole, pieces = [], []
    for s in sets:
        part = _part(s, profiles, speakers, board.findings[s.name])
        of_dialects = _by_dialect(part, s.ids, dialects, board.findings[s.name])
        board.lines += _lines(part, seed)
        board.lines += [line for piece in of_dialects for line in _lines(piece, seed)]
        board.lines += _macro_of_dialects(of_dialects, s.name, seed)
        whole.append(part)
        pieces += of_dialects
    if len(sets) > 1:
        names = sorted({str(piece.dialect) for piece in pieces})
        groups = [whole, *([p for p in pieces if p.dialect == name] for name in names)]
        pooled = [_pooled(group) for group in groups]
        if apart := [group[0].dialect or ALL for group, made in zip(groups, pooled, strict=True) if made is None]:
            board.findings.setdefault(ALL, {})[APART] = Finding.of(apart)
        for part in filter(None, pooled):
            board.lines += _lines(part, seed)
        board.lines += _macro(whole, None, "sets", seed)
        known = [part for part in pooled[1:] if part]
        board.lines += _macro_of_dialects(known, None, seed) if all(pooled[1:]) else []
    return board


def _part(
    s: PairedSet, profiles: Sequence[Profile], speakers: Mapping[str, str] | None, findings: dict[str, Finding]
) -> Part:
    edits: dict[str, dict[str, list[Edits]]] = {}
    for profile in profiles:
        references = [[None if text is None else profile(text) for text in texts] for texts in s.references]
        hypotheses = [profile(text) for text in s.hypotheses]
        _note_empty(profile, s.ids, references, hypotheses, findings)
        plain = {name: [_against(t, hypotheses, count) for t in references] for name, count in RATES.items()}
        edits[profile.id] = _several(plain, references, hypotheses) if len(references) > 1 else plain
    if speakers is not None and (unknown := [id for id in s.ids if id not in speakers]):
        findings[NO_SPEAKER] = Finding.of(unknown)
    # An utterance is told from those of other sets, and from speakers, by a space, which no name of these begins with.
    blocks = [(speakers or {}).get(id, f" {s.name} {id}") for id in s.ids]
    none = (np.nan, np.nan)
    return Part(s.name, None, edits, blocks, np.array([s.seconds.get(id, none) for id in s.ids]).reshape(-1, 2))


def _against(
    references: Sequence[str | None], hypotheses: Sequence[str], count: Callable[[Sequence[str], Sequence[str]], Edits]
) -> Edits:
    """Edits against one reference; none and of no length where it lacks the utterance."""
    pairs = [(r, h) if r is not None else ("", "") for r, h in zip(references, hypotheses, strict=True)]
    return count([r for r, _ in pairs], [h for _, h in pairs])


def _several(
    edits: Mapping[str, list[Edits]], references: Sequence[Sequence[str | None]], hypotheses: Sequence[str]
) -> dict[str, list[Edits]]:
    """The measures of a set with several references, given the ordinary edits against each."""
    words = [[None if t is None else t.split() for t in texts] for texts in zip(*references, strict=True)]
    scored = [multi_errors(texts, hypothesis.split()) for texts, hypothesis in zip(words, hypotheses, strict=True)]
    merged = Edits.of_errors([Errors(*s.merged[:3], s.merged.length) for s in scored])
    single = [Edits.of_errors([s.single[k] for s in scored]) for k in range(len(references))]
    plain = {f"WER {k}": [against] for k, against in enumerate(edits["WER"], 1)}
    return {**plain, "AV-WER": single, "MR-WER": [merged], "AV-CER": edits["CER"]}


def _note_empty(
    profile: Profile,
    ids: Sequence[str],
    references: Sequence[Sequence[str | None]],
    hypotheses: Sequence[str],
    findings: dict[str, Finding],
) -> None:
    by_id = zip(ids, zip(*references, strict=True), strict=True)
    empty = [id for id, texts in by_id if any(text is not None and not text.strip() for text in texts)]
    silent = [id for id, text in zip(ids, hypotheses, strict=True) if not text.strip()]
    for kind, of_kind in (("empty references", empty), ("empty hypotheses", silent)):
        if of_kind:
            findings[f"{kind} under {profile.id}"] = Finding.of(of_kind)


def _by_dialect(
    part: Part, ids: Sequence[str], dialects: Mapping[str, str] | None, findings: dict[str, Finding]
) -> list[Part]:
    if dialects is None:
        return []
    of_ids = [label_of(dialects.get(id, "")) for id in ids]
    if unknown := [id for id, dialect in zip(ids, of_ids, strict=True) if dialect == UNKNOWN]:
        findings[f"utterances without a dialect, called {UNKNOWN}, which is in no macro mean"] = Finding.of(unknown)
    if lines := alike_labels(of_ids):
        findings["dialects that may be one"] = Finding(len(lines), lines)
    if (count := len(set(of_ids))) > MOST_DIALECTS:
        problem = f"{count:,} different dialects, each with lines of its own"
        raise UserError(problem, "--by", f"name a table of at most {MOST_DIALECTS}, utt2lang perhaps")
    of_N = np.array(of_ids)
    return [part.of(of_N == name, str(name)) for name in np.unique(of_N)]


def _macro_of_dialects(parts: Sequence[Part], set: str | None, seed: int) -> list[Line]:
    """The mean over known dialects: the utterances of which nobody says it are no class of it, and are counted."""
    left_out = sum(len(part.blocks) for part in parts if part.dialect == UNKNOWN)
    lines = _macro([part for part in parts if part.dialect != UNKNOWN], set, "dialects", seed)
    return [replace(line, left_out=left_out) for line in lines]


def _pooled(parts: Sequence[Part]) -> Part | None:
    """All utterances of parts in one; None where they differ in the number of their references."""
    first = parts[0]
    shapes = {tuple((m, len(each)) for m, each in next(iter(p.edits.values())).items()) for p in parts}
    if len(shapes) > 1:
        return None
    edits = {
        profile: {
            measure: [Edits.joined([p.edits[profile][measure][k] for p in parts]) for k in range(len(each))]
            for measure, each in measures.items()
        }
        for profile, measures in first.edits.items()
    }
    blocks = [block for p in parts for block in p.blocks]
    return Part(None, first.dialect, edits, blocks, np.concatenate([p.seconds for p in parts]))


def _lines(part: Part, seed: int) -> list[Line]:
    timed_N = np.isfinite(part.seconds).all(1)
    work, audio = part.seconds[timed_N].sum(0)
    rtf = (float(work / audio), int(timed_N.sum())) if audio > 0 else None
    measures = next(iter(part.edits.values()))
    return [
        Line(
            part.set,
            part.dialect,
            measure,
            [_score(profile, of_profile[measure], part.blocks, seed) for profile, of_profile in part.edits.items()],
            len(part.blocks),
            rtf,
        )
        for measure in measures
    ]


def _score(profile: str, edits: Sequence[Edits], blocks: Sequence[str], seed: int) -> Score:
    values_NK = _values(edits)
    counts = {
        name: int(sum(getattr(e, name).sum() for e in edits))
        for name in ("substitutions", "deletions", "insertions", "lengths")
    }
    counts["length"] = counts.pop("lengths")
    if np.isnan(mean_ratio(values_NK.sum(0, keepdims=True))[0]):
        return Score(profile, None, counts)
    sums_BK = sum_by_block(values_NK, blocks)
    interval = mean_interval([sums_BK], seed)
    means = [e.edits[e.lengths > 0] / e.lengths[e.lengths > 0] for e in edits]
    return Score(profile, agreeing(interval, (0.0, np.inf)), counts, 100 * float(np.concatenate(means).mean()))


def _macro(parts: Sequence[Part], set: str | None, over: Literal["dialects", "sets"], seed: int) -> list[Line]:
    """Unweighted means over parts; nothing for fewer than two."""
    if len(parts) < 2:
        return []
    lines = []
    for base in RATES:
        scores = []
        for profile in parts[0].edits:
            edits = [p.edits[profile].get(base) or p.edits[profile][f"AV-{base}"] for p in parts]
            sums = [sum_by_block(_values(e), p.blocks) for e, p in zip(edits, parts, strict=True)]
            rated = [s for s in sums if not np.isnan(mean_ratio(s.sum(0, keepdims=True))[0])]
            scores.append(Score(profile, mean_interval(rated, seed) if rated else None, parts=len(rated)))
        lines.append(Line(set, None, base, scores, len(parts), mean_of=over))
    return lines


def _values(edits: Sequence[Edits]) -> np.ndarray:
    """Edits and lengths [N, 2 per reference]."""
    return np.stack([column for e in edits for column in (e.edits, e.lengths)], 1).astype(float)
