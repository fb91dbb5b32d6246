"""What a ctc task spells: transcripts, the tokens of its head, and the text that a language model learns from."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ..core.errors import UserError
from ..text.diacritics import strip_diacritics
from ..text.invisible import strip_invisible
from ..text.ngram import bits_of
from ..text.presentation import write_out_presentation_forms
from ..text.punctuation import strip_punctuation
from ..text.tokens import Characters, SentencePiece, Tokens, learn_pieces
from .types.ctc import CtcTask


def transcript(text: str, config: CtcTask) -> str:
    """What a head learns to spell and is scored against.

    In NFC, without invisible characters or presentation forms, one space between two words.
    """
    text = write_out_presentation_forms(strip_invisible(text))
    text = strip_diacritics(text) if config.strip_diacritics else unicodedata.normalize("NFC", text)
    return " ".join((strip_punctuation(text) if config.strip_punctuation else text).split())


def tokens_of(name: str, config: CtcTask, texts: tuple[str, ...]) -> Tokens:
    """What a head learns to spell with, from the training transcripts alone.

    Raises UserError for what would end task `name` only after its training: pieces or n-grams that cannot be, a text
    for the language model that cannot be read or has no sentence.
    """
    tokens: Tokens = Characters(texts)
    if config.tokens == "sentencepiece" and any(texts):  # without any text there is no task, as `build` finds
        tokens = SentencePiece(learn_pieces(texts, config.pieces, f"task {name}"))
    if config.decode == "beam":
        bits_of(len(tokens), config.lm_order, f"task {name}")
        if config.lm_text:
            _refuse_useless(Path(config.lm_text), config, tokens, f"task {name}: {config.lm_text}")
    return tokens


def _refuse_useless(path: Path, config: CtcTask, tokens: Tokens, where: str) -> None:
    if not path.is_file():
        raise UserError("no text for the language model", where, "mend lm_text")
    if not _lines_in(path) or next(sentences(path, config, tokens), None) is None:
        raise UserError("no sentence to learn a language model from", where, "name a text with sentences as lm_text")


def sentences(path: Path, config: CtcTask, tokens: Tokens) -> Iterator[list[int]]:
    """Lines of a text as the head would spell them: without characters that it cannot spell, empty ones left out.

    Raises UserError for a text that is not UTF-8, as soon as that is met.
    """
    for line in _lines(path):
        if text := " ".join(tokens.known(transcript(line, config)).split()):
            yield tokens.encode(text)


def _lines(path: Path) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as f:
            yield from f
    except UnicodeDecodeError as e:
        raise UserError(f"not UTF-8 text: {e.reason}", str(path), "convert it, or name another lm_text") from None


@lru_cache(maxsize=1)  # the rows of a table ask for the same
def _lines_in(path: Path) -> int:
    """How many lines a text has. Raises UserError where it is not UTF-8."""
    return sum(1 for _ in _lines(path))
