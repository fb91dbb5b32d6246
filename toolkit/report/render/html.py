"""index.html: one self-contained page that asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache, singledispatch
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from ..section import Block, Cell, Facts, Folded, Funnel, Heats, Pictures, Players, Report, Table, Text, Texts
from ..section import Column as Heading
from ..sections.ran import kept_words, share_dropped
from ..value import ABSENT, Value
from .markdown import cut

HERE = Path(__file__).parent
DROPS_SHOWN = 200  # dropped utterances listed for a stage; the others are counted
LONGEST = 600  # letters of a text


def page(report: Report) -> str:
    """HTML of the whole report. Every string of a result file is escaped; scripts but ours are refused."""
    script = (HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    style = (HERE / "page.css").read_text(encoding="utf-8")
    return _template("page.html.j2").render(
        report=report, html=html, style=Markup(style), script=Markup(script), script_hash=digest
    )


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)


def _macro(name: str, *values: object) -> Markup:
    """A block that a template draws, by the name of the macro."""
    made: Markup = getattr(_template("blocks.html.j2").module, name)(*values)
    return made


@singledispatch
def html(block: Block) -> Markup:
    """A block as HTML; every string in it is escaped."""
    raise TypeError(f"no HTML for a {type(block).__name__}")


@html.register
def _(block: Text) -> Markup:
    return Markup('<p class="lead">{}</p>\n').format(block.text)


@html.register
def _(block: Facts) -> Markup:
    facts = (Markup("<div><dt>{}</dt><dd><bdi>{}</bdi></dd></div>").format(name, value) for name, value in block.facts)
    return Markup('<dl class="facts">{}</dl>\n').format(_joined(facts))


@html.register
def _(block: Folded) -> Markup:
    return Markup("<details><summary>{}</summary>{}</details>\n").format(
        block.summary, _joined(map(html, block.blocks))
    )


@html.register
def _(block: Pictures) -> Markup:
    return _macro("pictures", block.pictures)


@html.register
def _(block: Heats) -> Markup:
    return _macro("heats", block.heats)


@html.register
def _(block: Players) -> Markup:
    return _macro("players", block.players, block.left_out)


@html.register
def _(block: Texts) -> Markup:
    rows = [(u, [(who, cut(text, LONGEST)) for who, text in u.texts]) for u in block.utterances]
    return _macro("texts", rows)


@html.register
def _(block: Funnel) -> Markup:
    return _macro("funnel", block.stages, kept_words, share_dropped, DROPS_SHOWN)


@html.register
def _(block: Table) -> Markup:
    """Intervals and marks get elements of their own (classes `ci` and `ahead`, `behind`)."""
    head = _joined(Markup('<th scope="col" class="{}">{}</th>').format(c.align, _tied(c.title)) for c in block.columns)
    rows = []
    for i, row in enumerate(block.rows):
        cells = [Markup('<th scope="row" dir="auto">{}</th>').format(_cell(row[0]))]
        cells += [_data_cell(cell, column) for cell, column in zip(row[1:], block.columns[1:])]
        classes = " ".join(name for name in ("strong", "muted", "first") if i in getattr(block, name))
        opening = Markup('<tr class="{}">').format(classes) if classes else Markup("<tr>")
        rows.append(opening + _joined(cells) + Markup("</tr>\n"))
    mark = Markup(' <span class="mark {}">{}</span>').format(block.mark.replace(" ", "-"), block.mark)
    caption = Markup("<caption>{}{}</caption>").format(block.title, mark if block.mark else "")
    notes = _joined(Markup("<p>{}</p>\n").format(note) for note in block.notes)
    return Markup(
        '<div class="table"><div class="scroll" tabindex="0" role="region" aria-label="{}"><table>{}\n'
        "<thead><tr>{}</tr></thead>\n"
        "<tbody>\n{}</tbody></table></div>\n{}</div>\n"
    ).format(
        block.heading,
        caption,
        head,
        _joined(rows),
        Markup('<div class="notes">{}</div>').format(notes) if notes else "",
    )


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _tied(title: str) -> str:
    """A heading that does not break before its unit or its arrow."""
    return title.replace(" %", "\u00a0%").replace("% ", "%\u00a0")


def _data_cell(cell: Cell, column: Heading) -> Markup:
    absent = " absent" if cell is None else ""
    return Markup('<td class="{}{}">{}</td>').format(column.align, absent, _cell(cell))


def _cell(cell: Cell) -> Markup:
    if not isinstance(cell, Value):
        return escape(ABSENT if cell is None else cell)
    figure = Markup('<span class="figure{}">{}</span>').format(" best" if cell.best else "", cell.figure)
    if cell.mark:
        figure += Markup(' <span class="{}" title="{}">{}</span>').format(cell.outcome, cell.outcome, cell.mark)
    return figure + (Markup(' <span class="ci">{}</span>').format(cell.interval) if cell.interval else Markup(""))
