"""What the report is made of: sections, which hold blocks. A section says what is told, a renderer how it looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from markupsafe import Markup

from .value import Value

if TYPE_CHECKING:
    from .sections.heat import Heat
    from .sections.listen import Player
    from .sources.funnel import Stage

ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]")
Cell = str | Value | None  # None is written as a dash


@dataclass(frozen=True)
class Column:
    """Heading of a column; figures stand right, words left."""

    title: str
    align: Literal["left", "right"] = "right"


@dataclass(frozen=True)
class Table:
    """Rows under headings; the first cell of a row names it.

    Attributes:
        rows: cells; None where there is no figure.
        notes: sentences under the table.
        mark: whose figures these are; one table never holds both.
        strong: numbers of the rows that the table is about, from 0.
        muted: numbers of the rows that only stand beside another.
        first: numbers of the rows that begin a group.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    mark: Literal["", "paper", "this run"] = ""
    strong: frozenset[int] = field(default_factory=frozenset)
    muted: frozenset[int] = field(default_factory=frozenset)
    first: frozenset[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: a row of {len(row)} cells under {len(self.columns)} headings")

    @property
    def heading(self) -> str:
        return f"{self.title} ({self.mark})" if self.mark else self.title


@dataclass(frozen=True)
class Text:
    """A sentence or two."""

    text: str


@dataclass(frozen=True)
class Picture:
    """A drawing, with a title and what must be read with it."""

    title: str
    svg: Markup
    under: str = ""


@dataclass(frozen=True)
class Pictures:
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Heats:
    """Heat maps, each a table of squares."""

    heats: Sequence[Heat]


@dataclass(frozen=True)
class Players:
    """Utterances to listen to; `left_out`: how many the page has no room for."""

    players: Sequence[Player]
    left_out: int


@dataclass(frozen=True)
class Written:
    """An utterance as several systems write it.

    Attributes:
        texts: (who, text), the reference first.
        audio, picture: FLAC and its spectrogram as PNG, in base64; empty: none.
        seconds: of the audio.
        silent: why audio that was asked for is not there.
    """

    id: str
    place: str
    texts: Sequence[tuple[str, str]]
    audio: str = ""
    picture: str = ""
    seconds: float = 0.0
    silent: str = ""

    @property
    def rtl(self) -> bool:
        """True if the reference has Arabic letters: what was made of it is then read from the right too."""
        return bool(ARABIC.search(self.texts[0][1]))


@dataclass(frozen=True)
class Texts:
    utterances: Sequence[Written]


@dataclass(frozen=True)
class Facts:
    """Names and values."""

    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Funnel:
    """What each stage kept and dropped; `table` tells the same."""

    stages: Sequence[Stage]
    table: Table


@dataclass(frozen=True)
class Folded:
    """Blocks that the page shows on a click."""

    summary: str
    blocks: Sequence[Block]


Block = Table | Text | Pictures | Heats | Players | Texts | Facts | Funnel | Folded


@dataclass(frozen=True)
class Section:
    """Blocks under a heading. `id`: where links of the page lead."""

    id: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Tile:
    """A figure at the head of the page."""

    label: str
    figure: str
    unit: str = ""
    interval: str = ""
    under: str = ""


@dataclass(frozen=True)
class Report:
    """All that a report tells, for both of its forms.

    Attributes:
        line: recipe, date, and SYNTHETIC or real: the first line.
        warning: what is not real; empty if all is.
        main: the table of systems.
        published: the paper's tables.
        conditions: at most three lines on how to read the table and what was run.
        notes: caveats of the recipe.
    """

    line: str
    title: str
    warning: str
    tiles: Sequence[Tile]
    main: Table
    published: Sequence[Table]
    conditions: Sequence[str]
    notes: Sequence[str]
    sections: Sequence[Section]


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def merged(values: Mapping[str, str]) -> str:
    """`8 speakers for A and B; 9 for C`: names grouped by their value."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"{value} for {listed(of)}" for value, of in names.items())
