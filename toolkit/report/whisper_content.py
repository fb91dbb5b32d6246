"""What the report of a distillation says, once, for both of its forms: RESULTS.md and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .config import ReportConfig
from .content import facts, named, paragraphs, titled
from .funnel import Stage, chain, synthetic
from .run_tables import config_table, data_table, funnel_table
from .statement import SYNTHETIC, Statement
from .tables import Table, listed
from .whisper_paper import our_table, paper_table
from .whisper_results import Distillation, collect
from .whisper_selection import area_table, group_table, kept_table, survival_table
from .whisper_statement import RANDOM, statement
from .whisper_tables import (
    category_table,
    contest_table,
    dialect_tables,
    example_table,
    label_table,
    system_tables,
    training_table,
)


@dataclass(frozen=True)
class Content:
    """Sentences and tables in the order of reading; `warning` is empty for real speech and real weights."""

    title: str
    warning: str
    notes: list[str]
    facts: list[tuple[str, str]]
    statement: Statement
    systems: list[Table]
    dialects: list[Table]
    contests: Table | None
    examples: Table | None
    categories: Table | None
    paper: Table
    ours: Table
    selection: list[Table]
    labels: Table
    training: Table
    data: Table
    config: Table
    funnel: Table
    distillation: Distillation
    stages: list[Stage]


def gather(paths: Sequence[Path], config: ReportConfig) -> Content:
    """Read all results and say what they show. Raises UserError for an input that is unknown, unfinished or broken."""
    distillation, stages = collect(paths), chain(paths)
    recipe, preset = named(config.recipe, config.preset, stages)
    made_up, scores, chosen = synthetic(stages), distillation.scores, distillation.selection
    groups = [group_table(chosen, name) for name in ("corpus", "dialect", "duration")] if chosen else []
    selection = [survival_table(chosen), kept_table(chosen), *groups, area_table(chosen)] if chosen else []
    return Content(
        title=titled(recipe, preset),
        warning=_warning(made_up, [s.name for s in scores.systems if s.random_weights] if scores else []),
        notes=paragraphs(config.note, config.synthetic_note if made_up else ""),
        facts=facts(distillation.common, stages, recipe, preset, bool(made_up)),
        statement=statement(scores, bool(made_up)),
        systems=system_tables(scores) if scores else [],
        dialects=dialect_tables(scores) if scores else [],
        contests=contest_table(scores) if scores else None,
        examples=example_table(scores) if scores else None,
        categories=category_table(scores) if scores else None,
        paper=paper_table(),
        ours=our_table(scores),
        selection=[table for table in selection if table],
        labels=label_table(distillation),
        training=training_table(distillation),
        data=data_table(distillation.common),
        config=config_table(stages),
        funnel=funnel_table(stages),
        distillation=distillation,
        stages=stages,
    )


def _warning(audio: Sequence[str], weights: Sequence[str]) -> str:
    """What is not real, by name."""
    sentences = [f"{SYNTHETIC} It is recorded so in {listed(audio)}."] if audio else []
    sentences += [f"{RANDOM} So say the hypotheses of {listed(weights)}."] if weights else []
    return " ".join(sentences)
