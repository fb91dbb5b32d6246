"""Phones of transcripts by pronunciation lexica: the table utt2phones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.step import Step
from ...text.g2p import Phones, Pronouncer
from ..malformed import MALFORMED
from .segments import CorpusSegment, drop
from .sources import text_lines

OUTSIDE = "word outside the lexicon"
COMMENT = ";;;"  # of the CMU dictionary
_VARIANT = re.compile(r"\(\d+\)$")  # of a further pronunciation there: READ(2)


def read_lexicon(step: Step[Any], paths: Sequence[Path]) -> dict[str, Phones]:
    """Word in lower case -> phones, of lines `WORD P1 P2 ...`; the first pronunciation of a word counts.

    Lines that cannot be used go to the ledger. Raises UserError for a file without any line of a lexicon.
    """
    lexicon: dict[str, Phones] = {}
    for path in paths:
        before = len(lexicon)
        for number, line in text_lines(path, lambda e: drop(step, e.where, e.reason, e.what)):
            word, *phones = line.split() or [COMMENT]
            if word.startswith(COMMENT):
                continue
            if phones:
                lexicon.setdefault(_VARIANT.sub("", word).lower(), tuple(phones))
            else:
                drop(step, f"{path.name}:{number}", MALFORMED, f"{path.name}, line {number}: {word} without phones")
        if len(lexicon) == before:
            raise UserError("a lexicon without a word of its own", str(path), "name a file of lines `WORD P1 P2 ...`")
    return lexicon


def add_phones(step: Step[Any], segments: Iterable[CorpusSegment], lexicon: Mapping[str, Phones], learn: bool) -> None:
    """Give each utterance whose words are all known its utt2phones; others get a ledger row and stay without.

    Args:
        learn: words outside the lexicon are pronounced by a model that is learnt from it.
    """
    known = {word: " ".join(phones) for word, phones in lexicon.items()}
    spoken = [s for s in segments if s.text and s.text.split()]
    unknown = sorted({word for s in spoken for word in (s.text or "").split()} - known.keys())
    step.counts["words_outside_the_lexicon"] = len(unknown)
    if learn and unknown:
        print(f"{len(unknown):,} words outside the lexicon are pronounced by a model that is learnt from it")
        model = Pronouncer(lexicon)
        known |= {word: " ".join(phones) for word in unknown if (phones := model.pronounce(word))}
    for s in spoken:
        words = (s.text or "").split()
        if outside := [word for word in words if word not in known]:
            drop(step, s.original, OUTSIDE, f"{' '.join(dict.fromkeys(outside))}: it stays in the set, without phones")
        else:
            s.more = {**s.more, "utt2phones": " ".join(known[word] for word in words)}
    inventory = {phone for s in spoken for phone in s.more.get("utt2phones", "").split()}
    step.counts["phones"] = len(inventory)
    pronounced = sum("utt2phones" in s.more for s in spoken)
    print(f"utt2phones: {pronounced:,} of {len(spoken):,} utterances, {len(inventory)} different phones")
