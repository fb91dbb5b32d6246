"""The races of downstream tasks: heads on features computed once, against features computed anew in every step."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .inputs import BenchInputs
from .race import Contestant, Result, race
from .races import Race
from .superb_inputs import clips, draw_features, hubert
from .table import Claim, Page, Section, figure, spread

RATES, STEPS = [10.0**-k for k in range(1, 8)], 1000
COUNTS, SECONDS = {"train": 160, "dev": 20, "test": 20}, 5.0
PIECE_SECONDS = 40.0
STATES, WIDTH = 13, 768  # of HuBERT base
PEER = "features in every step"
ONE_PIECE = {"train": 32, "dev": 2, "test": 2}  # clips of the race of memory: a batch
LENGTHS, MEMORY_STEPS = (5.0, 20.0), 3  # s, of its clips; of its trainings


@dataclass(frozen=True)
class Downstream:
    """A task as the benchmark has it.

    Attributes:
        name: as the table calls it.
        section: of ours; of it the peer gets `hidden`, `layers` and `dropout`.
        labels: table of a set.
        micro_batches: whose gradients the peer adds up for a step.
        whole: ours is timed to its end, in one round; else a round is a step.
        wanted: how many times as fast as the peer it is meant to be.
        parameters: of its head on a network of base's width, as published; layer weights come on top.
    """

    name: str
    section: dict[str, Any]
    labels: str
    micro_batches: int
    whole: bool
    wanted: float
    parameters: int


IC = {"type": "slots", "hidden": 256, "batch": 32}
PR = {"type": "phones", "label": "utt2phones", "hidden": 256, "batch": 32, "piece_seconds": PIECE_SECONDS}
ASR = {"type": "ctc", "hidden": 1024, "layers": 2, "dropout": 0.2, "plain": True, "batch": 32}
TASKS = (
    Downstream("IC", IC, "utt2intent", 1, True, 50, 203_032),
    Downstream("PR", PR, "utt2phones", 2, False, 10, 215_882),
    Downstream("ASR", ASR, "text", 1, False, 1, 42_828_832),
)


@dataclass
class Setting:
    """What every task of the race shares. Below scale 1 all of it is small."""

    data: str
    model: str
    features: str
    rates: Sequence[float]
    steps: int
    shrunk: dict[str, Any]

    @property
    def times(self) -> int:
        """Steps at all rates together."""
        return len(self.rates) * self.steps


def downstream(inputs: BenchInputs, rounds: int) -> Section:
    """Features once, then each task. Raises RuntimeError if ours and the peer train heads of other sizes."""
    whole = inputs.scale == 1
    data = clips(inputs, COUNTS if whole else {"train": 6, "dev": 2, "test": 2}, SECONDS if whole else 0.5)
    rates, steps, shrunk = (RATES, STEPS, {}) if whole else (RATES[:2], 2, {"hidden": 8, "batch": 4})
    with tempfile.TemporaryDirectory(dir=inputs.folder, prefix="superb.") as folder:
        setting = Setting(f"{data}/data", str(hubert(inputs)), f"{folder}/features", rates, steps, shrunk)
        given = {"data": setting.data, "model": setting.model, "out": setting.features, "threads": 1}
        [features], _ = race([Contestant("ours, features", "benchmarks.ours_superb:Computing", given)], 1, 1, False)
        taken = [_race(task, setting, rounds) for task in TASKS]
    return _section(features, taken, setting)


def _race(task: Downstream, setting: Setting, rounds: int) -> tuple[Downstream, Result, Result]:
    """(the task, ours, the peer)."""
    section = {**task.section, **setting.shrunk}
    mine = {"data": setting.data, "features": setting.features, "steps": setting.steps, "threads": 1, **section}
    theirs = {"data": f"{setting.data}/train", "model": setting.model, "labels": task.labels, "threads": 1}
    theirs |= {"batch": section["batch"] // task.micro_batches, "micro_batches": task.micro_batches}
    theirs |= {name: section[name] for name in ("hidden", "layers", "dropout") if name in section}
    place = "benchmarks.ours_superb:Whole" if task.whole else "benchmarks.ours_superb:Stepping"
    ours = Contestant(f"{task.name}, ours", place, {**mine, "rates": setting.rates if task.whole else [1e-4]})
    peer = Contestant(f"{task.name}, {PEER}", "benchmarks.peers.superb:Recomputing", theirs)
    if task.whole:
        ([of_ours], [made]), ([of_peer], [also]) = race([ours], 1, 1, False), race([peer], rounds, 1)
    else:
        (of_ours, of_peer), (made, also) = race([ours, peer], rounds, 1)
    sizes = {int(made[0]), int(also[0])} | (set() if setting.shrunk else {task.parameters + STATES})
    if len(sizes) > 1:
        raise RuntimeError(f"{task.name}: heads of other sizes, {sorted(sizes)} parameters")
    return task, of_ours, of_peer


def _section(features: Result, taken: Sequence[tuple[Downstream, Result, Result]], setting: Setting) -> Section:
    [once], audio = features.values("cpu_seconds"), features.rounds[0]["audio_seconds"]
    rows, claims = [_row(f"ours, features of {audio:,.0f} s of audio", features, [once])], []
    for task, ours, peer in taken:
        mine = [once + s * (1 if task.whole else setting.times) for s in ours.values("cpu_seconds")]
        theirs = [s * setting.times for s in peer.values("cpu_seconds")]
        timed = f"all {setting.times:,} steps" if task.whole else f"a step of {task.section['batch']} clips"
        rows.append(_row(f"{ours.name}: {timed}", ours, mine))
        batches = f"a step of {task.section['batch']} clips" + (", in two" if task.micro_batches == 2 else "")
        rows.append(_row(f"{peer.name}: {batches}", peer, theirs))
        mine = mine * len(theirs) if task.whole else mine
        times = [b / a for a, b in zip(mine, theirs, strict=True)]
        claims.append(Claim(f"{task.name} at {len(setting.rates)} rates, features included", PEER, task.wanted, times))
    return Section(
        f"Downstream tasks at {len(setting.rates)} learning rates of {setting.steps:,} steps",
        f"1 thread, a network of HuBERT base's shape, {sum(COUNTS.values())} clips of {SECONDS:g} s (drawn noise and "
        "labels), heads of SUPERB, of the published sizes on either side. Ours: the two halves of tasks.fit, features "
        f"of every clip once, then heads on them; IC on the means of clips, PR in pieces of {PIECE_SECONDS:g} s. The "
        "peer: s3prl's step written anew on transformers' HubertModel: files, padding, network without gradients, "
        "weighted sum, head, loss, fused Adam; it warms up on two clips, and is spared its logs, evaluation and "
        "checkpoints. **Timed whole, once: ours' features, and ours' IC with checkpoints, choice on dev and "
        f"predictions. Timed for one step a round and multiplied by {setting.times:,}: the peer, and ours' PR and "
        "ASR.** Seconds that count are those of the CPU, of all threads. No SpecAugment on either side.",
        ["", "CPU seconds", "wall seconds", "peak MB", "CPU hours in all"],
        rows,
        claims,
        [
            "In all: every step at every rate and, in ours, the features, counted with each task; tasks of one run of "
            "tasks.fit share them."
        ],
    )


def _row(name: str, result: Result, totals: Sequence[float]) -> list[str]:
    measured = [spread(result.values("cpu_seconds")), spread(result.values("seconds"))]
    return [name, *measured, f"{max(result.values('peak_mb')):,.0f}", spread([s / 3600 for s in totals])]


def memory(inputs: BenchInputs, rounds: int) -> Section:
    """Peak memory of training PR on clips of two lengths, in pieces and in whole batches; a process for each."""
    part, (states, width) = (1, (STATES, WIDTH)) if inputs.scale == 1 else (0.1, (2, 4))
    results: dict[tuple[float, float], Result] = {}
    for seconds in LENGTHS:
        data = clips(inputs, ONE_PIECE, seconds * part) / "data"
        with tempfile.TemporaryDirectory(dir=inputs.folder, prefix="superb.") as features:
            draw_features(data, Path(features), states, width)
            given = {
                **PR,
                "data": str(data),
                "features": features,
                "rates": [1e-4],
                "steps": MEMORY_STEPS,
                "threads": 1,
            }
            for piece in (PIECE_SECONDS, 0.0):
                name = f"{ONE_PIECE['train']} clips of {seconds:g} s, " + (
                    f"pieces of {piece:g} s" if piece else "whole"
                )
                given["piece_seconds"] = piece * part
                watched = Contestant(name, "benchmarks.ours_superb:Watched", given)
                [results[piece, seconds]], _ = race([watched], 1, 1, False)
    own = {key: result.median("own_mb") for key, result in results.items()}
    short, long = LENGTHS
    title = f"PR in pieces of {PIECE_SECONDS:g} s"
    return Section(
        "Memory of PR's training",
        f"1 thread, a process of its own for each; {STATES} states of {WIDTH} numbers, drawn and stored before; "
        f"{MEMORY_STEPS} steps with what is read ahead, then predictions. Peak: all that is resident, pages of the "
        "file of features among it, which the system can take back; own: without the pages of files.",
        ["a batch", "audio s", "peak MB", "own MB"],
        [
            [r.name, figure(ONE_PIECE["train"] * seconds), f"{r.median('peak_mb'):,.0f}", f"{own[piece, seconds]:,.0f}"]
            for (piece, seconds), r in results.items()
        ],
        [
            Claim(
                f"{title}, own memory on clips of {long:g} s",
                f"that on clips of {short:g} s",
                0.9,
                [own[PIECE_SECONDS, short] / own[PIECE_SECONDS, long]],
            ),
            Claim(
                f"{title}, smaller own memory on clips of {long:g} s",
                "whole batches",
                2,
                [own[0.0, long] / own[PIECE_SECONDS, long]],
            ),
        ],
    )


PAGE = Page("SUPERB.md", "Clips are noise, labels and weights are drawn: nothing is learnt, time and memory are told.")
RACES: dict[str, Race] = {"superb": downstream, "superb-memory": memory}
