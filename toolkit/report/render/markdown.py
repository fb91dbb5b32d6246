"""RESULTS.md: the first line, the table of systems, the paper's table, the conditions; everything else below."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import singledispatch

from ..section import Block, Cell, Facts, Folded, Funnel, Report, Section, Table, Text, Texts
from ..value import ABSENT, Value

WIDEST = 48  # a longer cell sticks out instead of padding its whole column
LONGEST = 300  # letters of a text


def document(report: Report) -> str:
    """Markdown text of the whole report."""
    parts = [f"# {plain(report.line)}", ""]
    if report.warning:
        parts += [f"**{plain(report.warning)}**", ""]
    parts += [markdown(report.main), *map(markdown, report.published)]
    parts += [part for line in report.conditions for part in (f"- {plain(line)}",)] + [""]
    parts += [line for note in report.notes for line in (f"> {plain(note)}", "")]
    for section in report.sections:
        parts += _section(section)
    return "\n".join(parts).rstrip() + "\n"


def _section(section: Section) -> list[str]:
    if all(isinstance(block, Text) or not markdown(block) for block in section.blocks):
        return []  # pictures alone, which the page has
    texts = [text for block in section.blocks if (text := markdown(block))]
    return [f"## {section.title}", "", *texts] if texts else []


@singledispatch
def markdown(block: Block) -> str:
    """A block as Markdown; empty for what only a page can show: pictures, heat maps, audio."""
    return ""


@markdown.register
def _(block: Text) -> str:
    return f"{plain(block.text)}\n"


@markdown.register
def _(block: Facts) -> str:
    return "\n".join(f"- {name}: {plain(value)}" for name, value in block.facts) + "\n"


@markdown.register
def _(block: Folded) -> str:
    return "\n".join(text for inner in block.blocks if (text := markdown(inner)))


@markdown.register
def _(block: Funnel) -> str:
    return markdown(block.table)


@markdown.register
def _(block: Texts) -> str:
    """An utterance after another, each system on a line of its own."""
    lines = []
    for utterance in block.utterances:
        lines += [f"- {plain(utterance.id)}{f' ({plain(utterance.place)})' if utterance.place else ''}"]
        lines += [f"  - {plain(who)}: {plain(cut(text, LONGEST))}" for who, text in utterance.texts]
    return "\n".join(lines) + "\n"


@markdown.register
def _(block: Table) -> str:
    """A pipe table under a bold title, its columns padded so that the source reads well."""
    titles = [plain(c.title) for c in block.columns]
    body = [[_cell(cell) for cell in row] for row in block.rows]
    widths = [min(WIDEST, max(3, *(_width(row[j]) for row in [titles, *body]))) for j in range(len(titles))]
    rule = [("-" * (w - 1) + ":") if c.align == "right" else "-" * w for w, c in zip(widths, block.columns)]
    lines = [f"**{plain(block.heading)}**", ""]
    for row in [titles, rule, *body]:
        cells = [_pad(cell, w, c.align) for cell, w, c in zip(row, widths, block.columns)]
        lines.append(f"| {' | '.join(cells)} |")
    for note in block.notes:
        lines += ["", plain(note)]
    return "\n".join(lines) + "\n"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Value):
        figure = f"**{cell.figure}**" if cell.best else cell.figure
        return " ".join(filter(None, (figure, cell.interval, cell.mark)))
    return ABSENT if cell is None else plain(cell)


def cut(text: str, longest: int) -> str:
    """A text on one line, no longer than that."""
    words = " ".join(text.split())
    return (words if len(words) <= longest else words[: longest - 1] + "…") or "(nothing)"


def plain(text: str) -> str:
    """Text as Markdown that shows exactly it: no markup, no HTML and no end of a table cell hides in it."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*|])", r"\\\1", text).replace("](", r"]\(").replace("~~", r"\~\~")
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\_", text)


def _width(text: str) -> int:
    """Columns that a terminal gives to `text`: combining marks take none, wide characters two."""
    letters: Sequence[str] = [c for c in text if not unicodedata.combining(c)]
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in letters)


def _pad(text: str, width: int, align: str) -> str:
    gap = " " * (width - _width(text))
    return gap + text if align == "right" else text + gap
