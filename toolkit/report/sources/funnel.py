"""The funnel: what each stage kept and dropped, over the inputs and all they were made from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.record import DROPPED, RECORD, flag, holder, read_ledger, read_record
from .resultfile import broken, recorded_inputs

Drop = tuple[str, str, str, str]  # id, stage, reason, detail


@dataclass(frozen=True)
class Stage:
    """One output folder of the chain.

    Attributes:
        folder: as the command lines name it.
        argv: the step that made it and its flags.
        config: resolved config of the step.
        counts: what the step says it kept.
        drops: a row per dropped utterance.
        reasons: number of drops by reason.
        gap: why nothing is known of it; empty where all is.
    """

    folder: Path
    argv: list[str]
    commit: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    drops: list[Drop] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    gap: str = ""

    @property
    def step(self) -> str:
        return self.argv[0]

    @property
    def dropped(self) -> int:
        return sum(self.reasons.values())

    @property
    def config_files(self) -> list[Path]:
        """The YAML files that the step was given."""
        return [Path(name) for name in flag(self.argv, "--config")]


def chain(paths: Sequence[Path]) -> list[Stage]:
    """Stages behind `paths`, each after those it was made from. Raises UserError for a broken record or ledger."""
    stages: dict[Path, Stage] = {}
    for path in paths:
        _visit(path, stages, set())
    return list(stages.values())


def _visit(path: Path, stages: dict[Path, Stage], above: set[Path]) -> None:
    folder = holder(path) or path
    if folder in stages or folder in above:
        return
    for name, id in recorded_inputs(folder):
        if holder(Path(name)):
            _visit(Path(name), stages, above | {folder})
        elif not id.startswith("raw:"):
            stages.setdefault(
                Path(name), Stage(Path(name), ["–"], gap="its record is gone: what it dropped is not known")
            )
    if (folder / RECORD).is_file() or _ledgers(folder):
        stages[folder] = _stage(folder)
    for inner in sorted(p.parent for p in folder.glob(f"*/{RECORD}")):
        _visit(inner, stages, above | {folder})


def _ledgers(folder: Path) -> list[Path]:
    """dropped.tsv of a folder and of those below it that have no record of their own."""
    inner = [p for p in sorted(folder.glob(f"*/{DROPPED}")) if not (p.parent / RECORD).is_file()]
    return [p for p in (folder / DROPPED, *inner) if p.is_file()]


def _stage(folder: Path) -> Stage:
    drops = sorted({row for path in _ledgers(folder) for row in _rows(path)})
    reasons = dict(sorted(Counter(row[2] for row in drops).items()))
    if not (folder / RECORD).is_file():
        return Stage(folder, ["–"], drops=drops, reasons=reasons, gap="it has no record: what it kept is not known")
    record = read_record(folder)
    if record["state"] != "done":
        return Stage(folder, _argv(record), drops=drops, reasons=reasons, gap="it is not finished")
    try:
        counts = {str(k): float(v) for k, v in record["counts"].items()}
        recorded = {str(k): int(v) for k, v in record["dropped"].items()}
        config, commit = dict(record["config"]), str(record["commit"])
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise broken(folder / RECORD, f"its counts, drops or config are not as a step writes them ({e!r})") from None
    gap = "the rows of its dropped.tsv are gone" if recorded and not drops else ""
    return Stage(folder, _argv(record), commit, config, counts, drops, reasons or recorded, gap)


def _argv(record: dict[str, Any]) -> list[str]:
    argv = json.loads(str(record["parts"].get("command", "[]")))
    return [str(word) for word in argv] or ["–"]


def _rows(path: Path) -> list[Drop]:
    try:
        return read_ledger(path)
    except (ValueError, UnicodeDecodeError) as e:
        raise broken(path, f"a row is not id, stage, reason, detail ({e})") from None


def commits(stages: Sequence[Stage]) -> list[str]:
    """Commits that the stages were made at, in their order."""
    return list(dict.fromkeys(stage.commit for stage in stages if stage.commit))


def synthetic(stages: Sequence[Stage]) -> list[str]:
    """Folders whose records count something synthetic: `data`, or `data (synthetic_utterances 120)`."""
    counts = [(stage.folder, *count) for stage in stages for count in stage.counts.items() if "synthetic" in count[0]]
    return [
        f"{folder}" if value == 1 else f"{folder} ({name} {value:g})" for folder, name, value in counts if value > 0
    ]
