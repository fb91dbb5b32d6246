"""The same counts and rates by other hands: jiwer's and editdistance's, on the very texts that were scored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..core.errors import UserError
from ..text.normalise import Profile
from .edits import Edits, Errors, character_edits, single_spaced, word_edits
from .pairing import PairedSet


@dataclass(frozen=True)
class Measure:
    """An error rate: our counts, jiwer's function and its rate, and what cuts a text into tokens."""

    name: str
    count: Callable[[Sequence[str], Sequence[str]], Edits]
    function: str
    rate: str
    tokens: Callable[[str], list[str]]


MEASURES = (
    Measure("WER", word_edits, "process_words", "wer", str.split),
    Measure("CER", character_edits, "process_characters", "cer", list),
)


@dataclass(frozen=True)
class Texts:
    """What is scored of a set against a reference under a profile; ids, references and hypotheses [N]."""

    name: str
    ids: list[str]
    references: list[str]
    hypotheses: list[str]


@dataclass(frozen=True)
class Peer:
    """Counts of another program.

    Attributes:
        counted: for the utterances that it takes, by their number: S, D and I, or their sum alone.
        percent: its error rate over these; NaN where their references have no token.
    """

    name: str
    counted: Mapping[int, tuple[int, ...]]
    percent: float

    def __str__(self) -> str:
        if not self.counted:
            return f"{self.name} on 0 pairs"
        kind = "S, D, I" if len(next(iter(self.counted.values()))) == 3 else "edits"
        return f"{self.name} on {len(self.counted)} pairs ({kind}, {self.percent:.2f} %)"


def verify(sets: Sequence[PairedSet], profiles: Sequence[Profile]) -> None:
    """Print for each set, reference, profile and measure whether the peers agree, and each pair of texts on which not.

    jiwer refuses empty references: it is not shown such pairs. editdistance gives no S, D and I: its edits are held
    against their sum. Both are held against ours utterance by utterance, and by the error rate of all that they were
    shown. Raises UserError if anything differs.
    """
    differ = []
    for texts in _texts(sets, profiles):
        for measure in MEASURES:
            ours = measure.count(texts.references, texts.hypotheses)
            peers = [_jiwer(texts, measure), _editdistance(texts, measure)]
            lines = {peer.name: _differences(ours, peer, texts) for peer in peers}
            wrong = [name for name, of_peer in lines.items() if of_peer]
            verdict = f"NOT EQUAL to {' and '.join(wrong)}" if wrong else "equal"
            print(f"verify {texts.name} {measure.name}: {verdict}: {', '.join(map(str, peers))}")
            for line in (line for of_peer in lines.values() for line in of_peer):
                print(f"  {line}")
            differ += [f"{texts.name} {measure.name}"] if wrong else []
    if differ:
        raise UserError(f"counts differ from the peers': {'; '.join(differ)}", "--verify", "this is a bug: report it")


def _texts(sets: Sequence[PairedSet], profiles: Sequence[Profile]) -> Iterator[Texts]:
    """The texts of every set, reference and profile, as they are scored."""
    for s in sets:
        for k, references in enumerate(s.references):
            for profile in profiles:
                rows = zip(s.ids, references, s.hypotheses, strict=True)
                kept = [(id, profile(r), profile(h)) for id, r, h in rows if r is not None]
                name = f"{s.name}{f', reference {k + 1}' if len(s.references) > 1 else ''}, {profile.id},"
                ids = [id for id, _, _ in kept]
                yield Texts(name, ids, single_spaced(r for _, r, _ in kept), single_spaced(h for _, _, h in kept))


def _jiwer(texts: Texts, measure: Measure) -> Peer:
    """S, D and I of each utterance with a reference that is not empty, from jiwer's alignments; its own rate."""
    import jiwer  # here, and below: nothing but --verify needs the peers

    full = [i for i, reference in enumerate(texts.references) if reference]
    if not full:
        return Peer("jiwer", {}, math.nan)
    scored = getattr(jiwer, measure.function)([texts.references[i] for i in full], [texts.hypotheses[i] for i in full])
    counted = {}
    for i, chunks in zip(full, scored.alignments, strict=True):
        of = {"substitute": 0, "delete": 0, "insert": 0, "equal": 0}
        for chunk in chunks:
            of[chunk.type] += max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        counted[i] = (of["substitute"], of["delete"], of["insert"])
    return Peer("jiwer", counted, 100 * getattr(scored, measure.rate))


def _editdistance(texts: Texts, measure: Measure) -> Peer:
    """Edits of each utterance; the rate is their sum over the tokens of the references."""
    import editdistance

    pairs = [(measure.tokens(r), measure.tokens(h)) for r, h in zip(texts.references, texts.hypotheses, strict=True)]
    edits, length = [editdistance.eval(*pair) for pair in pairs], sum(len(reference) for reference, _ in pairs)
    percent = 100 * sum(edits) / length if length else math.nan
    return Peer("editdistance", {i: (n,) for i, n in enumerate(edits)}, percent)


def _differences(ours: Edits, peer: Peer, texts: Texts) -> list[str]:
    """A sentence for each utterance that a peer counts otherwise, and one for the rate of all."""
    lines, counts = [], (ours.substitutions.tolist(), ours.deletions.tolist(), ours.insertions.tolist())
    of_each = list(zip(*counts, strict=True))
    for i, theirs in peer.counted.items():
        mine = of_each[i]
        if theirs != (mine if len(theirs) == 3 else (sum(mine),)):
            pair = f"reference {texts.references[i]!r}, hypothesis {texts.hypotheses[i]!r}"
            lines.append(f"{texts.ids[i]}: ours {_counts(mine)}, {peer.name} {_counts(theirs)}: {pair}")
    percent = _percent(ours.of(list(peer.counted)).total)
    if not math.isclose(percent, peer.percent, rel_tol=1e-9) and not math.isnan(percent) & math.isnan(peer.percent):
        lines.append(f"all: ours {percent:.4f} %, {peer.name} {peer.percent:.4f} %")
    return lines


def _counts(counts: tuple[int, ...]) -> str:
    """`S 1, D 0, I 2`, or `3 edits`."""
    names = ", ".join(f"{name} {n}" for name, n in zip("SDI", counts))
    return names if len(counts) == 3 else f"{counts[0]} edits"


def _percent(total: Errors) -> float:
    return 100 * total.edits / total.length if total.length else math.nan
