"""Answers of an audio LLM, as pseudo.answer leaves them and scoring reads them.

A folder has answers.jsonl, a line per item in the order of (task, id), and header.json, which says what gave them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..core.errors import UserError
from ..core.files import atomic, write_json
from ..core.schema import dump, read

ANSWERS, HEADER = "answers.jsonl", "header.json"
_TYPES = {"task": str, "id": str, "text": str, "tokens": int, "ended": bool}


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """The answer to one item.

    Attributes:
        task, id: of the item.
        text: white space made single; empty if nothing was written.
        tokens: that were written, without the end.
        ended: false if the answer was stopped by its length.
    """

    task: str
    id: str
    text: str
    tokens: int
    ended: bool


@dataclass(frozen=True)
class AnswersHeader:
    """What gave the answers.

    Attributes:
        system: its row in tables.
        model: folder of the adapter or model; digest: of an adapter's weights, "" for a whole model.
        items: folder of the items; tasks: those that were answered.
        parameters: weights of the whole model; trained: of the adapter, 0 for a model without one.
        share: of the training's steps; seed: of the training; None if not known.
    """

    system: str
    model: str
    digest: str
    items: str
    tasks: tuple[str, ...]
    parameters: int
    trained: int = 0
    share: float = 1.0
    seed: int | None = None


def write_answers(folder: Path, answers: Iterable[GivenAnswer], header: AnswersHeader) -> None:
    """Write both files; the header last."""
    with atomic(folder / ANSWERS) as temporary, open(temporary, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(asdict(answer), ensure_ascii=False) + "\n" for answer in answers)
    write_json(folder / HEADER, dump(header))


def read_answers(folder: Path) -> Iterator[GivenAnswer]:
    """Raises UserError for a damaged line, and for an item with two answers."""
    answered: set[tuple[str, str]] = set()
    with open(folder / ANSWERS, "rb") as f:
        for number, line in enumerate(f, 1):
            try:
                answer = GivenAnswer(**json.loads(line.decode("utf-8")))
                for name, kind in _TYPES.items():
                    if not isinstance(getattr(answer, name), kind):
                        raise TypeError(f"{name} is {getattr(answer, name)!r}"[:120])
                if (answer.task, answer.id) in answered:
                    raise ValueError(f"a second answer to {answer.id} of {answer.task}")
                answered.add((answer.task, answer.id))
                yield answer
            except (ValueError, TypeError) as e:
                where = f"{folder / ANSWERS}, line {number}"
                raise UserError(f"a damaged answer: {e}", where, "answer again with --fresh") from None


def read_answers_header(folder: Path) -> AnswersHeader:
    """Raises UserError if the folder has no answers."""
    return read(AnswersHeader, folder / HEADER, _damaged)


def is_answers(folder: Path) -> bool:
    return (folder / ANSWERS).is_file() and (folder / HEADER).is_file()


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"damaged answers: {why}", str(path), "name an output of pseudo.answer, or make it again")
