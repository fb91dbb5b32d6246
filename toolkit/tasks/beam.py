"""Beam search over what a trained CTC head hears: language model, weights that are best on dev, transcripts of test.

Shapes: T frames of an utterance, C classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ..core.files import read_json, write_json
from ..models.beam import Decoding, beam_search
from ..score.wer import characters, count_errors, error_rate
from ..text.ngram import NGram
from ..text.tokens import Tokens
from .base import Example
from .spelling import sentences
from .spelt import Spelling
from .types.ctc import CtcTask

Array = np.ndarray[Any, np.dtype[Any]]
Heard = Callable[[str], Iterable[tuple[Example, Array]]]  # part -> its utterances with log-probabilities [T, C]
CHOICE = "beam.json"
BLOCK = 1 << 20  # bytes


@dataclass(frozen=True)
class Searched:
    """What a beam search gave.

    Attributes:
        decoding: how it was done, for the result file; "dev" has the CER of all weights that were tried.
        transcripts: of the test set, by utterance id.
    """

    decoding: dict[str, Any]
    transcripts: dict[str, str]


def search(data: Spelling, heard: Heard, folder: Path) -> Searched:
    """Choose the weights on dev, the first of equals, and decode the test set with them.

    Args:
        folder: keeps the choice, which a run that was killed afterwards need not make again.
    """
    task, tokens = data.config, data.tokens
    lm, text = _language_model(data, tokens)
    tried = [Decoding(task.beam, *weights) for weights in product(task.lm_weight, task.insertion)]
    dev: list[dict[str, float]] = []
    if len(tried) > 1:
        if not (folder / CHOICE).is_file():
            write_json(folder / CHOICE, _on_dev(tokens, heard, lm, tried))
        dev = read_json(folder / CHOICE)
    best = tried[min(range(len(dev)), key=lambda k: dev[k]["percent"])] if dev else tried[0]
    transcripts = {
        example.id: tokens.decode(beam_search(log_probs_TC, best, lm)[0]) for example, log_probs_TC in heard("test")
    }
    weights = {"lm_weight": best.lm_weight, "insertion": best.insertion}
    return Searched({"beam": task.beam, "order": task.lm_order, **weights, "text": text, "dev": dev}, transcripts)


def _on_dev(tokens: Tokens, heard: Heard, lm: NGram, tried: list[Decoding]) -> list[dict[str, float]]:
    """CER on dev of every decoding that is tried, in percent."""
    errors: list[list[Any]] = [[] for _ in tried]
    for example, log_probs_TC in heard("dev"):
        reference = characters(example.reference)
        for decoding, counts in zip(tried, errors, strict=True):
            spelt = tokens.decode(beam_search(log_probs_TC, decoding, lm)[0])
            counts.append(count_errors(reference, characters(spelt)))
    return [
        {"lm_weight": decoding.lm_weight, "insertion": decoding.insertion, "percent": error_rate(counts)}
        for decoding, counts in zip(tried, errors, strict=True)
    ]


def _language_model(data: Spelling, tokens: Tokens) -> tuple[NGram, str]:
    """The model, and what it has learnt from: "train", or name and SHA-256 of a text."""
    if data.config.lm_text:
        return _model_of_text(data.config, tokens)
    return NGram((e.target.tolist() for e in data.parts["train"]), len(tokens), data.config.lm_order), "train"


@lru_cache(maxsize=1)  # the rows of a table ask for the same, and a large text takes minutes
def _model_of_text(config: CtcTask, tokens: Tokens) -> tuple[NGram, str]:
    path, state = Path(config.lm_text), hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(partial(f.read, BLOCK), b""):
            state.update(block)
    lm = NGram(sentences(path, config, tokens), len(tokens), config.lm_order)
    return lm, f"{path.name} sha256 {state.hexdigest()}"
