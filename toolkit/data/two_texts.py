"""Utterances of the same audio, from the same second to the same, whose transcripts differ: one of them is wrong."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping

from .kaldi import Utterance
from .tables import Problem, few

SHOWN = 3  # utterances that are named
Piece = tuple[str, Hashable, str]  # id; recording, channel and times; transcript


def torn(pieces: Iterable[Piece]) -> list[str]:
    """Ids of pieces of whose audio another piece has another transcript, in order. An empty transcript is left out."""
    spoken = [piece for piece in pieces if piece[2].strip()]
    seen: set[int] = set()
    twice: set[int] = set()
    for _, place, _ in spoken:  # hashes take little memory, and few are there twice
        (twice if (key := hash(place)) in seen else seen).add(key)
    groups: dict[Hashable, list[Piece]] = {}
    for piece in spoken if twice else ():
        if hash(piece[1]) in twice:
            groups.setdefault(piece[1], []).append(piece)
    return [id for group in groups.values() if len({text for _, _, text in group}) > 1 for id, _, _ in group]


def told(ids: list[str]) -> str:
    """What is wrong with such pieces, with the first of them."""
    return f"{len(ids):,} utterances have the same audio as another, and another transcript: {few(ids, SHOWN)}"


def problems(tables: Mapping[str, Mapping[str, str]], loaded: Iterable[Utterance]) -> Iterator[Problem]:
    """A warning of such utterances of a data directory, if it has any."""
    texts = tables.get("text", {})
    pieces = ((u.id, (u.path, u.channel, u.start, u.end), texts.get(u.id, "")) for u in loaded)
    if ids := torn(pieces):
        remedy = "take the wrong ones out: nobody can tell which they are"
        yield Problem("text", 0, "two transcripts", told(ids), remedy, level="warning", id=ids[0])
