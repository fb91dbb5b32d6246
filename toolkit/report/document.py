"""RESULTS.md: the tables in the layout of the paper, the honest statement, the funnel."""

from __future__ import annotations

from collections.abc import Sequence

from .content import Content
from .statement import NOTHING, Said, Statement
from .tables import plain, to_markdown


def document(content: Content) -> str:
    """Markdown text of the whole report."""
    parts = opening(content.title, content.warning, content.facts, content.notes, content.statement)
    parts += ["## Data and training", "", to_markdown(content.data), to_markdown(content.training)]
    parts += ["## Models and probes", "", to_markdown(content.models)]
    parts += ["## Comparisons", "", *map(to_markdown, content.statement.tables)] if content.statement.tables else []
    if content.layers:
        parts += ["## Layer by layer", "", *map(to_markdown, content.layers)]
    if content.ablations:
        parts += ["## Raw against PCA units", ""]
        parts += [part for _, said, table in content.ablations for part in (plain(said), "", to_markdown(table))]
    parts += ["## Units", "", to_markdown(content.units)]
    parts += ["## The paper, and this run", "", to_markdown(content.paper), to_markdown(content.ours)]
    parts += ["## Details", "", to_markdown(content.details), to_markdown(content.config)]
    parts += ["## Funnel of drops", "", to_markdown(content.funnel)]
    return "\n".join(parts).rstrip() + "\n"


def opening(
    title: str, warning: str, facts: Sequence[tuple[str, str]], notes: Sequence[str], statement: Statement
) -> list[str]:
    """What stands above the tables: the title, what is synthetic, the facts, the caveats, the honest statement."""
    parts = [f"# Results: {plain(title)}", ""]
    if warning:
        parts += [f"**{plain(warning)}**", ""]
    parts += [f"- {name}: {plain(value)}" for name, value in facts]
    parts += ["", *(line for note in notes for line in (f"> {plain(note)}", ""))]
    return parts + _statement(statement)


def _statement(statement: Statement) -> list[str]:
    heads = {"What this run shows": statement.shows, "What it does not show": statement.lacks}
    parts = []
    for head, said in heads.items():
        parts += [f"## {head}", "", *map(_sentence, said or [NOTHING]), ""]
    return [*parts, *(part for caution in statement.cautions for part in (plain(caution), ""))]


def _sentence(said: Said) -> str:
    return f"- **{plain(said.title)}**: {plain(said.text)}" if said.title else f"- {plain(said.text)}"
