"""The race from audio files to labels: ours as a recipe runs its steps, against the published three scripts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.core.files import read_json, write_text
from toolkit.data.kaldi import Utterance, write_data_dir
from toolkit.data.labels import Labels

from .arrays import RATE
from .inputs import SEED, BenchInputs
from .processes import Phases, megabytes, run_chain
from .race import OURS, PEERS, ROOT, Result, ratios
from .table import Claim, Section, spread

HOUR = 3600.0
K = 100  # as published for MFCC
SHARE = 0.1  # of the utterances, on which the codebook is learnt, as published
CORES = 2
LEARNING = {"sample", "kmeans", "learn"}  # phases that whoever has a codebook leaves out
LEAST_MB = 1.0  # growth that counts as this much where it is less: looks at the memory are not finer


@dataclass(frozen=True)
class Way:
    """From files to labels.

    Attributes:
        phases: (folder of what is read, folder of what is written) -> commands.
        learnt: what learning the codebook leaves there.
        frames: (folder of what was written) -> number of labels.
        inertia: (the same) -> of the codebook, per frame of what it was learnt on.
    """

    name: str
    phases: Callable[[Path, Path], Phases]
    learnt: tuple[str, ...]
    frames: Callable[[Path], int]
    inertia: Callable[[Path], float]


def steps(corpus: Path, out: Path) -> Phases:
    """Ours, as the stages of a recipe call them."""
    config, data = ["--config", f"{corpus}/units.yaml"], f"{corpus}/data"
    words = {
        "sample": [*config, "--in", data],
        "kmeans": [*config, "--in", f"{out}/sample"],
        "label": ["--in", data, f"{out}/kmeans"],
    }
    return {
        name: [[str(OURS), "-m", f"toolkit.units.{name}", *given, "--out", f"{out}/{name}"]]
        for name, given in words.items()
    }


def scripts(corpus: Path, out: Path) -> Phases:
    """The peer's; a rank for every core where there are ranks."""
    script, model, of = [str(PEERS), "-m", "benchmarks.peers.published_scripts"], f"{out}/km.bin", str(CORES)
    ranks = list(map(str, range(CORES)))
    return {
        "dump": [[*script, "dump", f"{corpus}/manifest.tsv", rank, of, str(out)] for rank in ranks],
        "learn": [[*script, "learn", str(out), of, str(SHARE), str(K), str(SEED), model]],
        "label": [[*script, "label", str(out), rank, of, model] for rank in ranks],
    }


WAYS = (
    Way(
        "ours: units.sample, units.kmeans, units.label",
        steps,
        ("sample", "kmeans"),
        lambda out: Labels.open(out / "label").frames,
        lambda out: float(read_json(out / "kmeans/codebook.json")["inertia_per_frame"]),
    ),
    Way(
        "the published scripts: dump, learn, label",
        scripts,
        ("km.bin", "km.bin.inertia"),
        lambda out: sum(len(path.read_text().split()) for path in out.glob("*.km")),
        lambda out: float((out / "km.bin.inertia").read_text()),
    ),
)


def chain(inputs: BenchInputs, rounds: int) -> Section:
    """Rounds by turns, not watched; then each once more, watched, on all of the audio and on a tenth of it.

    Raises RuntimeError if the two do not label equally many frames.
    """
    utterances = inputs.utterances(max(60.0, HOUR * inputs.scale))
    results = [Result(way.name) for way in WAYS]
    with tempfile.TemporaryDirectory(dir=inputs.folder.resolve(), prefix="chain.") as name:
        whole, tenth = Path(name) / "whole", Path(name) / "tenth"
        hours = _write_corpus(whole, utterances)
        more_hours = hours - _write_corpus(tenth, utterances[: -(-len(utterances) // 10)])
        turn = list(zip(WAYS, results))
        for number in range(rounds):
            for way, result in turn if number % 2 == 0 else reversed(turn):
                result.rounds.append(_run(way, whole))
                print(f"    {way.name}: {result.rounds[-1]['seconds']:.3f} s", flush=True)
        for way, result in turn:
            seen, less = (_run(way, corpus, watch=True) for corpus in (whole, tenth))
            growth = max(seen["own"][phase] - less["own"][phase] for phase in seen["own"]) / more_hours
            for round_ in result.rounds:
                round_ |= {"peak_mb": max(seen["peaks"].values()), "growth_mb": max(growth, LEAST_MB)}
    if len(frames := {round_["frames"] for result in results for round_ in result.rounds}) > 1:
        raise RuntimeError(f"not equally many frames were labelled: {sorted(frames)}")
    return _section(results, hours)


def _write_corpus(folder: Path, utterances: Sequence[Utterance]) -> float:
    """What either reads: data directory and config; manifest. All of the same files; returns their hours."""
    order = sorted(utterances, key=lambda u: u.id)
    paths = {u.id: str(ROOT / u.path) for u in order}
    tables = {"utt2spk": {u.id: u.speaker for u in order}, "utt2dur": {u.id: f"{u.seconds:.4f}" for u in order}}
    write_data_dir(folder / "data", {"wav.scp": paths, **tables})
    config = f"seed: {SEED}\nsample: {{utterances: {SHARE}, frames: {10**9}, strata: none}}\n"
    write_text(folder / "units.yaml", f"{config}kmeans: {{k: {K}, threads: {CORES}}}\n")
    lines = (f"{paths[u.id][1:]}\t{round(u.seconds * RATE)}\n" for u in order)
    write_text(folder / "manifest.tsv", "/\n" + "".join(lines))
    return sum(u.seconds for u in order) / HOUR


def _run(way: Way, corpus: Path, watch: bool = False) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=corpus) as name:
        out = Path(name) / "out"
        taken = run_chain(way.phases(corpus, out), out, CORES, watch)
        return {
            "seconds": sum(taken.seconds.values()),
            "given": sum(seconds for phase, seconds in taken.seconds.items() if phase not in LEARNING),
            "phases": taken.seconds,
            "disk_mb": megabytes(out),
            "given_mb": megabytes(out) - sum(megabytes(out / name) for name in way.learnt),
            "peaks": taken.peak_mb,
            "own": taken.own_mb,
            "frames": way.frames(out),
            "inertia": way.inertia(out),
        }


def _section(results: Sequence[Result], hours: float) -> Section:
    mine, theirs = results
    name, peer = f"{hours:.2g} h of audio to labels, {CORES} cores", "published scripts"
    return Section(
        f"From audio files to labels: {hours:.2g} h, {CORES} cores",
        f"MFCC, K {K}, the codebook learnt on {SHARE:.0%} of the utterances; {mine.rounds[0]['frames']:,} frames, of "
        "either. Whole processes, from start to end, and nobody warms up; what one writes, the next reads from the "
        "disk; the published scripts in two ranks, but for learning, which has both. With a codebook: units.label; "
        "dump and label. Disk: what is left at the end. Memory: of all processes at once (PSS), in a run of its own "
        "that is not timed; growth: of what is no file's, in the phase that grows most, beyond what it held on a tenth "
        f"of the audio, for each hour more (at least {LEAST_MB:g}: looks are not finer). Inertia: per frame of the "
        "utterances that the codebook was learnt on, which either draws for itself.",
        [
            "",
            "seconds",
            "hours / s",
            "seconds with a codebook",
            "disk MB",
            "with a codebook",
            "peak MB",
            "growth MB / h",
            "inertia",
        ],
        [
            [
                result.name,
                spread(result.values("seconds")),
                spread([hours / seconds for seconds in result.values("seconds")]),
                spread(result.values("given")),
                spread(result.values("disk_mb")[:1]),
                spread(result.values("given_mb")[:1]),
                f"{result.median('peak_mb'):,.0f}",
                f"{result.median('growth_mb'):,.1f}",
                f"{result.median('inertia'):,.1f}",
            ]
            for result in results
        ],
        [
            Claim(name, peer, 4, ratios(mine, theirs)),
            Claim(f"{name}, with a codebook", peer, 4, ratios(mine, theirs, "given")),
            Claim(f"{name}: disk", peer, 10, ratios(mine, theirs, "disk_mb")[:1]),
            Claim(f"{name}: disk, with a codebook", peer, 10, ratios(mine, theirs, "given_mb")[:1]),
            Claim(f"{name}: peak memory", peer, 10, ratios(mine, theirs, "peak_mb")[:1]),
            Claim(f"{name}: memory that grows with the audio", peer, 10, ratios(mine, theirs, "growth_mb")[:1]),
        ],
        [f"Phase by phase, in seconds: {'; '.join(map(_phases, results))}."],
    )


def _phases(result: Result) -> str:
    names = result.rounds[0]["phases"]
    return ", ".join(f"{name} {spread([round_['phases'][name] for round_ in result.rounds])}" for name in names)
