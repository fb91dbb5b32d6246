"""How alike the insides of a teacher and its students are: `structure.json`, a Structure.

train.structure writes it and the report reads it.
"""

from __future__ import annotations

from dataclasses import dataclass

STRUCTURE = "structure.json"


@dataclass(frozen=True)
class NetworkStructure:
    """The temporal structure of one network.

    Attributes:
        name: its row in the table of systems.
        apart: for each of its layers, layer 0 (the input of the blocks) first, the root of the mean squared difference
            between its cosines and those of the teacher's layer for it; 0 for the teacher itself.
        gram: cosines between the frames of the example at its last layer, averaged to a square of few places.
    """

    name: str
    apart: tuple[float, ...]
    gram: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Structure:
    """A teacher and its students on the same utterances.

    Attributes:
        utterances, seconds: that were compared.
        example: id of the utterance whose `gram` is kept, and its length in seconds.
    """

    teacher: NetworkStructure
    students: tuple[NetworkStructure, ...]
    utterances: int
    seconds: float
    example: str
    example_seconds: float
