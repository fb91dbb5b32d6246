"""What was run, and what each stage dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.results import FAILED, LEFT_OUT
from ..section import Cell, Facts, Folded, Funnel, Section, Table
from ..section import Column as Heading
from ..sources.collect import SET_ORDER, Run
from ..sources.funnel import Stage, commits
from ..value import ABSENT

NO_UTTERANCE = (LEFT_OUT, FAILED)  # reasons of rows that name a task
CHOICE = "_left_out_by_"  # in the names of counts of what a config field leaves out


def ran(run: Run) -> Section:
    """The sets, the seeds, the commit, the settings of every step."""
    return Section(
        "run",
        "What was run",
        [Facts(facts(run)), data_table(run), Folded("Configuration of every step", [config_table(run.stages)])],
    )


def funnel(run: Run) -> Section:
    """What each stage kept and dropped."""
    return Section("funnel", "Funnel of drops", [Funnel(run.stages, funnel_table(run.stages))])


def preset_of(stages: Sequence[Stage]) -> str:
    """`quick` of conf/quick/base.yaml, if all configs agree."""
    files = [file for stage in stages for file in stage.config_files]
    folders = {file.parent.name for file in files if file.parent.parent.name == "conf"}
    return folders.pop() if len(folders) == 1 else ""


def recipe_of() -> str:
    return "/".join(Path.cwd().parts[-2:])


def facts(run: Run) -> list[tuple[str, str]]:
    """Names and values of what was run."""
    made = commits(run.stages)
    commit = made[0] if len(made) == 1 else f"the stages differ: {', '.join(made)}" if made else f"{ABSENT} (no record)"
    commit += " (+: made with files that were not committed)" if any(c.endswith("+") for c in made) else ""
    return [("Seed", ", ".join(seeds(run)) or f"{ABSENT} (no config has one)"), ("Commit", commit)]


def seeds(run: Run) -> list[str]:
    """Every seed of every config."""
    values = [pair for stage in run.stages for pair in flat(stage.config)]
    return sorted({value for name, value in values if name.split(".")[-1] == "seed"})


def data_table(run: Run) -> Table:
    """Hours, utterances, speakers and languages of each set."""
    sets = run.sets
    rows: list[list[Cell]] = []
    for data in sets:
        languages = ", ".join(f"{name} {n:,}" for name, n in data.languages.items()) or None
        hours = None if data.hours is None else f"{data.hours:.2f}"
        speakers = None if data.speakers is None else f"{data.speakers:,}"
        rows.append([data.name, hours, f"{data.utterances:,}", speakers, languages])
    unmeasured = [data.name for data in sets if data.seconds is None]
    notes = [f"{ABSENT}: no utt2dur in {', '.join(unmeasured)}, so its hours are not known."] if unmeasured else []
    if not sets:
        notes.append(f"{ABSENT}: no data dir is among the inputs.")
    unspoken = [data.name for data in sets if data.speakers is None]
    if unspoken:
        notes.append(f"{ABSENT}: no utt2spk in {', '.join(unspoken)}, so its speakers are not known.")
    if sets and not all(data.languages for data in sets):
        notes.append(f"{ABSENT}: a set without utt2lang has no languages to count.")
    titles = [Heading("Hours"), Heading("Utterances"), Heading("Speakers"), Heading("Languages (utterances)", "left")]
    return Table("Data", [Heading("Set", "left"), *titles], rows or [[ABSENT, *[None] * 4]], notes, "this run")


def config_table(stages: Sequence[Stage]) -> Table:
    """The resolved config of every stage of the chain."""
    rows: list[list[Cell]] = []
    for stage in stages:
        settings = ", ".join(f"{name} {value}" for name, value in flat(stage.config))
        files = " ".join(map(str, stage.config_files)) or None
        rows.append([stage.step, str(stage.folder), files, settings or None])
    titles = [Heading(title, "left") for title in ("Step", "Output", "Config", "Settings")]
    notes = [] if rows else [f"{ABSENT}: no input has a record of its settings."]
    if any(None in row for row in rows):
        notes.append(f"{ABSENT}: the step was given no config file, or has no settings.")
    return Table("Configuration", titles, rows or [[ABSENT, None, None, None]], notes)


def flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """(dotted name, value) of every leaf, in order of name."""
    leaves: list[tuple[str, str]] = []
    for name, value in sorted(tree.items()):
        if isinstance(value, dict):
            leaves += flat(value, f"{prefix}{name}.")
        elif value not in (None, "", []):
            leaves.append((prefix + name, " ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return leaves


def funnel_table(stages: Sequence[Stage]) -> Table:
    """A row per stage and reason: what was dropped, why, how often, and what was kept."""
    rows: list[list[Cell]] = []
    for stage in stages:
        kept = kept_words(stage) or None
        name, folder = stage.step, str(stage.folder)
        chosen = left_out(stage)
        if not stage.reasons and not chosen:
            reason = stage.gap or "nothing dropped"
            rows.append([name, folder, reason, None if stage.gap else "0", kept])
        for i, (reason, n) in enumerate({**stage.reasons, **chosen}.items()):
            rows.append([name if i == 0 else "", folder if i == 0 else "", reason, f"{n:,}", kept if i == 0 else ""])
    notes = [f"{stage.folder}: {stage.gap}." for stage in stages if stage.gap]
    if any(not stage.counts for stage in stages):
        notes.append(f"{ABSENT} under Kept: the step wrote no counts.")
    total, by_choice = sum(s.dropped for s in stages), sum(sum(left_out(s).values()) for s in stages)
    if by_choice:
        notes.append(f"{by_choice:,} utterances are left out by choice, as the configs say: they are not listed.")
    notes.append(f"In all dropped: {_rows_and_utterances(stages)}." if total else "Nothing was dropped at any stage.")
    columns = [
        Heading("Step", "left"),
        Heading("Output", "left"),
        Heading("Reason", "left"),
        Heading("Dropped"),
        Heading("Kept", "left"),
    ]
    return Table(
        "Funnel", columns, rows or [[ABSENT, None, "no input has a record or a dropped.tsv", None, None]], notes
    )


def _rows_and_utterances(stages: Sequence[Stage]) -> str:
    """`6 rows, 1 utterance`: a step that drops what another dropped too has a row of its own."""
    rows = sum(stage.dropped for stage in stages)
    drops = [(id, reason) for stage in stages for id, _, reason, _ in stage.drops]
    utterances = len({id for id, reason in drops if " " not in id and reason not in NO_UTTERANCE})  # else of probe rows
    words = f"{rows:,} row{'s' * (rows != 1)}"
    if any(stage.dropped and not stage.drops for stage in stages):
        return f"{words}, not all of which say of which utterance"
    return f"{words}, {utterances:,} utterance{'s' * (utterances != 1)}"


def left_out(stage: Stage) -> dict[str, int]:
    """Utterances that the config of a step leaves out: `by choice (data.exclude): 550.1 h` -> how many."""
    begin, chosen = f"utterances{CHOICE}", {}
    for field, n in [(name.removeprefix(begin), n) for name, n in stage.counts.items() if name.startswith(begin)]:
        hours = stage.counts.get(f"hours{CHOICE}{field}")
        chosen[f"by choice (data.{field})" + ("" if hours is None else f": {hours:,.4g} h")] = int(n)
    return chosen


def kept_words(stage: Stage) -> str:
    """`utterances 610 (train 460, dev 60, test 90), frames 91,500`: counts of sets are grouped by what they count."""
    of_sets: dict[str, dict[str, float]] = {}
    for name, value in stage.counts.items():
        left, _, right = name.rpartition("_")
        if left in SET_ORDER:
            of_sets.setdefault(right, {})[left] = value
    words = []
    for noun, values in of_sets.items():
        total = stage.counts.get(noun)
        each = ", ".join(f"{name} {values[name]:,.6g}" for name in SET_ORDER if name in values)
        words.append(f"{noun} {each}" if total is None else f"{noun} {total:,.6g} ({each})")
    grouped = {f"{name}_{noun}" for noun, values in of_sets.items() for name in values} | set(of_sets)
    rest = {name: value for name, value in stage.counts.items() if name not in grouped and CHOICE not in name}
    return "; ".join([*words, *(f"{name.replace('_', ' ')} {value:,.6g}" for name, value in rest.items())])


def share_dropped(stage: Stage) -> float | None:
    """Percent of utterances that a stage dropped, where its counts say how many it kept."""
    of_sets = [value for name, value in stage.counts.items() if name.endswith("_utterances")]
    kept = stage.counts.get("utterances", sum(of_sets))
    return 100 * stage.dropped / (kept + stage.dropped) if kept and stage.dropped else None
