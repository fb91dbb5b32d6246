"""Rows of a table that name one thing twice: if they say the same, the first is taken; if they differ, none is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...text.invisible import excerpt

CONTRADICTING = "contradicting rows"  # the reason in the ledger
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Statement(Generic[T]):
    """A row that says something of a recording or an id.

    Attributes:
        where: file and line, as the ledger has them; name: the recording or id.
        content: what the row says of it, as it is compared; row: what the caller takes of it.
    """

    where: str
    name: str
    content: Hashable
    row: T


def settled(
    statements: Iterable[Statement[T]], meaning: str, lost: Callable[[str, str, str], None], repeated: str
) -> list[T]:
    """The rows of `statements` in order, without repeated ones; of a name about which they differ there is none.

    Args:
        meaning: what they say, e.g. sentence. lost: called with (where, reason, detail) of each row that is left out.
        repeated: the reason for a row that says again what an earlier one says.
    """
    statements = list(statements)
    first: dict[str, Statement[T]] = {}
    second: dict[str, Statement[T]] = {}  # the first that differs
    for s in statements:
        if first.setdefault(s.name, s).content != s.content:
            second.setdefault(s.name, s)
    kept: list[T] = []
    for s in statements:
        one, two = first[s.name], second.get(s.name)
        if two:
            against = two if s.content == one.content else one
            detail = f"{s.name}: another {meaning} in {against.where}: {_shown(s)} here, {_shown(against)} there"
            lost(s.where, CONTRADICTING, detail)
        elif s is one:
            kept.append(s.row)
        else:
            lost(s.where, repeated, f"{s.name} stands in {one.where} already")
    return kept


def _shown(s: Statement[T]) -> str:
    return excerpt(" | ".join(map(str, s.content)) if isinstance(s.content, tuple) else str(s.content))
