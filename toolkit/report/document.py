"""RESULTS.md: the tables in the layout of the paper, the honest statement, the funnel."""

from __future__ import annotations

from .content import Content
from .statement import Claim
from .tables import plain, to_markdown


def document(content: Content) -> str:
    """Markdown text of the whole report."""
    parts = [f"# Results: {plain(content.title)}", ""]
    if content.warning:
        parts += [f"**{plain(content.warning)}**", ""]
    parts += [f"- {name}: {plain(value)}" for name, value in content.facts]
    parts += ["", *(line for note in content.notes for line in (f"> {plain(note)}", ""))]
    parts += [to_markdown(content.data), to_markdown(content.training)]
    parts += ["## Models and probes", "", to_markdown(content.models)]
    parts += ["## Units", "", to_markdown(content.units)]
    parts += ["## The paper, and this run", "", to_markdown(content.paper), to_markdown(content.ours)]
    parts += ["## What the figures show", "", *(_claim(claim) for claim in content.claims), ""]
    parts += ["## Details", "", to_markdown(content.details), to_markdown(content.config)]
    parts += ["## Funnel of drops", "", to_markdown(content.funnel)]
    return "\n".join(parts).rstrip() + "\n"


def _claim(claim: Claim) -> str:
    return "\n".join(
        [f"- {plain(claim.text)}", *(f"  - {plain(p.task)}: **{p.outcome}**, {plain(p.figures)}" for p in claim.points)]
    )
