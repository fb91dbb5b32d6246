"""A recipe kind is a list of sections, in the order of reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from ..core.record import RECORD
from .config import Published, ReportConfig
from .section import Cell, Column, Report, Section, Table, listed
from .sections import labels, ran, scores, superb, systems
from .sections.ablation import ablation
from .sections.classes import classes
from .sections.heads import confusions, layer_by_layer, layer_weights
from .sections.listen import listen
from .sections.pairs import pairs
from .sections.rates import rates
from .sections.schedules import schedules
from .sections.structure import structure
from .sections.teachers import teachers
from .sections.training import training
from .sections.units import units
from .sections.ways import ways
from .sections.worst import worst
from .sources.collect import Run, collect
from .sources.funnel import commits, synthetic

Build = Callable[[Run], Section | None]
SYSTEMS: tuple[Build, ...] = (systems.best, teachers, pairs, systems.pictures, systems.costs)
TASKS: tuple[Build, ...] = (rates, layer_weights, confusions, classes, worst, systems.figures, ran.ran, ran.funnel)
KINDS: dict[str, tuple[Build, ...]] = {
    "ssl": (*SYSTEMS, ablation, layer_by_layer, training, units, listen, *TASKS),
    "superb": (*SYSTEMS, *TASKS),
    "star": (ways, *SYSTEMS, structure, training, units, *TASKS),
    "instruct": (ways, *SYSTEMS[:1], *SYSTEMS[2:4], schedules, *TASKS),
    "whisper": (
        systems.best,
        pairs,
        systems.pictures,
        scores.by_set,
        scores.dialects,
        scores.errors,
        labels.labels,
        training,
        ran.ran,
        ran.funnel,
    ),
}


def gather(paths: Sequence[Path], config: ReportConfig) -> tuple[Report, Run]:
    """Read all inputs and write down what they tell. Raises UserError for an input that is unknown or broken."""
    run = collect(paths, config.baseline, config.teachers, config.worst)
    audio, weights = synthetic(run.stages), [s.name for s in run.board.systems if s.arm == "random"]
    audio = audio or [f"the unit quality of {quality.tag}" for quality in run.qualities if quality.synthetic]
    preset = config.preset or ran.preset_of(run.stages)
    title = ", ".join(filter(None, (config.recipe or ran.recipe_of(), f"preset {preset}" if preset else "")))
    kind = "SYNTHETIC audio" if audio else "real audio"
    report = Report(
        line=f"Results: {title}; {date_of(paths)}; {kind}",
        title=title,
        warning=_warning(audio, weights if run.scores else []),
        tiles=systems.tiles(run),
        main=systems.main_table(run, config.names),
        published=[*superb.published(run), *(published(table) for table in config.published.values())],
        conditions=[*systems.conditions(run), *_conditions(run)],
        notes=paragraphs(config.note, config.synthetic_note if audio else ""),
        sections=[section for build in KINDS[config.kind] if (section := build(run))],
    )
    return report, run


def _warning(audio: Sequence[str], weights: Sequence[str]) -> str:
    """What is not real, by name."""
    sentences = [f"The audio is SYNTHETIC (so marked in {listed(audio)})."] if audio else []
    sentences += [f"The weights of {listed(weights)} are RANDOM."] if weights else []
    if sentences:
        sentences.append("The figures show that the chain works, and nothing about real Arabic speech.")
    return " ".join(sentences)


def _conditions(run: Run) -> list[str]:
    """Audio and networks; seeds and commit."""
    hours = [f"{data.name} {data.hours:.2f} h" for data in run.sets if data.hours is not None]
    steps = [f"{trained.name} {trained.steps:,} steps" for trained in run.trainings]
    steps += [f"{s.arm} {s.result.steps:,} steps" for s in {s.arm: s for s in run.schedules}.values()]
    lines = [f"Audio: {', '.join(hours) or 'not known'}. Trained: {', '.join(steps) or 'nothing here'}."]
    made = [f"seed {', '.join(seeds)}"] if (seeds := ran.seeds(run)) else []
    made += [f"commit {', '.join(made_at)}"] if (made_at := commits(run.stages)) else []
    return [*lines, f"{'; '.join(['One run of each system', *made])}."]


def date_of(paths: Sequence[Path]) -> str:
    """The day on which the newest input was finished; today's if none has a record."""
    times = [(path / RECORD).stat().st_mtime for path in paths if (path / RECORD).is_file()]
    moment = datetime.fromtimestamp(max(times), timezone.utc) if times else datetime.now(timezone.utc)
    return moment.date().isoformat()


def paragraphs(*notes: str) -> list[str]:
    """The paragraphs of notes, which empty lines part."""
    return [" ".join(part.split()) for note in notes for part in note.split("\n\n") if part.strip()]


OWN_CONDITIONS = (
    "Under the paper's own conditions: compare with this run only if data, sizes and test sets are the same."
)


def published(table: Published) -> Table:
    """A paper's table."""
    rows: list[list[Cell]] = [
        [None if cell.strip() in ("", "-", "–") else cell.strip() for cell in row.split("|")] for row in table.rows
    ]
    columns = [Column(title, "left" if i == 0 else "right") for i, title in enumerate(table.columns)]
    notes = [OWN_CONDITIONS, *([table.note] if table.note else [])]
    return Table(table.title, columns, rows, notes, "paper")
