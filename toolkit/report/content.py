"""What the report says, once, for both of its forms: RESULTS.md and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .ablation import Ablation, ablation_table, ablations, verdict
from .funnel import Stage, chain, commits, synthetic
from .layers import layer_table
from .model_table import model_table
from .paper import our_table, paper_table
from .results import Results, collect
from .run_tables import config_table, data_table, detail_table, flat, funnel_table, training_table, unit_table
from .statement import SYNTHETIC, Statement, statement
from .tables import ABSENT, Table, listed


@dataclass(frozen=True)
class Content:
    """Sentences and tables in the order of reading; `warning` is empty for real speech.

    `ablations`: each with a sentence on what it shows and its table.
    """

    title: str
    warning: str
    notes: list[str]
    facts: list[tuple[str, str]]
    statement: Statement
    data: Table
    models: Table
    units: Table
    layers: list[Table]
    ablations: list[tuple[Ablation, str, Table]]
    paper: Table
    ours: Table
    training: Table
    details: Table
    config: Table
    funnel: Table
    results: Results
    stages: list[Stage]


def gather(
    paths: Sequence[Path], recipe: str = "", preset: str = "", note: str = "", synthetic_note: str = ""
) -> Content:
    """Read all results and say what they show.

    Args:
        paths: input folders, recognised by content.
        recipe: name in the title; empty: the last two folders of the path the recipe runs in.
        preset: name of the preset; empty: the folder in conf/ that the stages' configs lie in.
        note: caveats of the recipe; an empty line begins another.
        synthetic_note: caveats that hold of synthetic audio only.

    Raises:
        UserError: an input is unknown, unfinished or broken.
    """
    results, stages = collect(paths), chain(paths)
    recipe, preset = named(recipe, preset, stages)
    said = synthetic(stages) or [f"the unit quality of {q.tag}" for q in results.qualities if q.synthetic]
    warning = f"{SYNTHETIC} It is recorded so in {listed(said)}." if said else ""
    return Content(
        title=titled(recipe, preset),
        warning=warning,
        notes=paragraphs(note, synthetic_note if said else ""),
        facts=facts(results, stages, recipe, preset, bool(said)),
        statement=statement(results, bool(said)),
        data=data_table(results),
        models=model_table(results),
        units=unit_table(results),
        layers=[layer_table(probe) for probe in results.layers],
        ablations=[(a, verdict(a, results), ablation_table(a, results)) for a in ablations(results)],
        paper=paper_table(),
        ours=our_table(results, bool(said)),
        training=training_table(results),
        details=detail_table(results),
        config=config_table(stages),
        funnel=funnel_table(stages),
        results=results,
        stages=stages,
    )


def named(recipe: str, preset: str, stages: Sequence[Stage]) -> tuple[str, str]:
    """Recipe and preset as given; where one is empty, as the folders say."""
    return recipe or "/".join(Path.cwd().parts[-2:]), preset or _preset(stages)


def titled(recipe: str, preset: str) -> str:
    return f"{recipe}, preset {preset}" if preset else recipe


def paragraphs(*notes: str) -> list[str]:
    """The paragraphs of notes, which empty lines part."""
    return [" ".join(part.split()) for note in notes for part in note.split("\n\n") if part.strip()]


def _preset(stages: Sequence[Stage]) -> str:
    """`quick` of conf/quick/base.yaml, where all configs agree."""
    files = [stage.config_file for stage in stages if stage.config_file]
    found = {file.parent.name for file in files if file.parent.parent.name == "conf"}
    return found.pop() if len(found) == 1 else ""


def facts(
    results: Results, stages: Sequence[Stage], recipe: str, preset: str, synthetic: bool
) -> list[tuple[str, str]]:
    """Names and values of what was run."""
    hours = [f"{data.name} {data.hours:.2f} h" for data in results.sets if data.hours is not None]
    made = commits(stages)
    commit = made[0] if len(made) == 1 else f"the stages differ: {', '.join(made)}" if made else f"{ABSENT} (no record)"
    commit += " (+: made with files that were not committed)" if any(c.endswith("+") for c in made) else ""
    networks = [
        f"{t.name} ({', '.join(f'{k} {v}' for k, v in t.shape.items())}; {t.steps:,} steps)" for t in results.trainings
    ]
    seeds = sorted({value for stage in stages for name, value in flat(stage.config) if name.split(".")[-1] == "seed"})
    speech = ", ".join(hours) + (" (SYNTHETIC)" if synthetic else "")
    return [
        ("Recipe", recipe),
        ("Preset", preset or "none"),
        ("Audio", speech if hours else f"{ABSENT} (no utt2dur among the inputs)"),
        ("Networks", "; ".join(networks) or f"{ABSENT} (none among the inputs)"),
        ("Seed", ", ".join(seeds) or f"{ABSENT} (no config has one)"),
        ("Commit", commit),
    ]
