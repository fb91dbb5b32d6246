"""The races of scores and data directories: error rates, bootstrap, a corpus of the size of MGB-2, pseudo-labels."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from toolkit.data.kaldi import SEGMENTS

from .inputs import BenchInputs
from .pairs import WORDS, write_pairs
from .processes import run_chain
from .race import OURS, ROOT, Contestant, race, ratios
from .races import Race
from .table import Claim, Page, Section, seconds_and_memory, spread

PAIRS = 100_000
PROGRAMMES, SEGMENTS_OF_MGB2 = 2_214, 375_103
CORES = 2
PREPARE_SECONDS, PREPARE_MB, VALIDATE_SECONDS, BOOTSTRAP_SECONDS = 60.0, 1024 * 1.048576, 15.0, 2.0  # at most, as meant
REPLICATES = 1000  # of plain resampling, which takes too long for ours' number: a tenth, and counted so


def wer(inputs: BenchInputs, rounds: int) -> Section:
    """Word errors of all pairs."""
    return _rate(inputs, rounds, "words", "WER", "process_words", 8.0)


def cer(inputs: BenchInputs, rounds: int) -> Section:
    """Character errors of all pairs."""
    return _rate(inputs, rounds, "characters", "CER", "process_characters", 30.0)


def _rate(inputs: BenchInputs, rounds: int, tokens: str, name: str, peer: str, wanted: float) -> Section:
    """Raises RuntimeError if the two count otherwise."""
    given = {"pairs": str(_pairs(inputs)), "tokens": tokens}
    contestants = [
        Contestant("ours", "benchmarks.ours_scores:ErrorRate", given),
        Contestant(f"jiwer {peer}", "benchmarks.peers.jiwer_rates:ErrorRate", given),
    ]
    results, (ours, theirs) = race(contestants, rounds, 1)
    if ours.tolist() != theirs.tolist():
        raise RuntimeError(f"ours counts {ours.tolist()}, jiwer {theirs.tolist()}")
    count, (s, d, i, of) = _count(inputs), ours.tolist()
    title = f"{name} with S, D, I of {count:,} pairs"
    return Section(
        f"{name} of {count:,} pairs of {WORDS} Arabic words",
        f"1 thread; the texts are in memory; made pairs, {100 * (s + d + i) / of:.1f} % {name}. Both find "
        f"{s:,} substitutions, {d:,} deletions, {i:,} insertions.",
        ["", "s", "peak MB"],
        [seconds_and_memory(r) for r in results],
        [Claim(title, f"jiwer.{peer}", wanted, ratios(results[0], results[1]))],
    )


def bootstrap(inputs: BenchInputs, rounds: int) -> Section:
    """An interval of the character error rate, of which there are more different pairs than of the word error rate."""
    given = {"pairs": str(_pairs(inputs)), "tokens": "characters"}
    peer = Contestant("resampled", "benchmarks.peers.jiwer_rates:Resampling", {**given, "replicates": REPLICATES})
    results, (ours, theirs) = race([Contestant("ours", "benchmarks.ours_scores:Bootstrap", given), peer], rounds, 1)
    title, done = f"interval of the CER of {_count(inputs):,} pairs", results[0].rounds[0]["replicates"]
    limit = [BOOTSTRAP_SECONDS / seconds for seconds in results[0].values("seconds")]
    times = [done / REPLICATES * ratio for ratio in ratios(results[0], results[1])]
    return Section(
        f"Bootstrap, {title}",
        f"1 thread. Ours: {done:,} replicates, drawn as counts of each different pair of errors and length (the same "
        f"distribution). Resampled: {REPLICATES:,} replicates of utterances drawn with replacement in numpy, its ratio "
        f"per replicate. Intervals: {100 * ours[0]:.3f} to {100 * ours[1]:.3f} %; {100 * theirs[0]:.3f} to "
        f"{100 * theirs[1]:.3f} %.",
        ["", "s", "peak MB"],
        [seconds_and_memory(r) for r in results],
        [
            Claim(f"{title}: {done:,} replicates", f"{BOOTSTRAP_SECONDS:g} s", 1, limit),
            Claim(f"{title}: a replicate", "resampling utterances in numpy", 1, times),
        ],
    )


def corpus(inputs: BenchInputs, rounds: int) -> Section:
    """MGB-2's size: XML to data directory, then its validation."""
    tree, counts = _tree(inputs), (max(2, int(PROGRAMMES * inputs.scale)), int(SEGMENTS_OF_MGB2 * inputs.scale))
    rows, seconds, peaks = list[list[str]](), {"prepare": list[float](), "validate": list[float]()}, list[float]()
    for number in range(rounds + 1):  # in the last one memory is watched, and nothing is timed
        with tempfile.TemporaryDirectory(dir=inputs.folder, prefix="corpus.") as name:
            out = Path(name) / "data"
            phases = {
                "prepare": [[str(OURS), "-m", "toolkit.data.corpora.mgb2", "--in", str(tree), "--out", str(out)]],
                "validate": [[str(OURS), "-m", "toolkit.data.validate", str(out / "mgb2_train")]],
            }
            taken = run_chain(phases, Path(name) / "chain", CORES, watch=number == rounds)
            with open(out / "mgb2_train" / SEGMENTS, "rb") as f:
                kept = sum(1 for _ in f)
        if kept != counts[1]:
            raise RuntimeError(f"{kept:,} segments were kept of {counts[1]:,}")
        if number == rounds:
            peaks = [taken.peak_mb["prepare"], taken.peak_mb["validate"]]
        else:
            print(
                f"    prepare {taken.seconds['prepare']:.1f} s, validate {taken.seconds['validate']:.1f} s", flush=True
            )
            for phase, values in seconds.items():
                values.append(taken.seconds[phase])
    rows = [[phase, spread(values), f"{peak:,.0f}"] for (phase, values), peak in zip(seconds.items(), peaks)]
    return Section(
        f"A corpus of {counts[1]:,} segments, {counts[0]:,} XML files",
        f"{CORES} cores. Made in the layout of MGB-2, about 20 words a segment, recordings of 30 min of which the "
        "header alone is there. Prepare: whole process with its workers, its own validation included. Memory: of all "
        "processes at once (PSS), in a run of its own that is not timed.",
        ["", "s", "peak MB"],
        rows,
        _limits(seconds, peaks),
    )


def _limits(seconds: dict[str, list[float]], peaks: Sequence[float]) -> list[Claim]:
    prepare, validate = "a corpus of the size of MGB-2 to data directories", "validation of its training set"
    return [
        Claim(prepare, f"{PREPARE_SECONDS:g} s", 1, [PREPARE_SECONDS / s for s in seconds["prepare"]]),
        Claim(f"{prepare}: memory", "1 GiB", 1, [PREPARE_MB / peaks[0]]),
        Claim(validate, f"{VALIDATE_SECONDS:g} s", 1, [VALIDATE_SECONDS / s for s in seconds["validate"]]),
    ]


def _count(inputs: BenchInputs) -> int:
    return max(100, int(PAIRS * inputs.scale))


def _pairs(inputs: BenchInputs) -> Path:
    return inputs.made("pairs.tsv", lambda path: write_pairs(path, _count(inputs)))


def _tree(inputs: BenchInputs) -> Path:
    """A tree of MGB-2's size, made by what makes the trees of the tests."""

    def make(path: Path) -> None:
        programmes, segments = max(2, int(PROGRAMMES * inputs.scale)), int(SEGMENTS_OF_MGB2 * inputs.scale)
        code = "import sys; from pathlib import Path; from trees.mgb2 import make_large; make_large(Path(sys.argv[1]), "
        code += f"{programmes}, {segments})"
        env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        shutil.rmtree(path, ignore_errors=True)
        subprocess.run([str(OURS), "-c", code, str(path)], env=env, check=True)

    return inputs.made("mgb2", make)


PAGE = Page("SCORES.md", "Texts and corpora are made up.")
RACES: dict[str, Race] = {"wer": wer, "cer": cer, "bootstrap": bootstrap, "corpus": corpus}
