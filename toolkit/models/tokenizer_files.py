"""What a tokenizer.json may ask for, before any program builds a tokenizer of it.

Its parts may hold regular expressions, which run on every text; one can be written that never ends. So only those of
releases are taken: Whisper's has none. Nor is a dropout, which would make other tokens of the same text each time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from .model_files import read_mapping
from .token_ids import REMEDY

PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")


def refuse_unlike_release(path: Path, known: Collection[str] = ()) -> None:
    """Raise UserError for a tokenizer.json with a dropout, or with an expression that is none of the `known` ones."""
    tree = read_mapping(path)
    strange = [text for part in PARTS for text in _expressions(tree.get(part)) if text not in known]
    if strange:
        problem = f"a tokenizer with a regular expression of its own, which no release has: {strange[0][:100]!r}"
        raise UserError(problem, str(path), REMEDY)
    model = tree.get("model")
    if isinstance(model, dict) and model.get("dropout"):
        problem = f"a tokenizer with dropout {model['dropout']}: one text would have other tokens each time"
        raise UserError(problem, str(path), REMEDY)


def _expressions(tree: Any) -> Iterator[str]:
    parts = [tree]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            if "Regex" in part:
                yield str(part["Regex"])
            parts += part.values()
        elif isinstance(part, list):
            parts += part
