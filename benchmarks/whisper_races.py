"""The races of a Whisper: pseudo-labels on a CPU, and the step that learns from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.score.edits import word_edits
from toolkit.text.normalise import profile

from .inputs import BenchInputs
from .race import Contestant, Result, race, ratios
from .races import TWO, Race
from .select import select
from .table import Claim, Page, Section, seconds_and_memory, spread
from .whisper_clips import Clip, read_clips
from .whisper_inputs import LEAST_TOKENS, MOST_TOKENS, WINDOW_SECONDS, clips, model, student, windows

BATCH = 16
WINDOWS = 8
PEER = "transformers generate"
PROFILE = "sawt"  # by which texts are compared; that they are the same is judged of every character
SAME_LOSS = 1e-3  # of the loss: as far apart as the two may be that learn the same
# name -> (fields of the decoding, how many times as fast as the peer it is meant to be)
WAYS: dict[str, tuple[dict[str, Any], float]] = {
    "ours, torch": ({}, 1.3),
    "ours, CTranslate2 float32": ({"backend": "ctranslate2", "compute": "float32"}, 1.3),
    "ours, CTranslate2 int8": ({"backend": "ctranslate2", "compute": "int8"}, 1.3),
    "ours, torch, packed windows": ({"packed": True}, 3.0),
    "ours, torch, context audio": ({"context": "audio"}, 3.0),
}


def pseudo_label(inputs: BenchInputs, rounds: int) -> Section:
    """Texts of all clips, a share of them in each round."""
    folder, whisper = clips(inputs), model(inputs, "base")
    every = read_clips(folder)
    rounds = min(rounds, len(every))
    given = {"model": str(whisper), "clips": str(folder), "rounds": rounds, "batch": BATCH, "threads": TWO}
    mine = {**given, "cache": str(inputs.folder / "ctranslate2")}
    contestants = [Contestant(f"{PEER}, as published", "benchmarks.peers.whisper:Labelling", given)]
    for name, (fields, _) in WAYS.items():
        contestants.append(Contestant(name, "benchmarks.ours_whisper:Labelling", {**mine, **fields}))
    (peer, *results), made = race(contestants, rounds, TWO)
    plain, *texts = [list(map(str, row)) for row in made]
    for result in (peer, *results):
        result.rounds = [{**round_, "rate": round_["audio_seconds"] / round_["seconds"]} for round_ in result.rounds]
    audio, written = sum(clip.seconds for clip in every), [clip for clip in every if clip.transcript]
    title, same = "pseudo-labelling, audio-seconds per second", sum(a == b for a, b in zip(plain, texts[0]))
    claims = [
        Claim(f"{title}: {result.name.removeprefix('ours, ')}", PEER, wanted, ratios(result, peer))
        for result, (_, wanted) in zip(results, WAYS.values())
    ]
    claims.insert(1, Claim("the same text of a clip: torch", PEER, 1, [same / len(every)]))
    languages = ", ".join(
        f"{sum(c.language == code for c in every)} {code}" for code in sorted({c.language for c in every})
    )
    return Section(
        f"Pseudo-labels of {len(every)} clips, whisper-base on a CPU",
        f"{TWO} threads, {audio / 60:.1f} min of REAL speech: Asterisk prompts of 2 to 12 s "
        f"({languages}; one voice each), a share of them in each round. Greedy, at most 225 tokens, batches of "
        f"{BATCH}; "
        "the peer: batches in the order of the files, spectrograms of 30 s, float32. Files are read in the race, "
        f"weights before it. WER, in the profile {PROFILE}: against the peer's texts, over all clips; against the "
        f"transcripts, over the {len(written)} clips that have one.",
        ["", "seconds a round", "peak MB", "audio s / s", "other texts", "WER: the peer's %", "WER: transcripts %"],
        [_row(result, row, plain, every) for result, row in zip((peer, *results), (plain, *texts))],
        claims,
        [_cost(results, texts, plain, every)],
    )


def _row(result: Result, texts: Sequence[str], plain: Sequence[str], every: Sequence[Clip]) -> list[str]:
    """Its speed, and how its texts differ from the peer's and from the transcripts."""
    differ = sum(a != b for a, b in zip(plain, texts))
    rates = spread(result.values("rate"))
    apart, errors = word_error_rate(plain, texts), _errors(texts, every)
    return [*seconds_and_memory(result), rates, str(differ), f"{apart:.2f}", f"{errors:.2f}"]


def _errors(texts: Sequence[str], every: Sequence[Clip]) -> float:
    """WER against the transcripts, of the clips that have one."""
    pairs = [(clip.transcript, text) for clip, text in zip(every, texts) if clip.transcript]
    return word_error_rate([a for a, _ in pairs], [b for _, b in pairs])


def word_error_rate(references: Sequence[str], texts: Sequence[str]) -> float:
    """Percent, in PROFILE."""
    normalise = profile(PROFILE)
    total = word_edits(list(map(normalise, references)), list(map(normalise, texts))).total
    return 100 * total.edits / max(total.length, 1)


def _cost(
    results: Sequence[Result], texts: Sequence[Sequence[str]], plain: Sequence[str], every: Sequence[Clip]
) -> str:
    """What the ways that hear something else cost, in points of WER against the transcripts."""
    before = _errors(plain, every)
    differences = (
        f"{r.name.removeprefix('ours, ')} {_errors(row, every) - before:+.2f}" for r, row in zip(results, texts)
    )
    return f"Points of WER against the transcripts more than the peer's labels: {'; '.join(differences)}."


def distil(inputs: BenchInputs, rounds: int) -> Section:
    """A step of each. Raises RuntimeError if the two do not learn the same."""
    teacher = model(inputs, "tiny")
    given = {"teacher": str(teacher), "student": str(student(inputs)), "threads": TWO}
    given["windows"] = str(windows(inputs, WINDOWS if inputs.scale == 1 else 2))
    contestants = [
        Contestant("ours", "benchmarks.ours_whisper:Distilling", given),
        Contestant("the published step, on transformers", "benchmarks.peers.whisper:Distilling", given),
    ]
    (ours, peer), (mine, theirs) = race(contestants, rounds, TWO)
    if not np.isclose(mine[0], theirs[0], rtol=SAME_LOSS):
        raise RuntimeError(f"the loss of the first step is {mine[0]:.5f}, the peer's {theirs[0]:.5f}")
    count, peaks = ours.rounds[0]["windows"], [max(r.values("peak_mb")) for r in (ours, peer)]
    title = "distillation step, whisper-tiny to a student of two decoder blocks"
    return Section(
        "A step of distillation, whisper-tiny to DW-4-2",
        f"{TWO} threads, float32, {count} windows of {WINDOW_SECONDS} s, labels of {LEAST_TOKENS} to {MOST_TOKENS} "
        "random tokens, encoder trained, KL at temperature 2 and 0.8 of the labels' cross-entropy, no blocks computed "
        "again; the same AdamW, both fused. The peer: labels padded to 448, all logits of both networks; its "
        "spectrograms are made before the race, ours in every step. Loss of the first step: "
        f"{mine[0]:.4f} and {theirs[0]:.4f}.",
        ["", "seconds", "peak MB", "windows / s"],
        [[*seconds_and_memory(r), spread([count / s for s in r.values("seconds")])] for r in (ours, peer)],
        [
            Claim(f"{title}, steps per second", "the published step", 1.5, ratios(ours, peer)),
            Claim(f"{title}, smaller peak memory", "the published step", 2, [peaks[1] / peaks[0]]),
        ],
    )


PAGE = Page("WHISPER.md", "Released weights and real speech; what is selected from is made up.")
RACES: dict[str, Race] = {"pseudo-label": pseudo_label, "distil": distil, "select": select}
