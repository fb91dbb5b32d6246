"""The race of selecting: pseudo-labels of half a million utterances, measured and chosen from at twelve limits."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from toolkit.core.files import read_json
from toolkit.data.kaldi import write_data_dir
from toolkit.pseudo.select import LAMBDAS, SURVIVAL
from toolkit.score.hypotheses import Header, Hypothesis, HypothesisSegment, write_hypotheses
from toolkit.score.repetition import letter_ratio

from .inputs import BenchInputs
from .pairs import WORDS, made_pairs
from .processes import run_chain
from .race import OURS
from .table import Claim, Section, spread

UTTERANCES, SECONDS = 500_000, 60.0  # at most, as meant
DIALECTS = ("EGY", "GLF", "LEV", "MSA", "NOR")
TOKENS_A_WORD = 3
KEEP = 'filtered: "wer <= 80"\n  confident: "confidence >= -0.6, repetition <= 2.4"\n  unfiltered: ""\n'


def select(inputs: BenchInputs, rounds: int) -> Section:
    """From hypotheses and references to scores, tables and lists of ids: the whole process."""
    count = max(100, int(UTTERANCES * inputs.scale))
    made = inputs.made(f"labels-{count}", lambda folder: write_labels(folder, count))
    seconds, peak = list[float](), 0.0
    for number in range(rounds + 1):  # in the last one memory is watched, and nothing is timed
        with tempfile.TemporaryDirectory(dir=inputs.folder, prefix="select.") as name:
            out, config = Path(name) / "select", Path(name) / "select.yaml"
            config.write_text(f"keep:\n  {KEEP}", encoding="utf-8")
            command = [str(OURS), "-m", "toolkit.pseudo.select", "--config", str(config)]
            command += ["--in", str(made / "data/made"), str(made / "labels"), "--out", str(out)]
            taken = run_chain({"select": [command]}, Path(name) / "chain", 1, watch=number == rounds)
            document = read_json(out / SURVIVAL)
        if document["counts"]["referenced"] != count:
            raise RuntimeError(f"{document['counts']['referenced']:,} utterances were measured of {count:,}")
        if number == rounds:
            peak = taken.peak_mb["select"]
        else:
            seconds.append(taken.seconds["select"])
            print(f"    select {seconds[-1]:.1f} s", flush=True)
    title = f"selecting at {len(LAMBDAS)} limits of {count:,} pseudo-labels"
    return Section(
        f"{title[0].upper()}{title[1:]}",
        f"1 core; the whole process: references, and labels of {WORDS} made Arabic words with their tokens, are read; "
        f"{len(document['selections'])} selections, survival, histograms, AUCs and a table of every score are written. "
        "The recordings are not there: no audio is touched.",
        ["", "s", "peak MB"],
        [["ours", spread(seconds), f"{peak:,.0f}"]],
        [Claim(title, f"{SECONDS:g} s", 1, [SECONDS / s for s in seconds])],
    )


def write_labels(folder: Path, count: int) -> None:
    """data/made, a data directory whose recordings are not there, and labels, as pseudo.transcribe leaves them."""
    references, texts = made_pairs(count)
    ids = [f"spk{i // 100:05d}-{i:07d}" for i in range(count)]
    rng = random.Random(1)
    seconds = [round(rng.uniform(2, 12), 2) for _ in ids]
    tables = {
        "wav.scp": {id: f"/nowhere/{id}.wav" for id in ids},
        "text": dict(zip(ids, references, strict=True)),
        "utt2spk": {id: id.partition("-")[0] for id in ids},
        "utt2dur": {id: f"{s:.2f}" for id, s in zip(ids, seconds, strict=True)},
        "utt2lang": {id: DIALECTS[i % len(DIALECTS)] for i, id in enumerate(ids)},
    }
    write_data_dir(folder / "data/made", tables)
    header = Header("made", "0123456789abcdef", 1, "made")
    write_hypotheses(folder / "labels", _hypotheses(ids, texts, seconds, rng), header)


def _hypotheses(ids: list[str], texts: list[str], seconds: list[float], rng: random.Random) -> Iterator[Hypothesis]:
    for id, text, s in zip(ids, texts, seconds, strict=True):
        tokens = tuple(rng.choices(range(50_000), k=TOKENS_A_WORD * len(text.split())))
        scores = (-rng.expovariate(2), rng.expovariate(1), rng.random() ** 4)
        segments = (HypothesisSegment(0.0, s, text),)
        yield Hypothesis(id, text, s, "ar", tokens, segments, *scores, compression=letter_ratio(text))
