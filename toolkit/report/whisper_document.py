"""RESULTS.md of a distillation: the honest statement, the tables, the funnel."""

from __future__ import annotations

from collections.abc import Sequence

from .document import opening
from .tables import Table, to_markdown
from .whisper_content import Content


def document(content: Content) -> str:
    """Markdown text of the whole report."""
    parts = opening(content.title, content.warning, content.facts, content.notes, content.statement)
    parts += _section("Systems", [*content.systems, *content.dialects])
    parts += _section("Paired tests", [content.contests])
    parts += _section("What goes wrong", [content.categories, content.examples])
    parts += _section("The paper, and this run", [content.paper, content.ours])
    parts += _section("Labels", [content.labels, *content.selection])
    parts += _section("Data and training", [content.data, content.training])
    parts += _section("Details", [content.config])
    parts += _section("Funnel of drops", [content.funnel])
    return "\n".join(parts).rstrip() + "\n"


def _section(title: str, tables: Sequence[Table | None]) -> list[str]:
    shown = [to_markdown(table) for table in tables if table]
    return [f"## {title}", "", *shown] if shown else []
