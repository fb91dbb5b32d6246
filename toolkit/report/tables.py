"""The one place that writes a table: Markdown and HTML from the same rows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from markupsafe import Markup, escape

ABSENT = "–"
UNPAIRED = "†"
AGREEING = "No interval: all speakers (utterances) score the same there, of which a bootstrap knows no spread."
THIS_RUN: Final = "this run"
PAPER: Final = "paper"
WIDEST = 48  # a longer cell of Markdown sticks out instead of padding its whole column


def fixed(value: float, digits: int = 1, sign: str = "") -> str:
    """`value` with so many decimals, 0 never as −0; `sign`: "+" puts one before positive numbers too."""
    return f"{round(value, digits) + 0.0:{sign}.{digits}f}"


@dataclass(frozen=True)
class Estimate:
    """A measured figure with its confidence interval, in the unit of its column (percent here).

    Attributes:
        value: the figure.
        low, high: ends of the interval; None where it has none.
        digits: decimals shown.
        agreeing: whether all that was drawn scored the same; verdicts then use the ends, which no reader is shown.
    """

    value: float
    low: float | None = None
    high: float | None = None
    digits: int = 1
    agreeing: bool = False

    @property
    def figure(self) -> str:
        return fixed(self.value, self.digits)

    @property
    def interval(self) -> str:
        """`[58.9, 63.4]`, or nothing where there is no interval, or none to show."""
        if self.low is None or self.high is None or self.agreeing:
            return ""
        return f"[{fixed(self.low, self.digits)}, {fixed(self.high, self.digits)}]"

    @property
    def negated(self) -> Estimate:
        """The difference seen from the other side."""
        low, high = (None if end is None else -end for end in (self.high, self.low))
        return Estimate(-self.value, low, high, self.digits, self.agreeing)

    def __str__(self) -> str:
        return f"{self.figure} {self.interval}".rstrip()


Outcome = Literal["ahead", "behind", "not told apart", "not comparable", "not measured"]


@dataclass(frozen=True)
class Judged:
    """How one figure stands to another.

    Attributes:
        outcome: whether it is ahead, lower being better for error rates.
        difference: in points, with its interval where the two were tested in pairs; None where there is none.
        note: what else there is to say of it.
    """

    outcome: Outcome
    difference: Estimate | None = None
    note: str = ""

    @property
    def paired(self) -> bool:
        return bool(self.difference and self.difference.low is not None)

    @property
    def rest(self) -> str:
        """`+24.6 [22.6, 26.6]; keeps 91 %`; a difference without a paired test is followed by UNPAIRED."""
        words = []
        if self.difference:
            figure = fixed(self.difference.value, self.difference.digits, "+")
            words.append(f"{figure} {self.difference.interval if self.paired else UNPAIRED}".rstrip())
        return "; ".join([*words, self.note] if self.note else words)

    def __str__(self) -> str:
        return f"{self.outcome} {self.rest}".rstrip()


Cell = str | Estimate | Judged | None  # None is written as ABSENT


@dataclass(frozen=True)
class Column:
    """Heading of a column; figures stand right, words left."""

    title: str
    align: Literal["left", "right"] = "right"


@dataclass(frozen=True)
class Table:
    """Rows under headings; the first cell of a row names it.

    Attributes:
        title: what the table shows.
        columns: headings, one per cell of a row.
        rows: cells; None where there is no figure.
        notes: sentences that stand under the table.
        mark: whose figures these are ("paper" or "this run"); one table never holds both.
        strong: numbers of the rows that the table is about, counted from 0.
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
    def remarks(self) -> list[str]:
        """The notes, and one on figures that have no interval to show."""
        cells = [cell.difference if isinstance(cell, Judged) else cell for row in self.rows for cell in row]
        agreeing = any(isinstance(cell, Estimate) and cell.agreeing for cell in cells)
        return [*self.notes, AGREEING] if agreeing else list(self.notes)

    @property
    def heading(self) -> str:
        return f"{self.title} ({self.mark})" if self.mark else self.title


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def plain(text: str) -> str:
    """Text as Markdown that shows exactly it: no markup, no HTML and no end of a table cell hides in it."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*|])", r"\\\1", text).replace("](", r"]\(").replace("~~", r"\~\~")
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\_", text)


def to_markdown(table: Table) -> str:
    """The table as a Markdown pipe table under a bold title, its columns padded so that the source reads well."""
    titles = [plain(c.title) for c in table.columns]
    body = [[plain(_text(cell)) for cell in row] for row in table.rows]
    for i in table.strong:
        body[i][0] = f"**{body[i][0]}**"
    widths = [min(WIDEST, max(3, *(_width(row[j]) for row in [titles, *body]))) for j in range(len(titles))]
    rule = [("-" * (w - 1) + ":") if c.align == "right" else "-" * w for w, c in zip(widths, table.columns)]
    lines = [f"**{plain(table.heading)}**", ""]
    for row in [titles, rule, *body]:
        cells = [_pad(cell, w, c.align) for cell, w, c in zip(row, widths, table.columns)]
        lines.append(f"| {' | '.join(cells)} |")
    for note in table.remarks:
        lines += ["", plain(note)]
    return "\n".join(lines) + "\n"


def to_html(table: Table) -> Markup:
    """The table as HTML; every string in it is escaped. Intervals get an element of their own (class `ci`)."""
    head = Markup("").join(
        Markup('<th scope="col" class="{}">{}</th>').format(c.align, _tied(c.title)) for c in table.columns
    )
    rows = []
    for i, row in enumerate(table.rows):
        cells = [Markup('<th scope="row" dir="auto">{}</th>').format(_html(row[0]))]
        cells += [_data_cell(cell, column) for cell, column in zip(row[1:], table.columns[1:])]
        classes = " ".join(name for name in ("strong", "muted", "first") if i in getattr(table, name))
        opening = Markup('<tr class="{}">').format(classes) if classes else Markup("<tr>")
        rows.append(opening + Markup("").join(cells) + Markup("</tr>\n"))
    mark = Markup(' <span class="mark {}">{}</span>').format(table.mark.replace(" ", "-"), table.mark)
    caption = Markup("<caption>{}{}</caption>").format(table.title, mark if table.mark else "")
    notes = Markup("").join(Markup("<p>{}</p>\n").format(note) for note in table.remarks)
    return Markup(
        '<div class="table"><div class="scroll" tabindex="0" role="region" aria-label="{}"><table>{}\n'
        "<thead><tr>{}</tr></thead>\n"
        "<tbody>\n{}</tbody></table></div>\n{}</div>\n"
    ).format(
        table.heading,
        caption,
        head,
        Markup("").join(rows),
        Markup('<div class="notes">{}</div>').format(notes) if notes else "",
    )


def _tied(title: str) -> str:
    """A heading that does not break before its unit or its arrow."""
    return title.replace(" %", "\u00a0%").replace("% ", "%\u00a0")


def _data_cell(cell: Cell, column: Column) -> Markup:
    absent = " absent" if cell is None else ""
    return Markup('<td class="{}{}">{}</td>').format(column.align, absent, _html(cell))


def _html(cell: Cell) -> Markup:
    if isinstance(cell, Estimate):
        interval = Markup(' <span class="ci">{}</span>').format(cell.interval) if cell.interval else ""
        return Markup('<span class="figure">{}</span>{}').format(cell.figure, interval)
    if isinstance(cell, Judged):
        outcome = Markup('<b class="{}">{}</b>').format(cell.outcome.replace(" ", "-"), cell.outcome)
        return outcome + (Markup(' <span class="ci">{}</span>').format(cell.rest) if cell.rest else "")
    return escape(_text(cell))


def _text(cell: Cell) -> str:
    return ABSENT if cell is None else str(cell)


def _width(text: str) -> int:
    """Columns that a terminal gives to `text`: combining marks take none, wide characters two."""
    shown = [c for c in text if not unicodedata.combining(c)]
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown)


def _pad(text: str, width: int, align: str) -> str:
    gap = " " * (width - _width(text))
    return gap + text if align == "right" else text + gap
