"""Sentences from templates over word lists, no two alike."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

SLOT = re.compile(r"\{(\w+?)(\d?)\}")
BETWEEN = " / "
_TIES = str.maketrans("", "", "\u0640")  # a tatweel only ties a prefix to its slot in the templates


@dataclass(frozen=True)
class Lexicon:
    """Sentence templates with {slot}s, and the words of each slot, apart by ` / `."""

    templates: tuple[str, ...]
    slots: dict[str, str]


def expand(template: str, slots: dict[str, str]) -> Iterator[str]:
    """Every sentence of a template; {food} and {food2} never take the same word."""
    slots_used = [m[1] for m in SLOT.finditer(template)]
    pieces = SLOT.sub("\0", template).split("\0")
    for words in itertools.product(*(slots[name].split(BETWEEN) for name in slots_used)):
        if len(set(zip(slots_used, words))) == len(words):
            yield "".join(itertools.chain(*itertools.zip_longest(pieces, words, fillvalue=""))).translate(_TIES)


def skeleton(sentence: str) -> str:
    """A sentence without diacritics, punctuation and case: two that share it count as the same."""
    kept = (c for c in unicodedata.normalize("NFKC", sentence).lower() if unicodedata.category(c)[0] in "LNZ")
    return " ".join("".join(kept).split())


_SHADDA, _SUKUN, _VOWELS = "\u0651", "\u0652", "\u064b-\u0650"
_SUN = "تثدذرزسشصضطظلن"
_SPOKEN = (
    (re.compile(f"([{_VOWELS}]){_SHADDA}"), rf"{_SHADDA}\1"),  # Unicode orders the vowel first; read so, it is lost
    (re.compile(rf"\bال([{_SUN}]){_SHADDA}"), r"ال\1"),  # the rule for the article doubles the letter by itself
    (re.compile(r"ك(?=$|[\s،؟])"), f"ك{_SUKUN}"),  # a bare final ك is read -ka
    (re.compile(r"ة(?=$|[\s،؟])"), ""),  # and a bare final ة -at, also in a pause
)


def spoken(sentence: str) -> str:
    """An Arabic sentence as eSpeak NG 1.52 must get it to read all of its vowels; for the synthesiser alone."""
    for pattern, replacement in _SPOKEN:
        sentence = pattern.sub(replacement, sentence)
    return sentence


_END = r"(?=$|[\s،؟])"
_PAUSAL = (
    (re.compile(f"\u064b(?={_SHADDA}?ا{_END})|(?<=ا)\u064b{_END}"), "\u064e"),  # صُنْدُوقًا, in a pause -ā
    (re.compile(f"[{_VOWELS}](?={_SHADDA}?{_END})"), ""),
)


def pausal(sentence: str) -> str:
    """An Arabic sentence as it is read without case endings: words end in their last consonant or long vowel."""
    for pattern, replacement in _PAUSAL:
        sentence = pattern.sub(replacement, sentence)
    return sentence


def sentences(lexicon: Lexicon, rng: np.random.Generator, seen: set[str]) -> list[str]:
    """Every sentence of the lexicon that is not in `seen`, once, shuffled; the templates take turns as they last.

    `seen` holds skeletons; those of the sentences returned are added to it.
    """
    turns: list[list[str]] = []
    for template in lexicon.templates:
        fresh: list[str] = []
        for sentence in expand(template, lexicon.slots):
            if skeleton(sentence) not in seen:
                seen.add(skeleton(sentence))
                fresh.append(sentence)
        turns.append([fresh[i] for i in rng.permutation(len(fresh))])
    rounds = itertools.zip_longest(*turns)
    return [s for one in rounds for s in (one[i] for i in rng.permutation(len(one))) if s]
