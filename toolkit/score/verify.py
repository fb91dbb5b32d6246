"""The same counts by other hands: jiwer's and editdistance's, on the very texts that were scored."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..core.errors import UserError
from ..text.normalise import Profile
from .edits import Edits, character_edits, single_spaced, word_edits
from .pairing import PairedSet

MEASURES: tuple[tuple[str, Callable[[Sequence[str], Sequence[str]], Edits], str, Callable[[str], list[str]]], ...] = (
    ("WER", word_edits, "process_words", str.split),
    ("CER", character_edits, "process_characters", list),
)  # what, our counts, jiwer's function, tokens of a text


def verify(sets: Sequence[PairedSet], profiles: Sequence[Profile]) -> None:
    """Print for each set, reference, profile and measure whether the peers agree, S, D and I included.

    jiwer refuses empty references and editdistance gives no S, D and I: the first is not shown such pairs, the second
    is held against their sum, utterance by utterance. Raises UserError if they differ, and if one is missing.
    """
    jiwer, editdistance = _peer("jiwer"), _peer("editdistance")
    differ = []
    for name, references, hypotheses in _pairs(sets, profiles):
        for measure, count, function, tokens in MEASURES:
            ours = count(references, hypotheses)
            edits = [editdistance.eval(tokens(r), tokens(h)) for r, h in zip(references, hypotheses, strict=True)]
            wrong = [] if edits == ours.edits.tolist() else ["editdistance"]
            full = [i for i, length in enumerate(ours.lengths.tolist()) if length]
            if full:
                told = getattr(jiwer, function)([references[i] for i in full], [hypotheses[i] for i in full])
                theirs = (told.substitutions, told.deletions, told.insertions)
                wrong += [] if theirs == ours.of(full).total[:3] else ["jiwer"]
            verdict = f"NOT EQUAL to {' and '.join(wrong)}" if wrong else "equal"
            counts = f"jiwer on {len(full)} pairs (S, D, I), editdistance on {len(edits)} (edits)"
            print(f"verify {name} {measure}: {verdict}: {counts}")
            differ += [f"{name} {measure}"] if wrong else []
    if differ:
        raise UserError(f"counts differ from the peers': {'; '.join(differ)}", "--verify", "this is a bug: report it")


def _peer(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(f"{name} is not installed", "--verify", f"pip install {name}") from None


def _pairs(sets: Sequence[PairedSet], profiles: Sequence[Profile]) -> Iterator[tuple[str, list[str], list[str]]]:
    """(name, references, hypotheses) of every set, reference and profile, as they are scored."""
    for s in sets:
        for k, texts in enumerate(s.references):
            for profile in profiles:
                kept = [(profile(r), profile(h)) for r, h in zip(texts, s.hypotheses, strict=True) if r is not None]
                name = f"{s.name}{f', reference {k + 1}' if len(s.references) > 1 else ''}, {profile.id},"
                yield name, single_spaced(r for r, _ in kept), single_spaced(h for _, h in kept)
