"""The races of the audio LLM: steps and answers against transformers' Trainer and generate; sampling; hearing."""

from __future__ import annotations

from statistics import median

import numpy as np

from .inputs import BenchInputs
from .instruct_inputs import folder
from .race import Contestant, race, ratios
from .races import Race
from .table import Claim, Page, Section, seconds_and_memory, spread

THREADS, STEPS, BATCH = 1, 10, 16
ALIKE = 1e-5  # largest difference of the losses, nats
SELECTED, DIM, POOL = 100, 128, 64
SIZES = (20_000, 1_000_000)
SHARE = 0.02  # of a step that the choice of its items may take
CLIPS, SHARD = (80, 320), 40
TRAINER = "transformers' Trainer with peft"
GENERATE = "transformers' generate, batches as they come"
NOTHING = float("nan")


def step(inputs: BenchInputs, rounds: int) -> Section:
    """Steps with states kept, with the tower heard, and the peer's."""
    common = {"folder": str(folder(inputs)), "threads": THREADS, "steps": STEPS, "batch": BATCH}
    results, outputs = race(
        [
            Contestant("ours, states kept", "benchmarks.ours_instruct:Step", common),
            Contestant("ours, tower heard in every step", "benchmarks.ours_instruct:Step", {**common, "live": True}),
            Contestant(TRAINER, "benchmarks.peers.instruct:Training", common),
        ],
        rounds,
        THREADS,
    )
    kept, live, peer = results
    losses = [float(output[0]) for output in outputs]
    apart = [abs(loss - losses[2]) for loss in losses]
    fair = [1.0 if gap <= ALIKE else NOTHING for gap in apart]
    return Section(
        f"{STEPS} steps of {BATCH} items: adapters of a small audio LLM",
        f"LoRA of rank 16 in the attention of the text model, the loss a mean over the tokens of a step, float32, "
        f"{THREADS} thread, the tower that of Whisper-tiny. Ours computes a micro-batch for each task and logits at "
        "answers alone; the peer pads a batch to its longest, hears it, and computes logits at every position.",
        ["", "seconds", "peak MB"],
        [seconds_and_memory(r) for r in results],
        [
            Claim("audio LLM step, states kept", TRAINER, 2, [fair[0] * x for x in ratios(kept, peer)]),
            Claim("audio LLM step, tower heard", TRAINER, 1, [fair[1] * x for x in ratios(live, peer)]),
        ],
        [
            f"Losses of the first batch: {', '.join(f'{loss:.7g}' for loss in losses)}; apart by {max(apart):.1g} nats "
            f"at most, {ALIKE:g} allowed.",
            "The model is small: of 7B the tower is a smaller part of a step, and so is what keeping its states saves.",
        ],
    )


def answers(inputs: BenchInputs, rounds: int) -> Section:
    """Answers to all test items."""
    common = {"folder": str(folder(inputs)), "threads": THREADS, "batch": BATCH}
    results, outputs = race(
        [
            Contestant("ours", "benchmarks.ours_instruct:Answering", common),
            Contestant(GENERATE, "benchmarks.peers.instruct:Generating", common),
            Contestant(f"{GENERATE}, task by task", "benchmarks.peers.instruct:Generating", {**common, "mixed": False}),
        ],
        rounds,
        THREADS,
    )
    lines = [bytes_of(output).split("\n") for output in outputs]
    same = sum(a == b for a, b in zip(lines[0], lines[1], strict=True)) if len(lines[0]) == len(lines[1]) else 0
    fair = 1.0 if same == len(lines[0]) else NOTHING
    return Section(
        f"Answers to {len(lines[0]) - 1} items, half of them transcripts, half of them labels",
        f"Batches of {BATCH}, greedy, float32, {THREADS} thread, states of the tower kept for both. Ours batches items "
        "of one task and similar length and takes rows that have ended out of the batch.",
        ["", "seconds", "peak MB"],
        [seconds_and_memory(r) for r in results],
        [
            Claim(
                "audio LLM answers",
                GENERATE,
                2,
                [fair * x for x in ratios(results[0], results[1])],
            )
        ],
        [
            f"Equal texts: {same - 1 if fair == 1 else same:,} of {len(lines[0]) - 1:,}.",
            "The peer takes both tasks mixed, in random order; in the last row task by task, in no order of length.",
        ],
    )


def bytes_of(output: np.ndarray) -> str:
    return "".join(map(chr, output.tolist()))


def selection(inputs: BenchInputs, rounds: int) -> Section:
    """What the choice of a step's items costs beside the step."""
    common = {"steps": SELECTED, "batch": BATCH, "dim": DIM, "pool": POOL, "threads": THREADS}
    sizes = [max(2000, int(size * inputs.scale)) for size in SIZES]
    training = {"folder": str(folder(inputs)), "threads": THREADS, "steps": STEPS, "batch": BATCH}
    results, _ = race(
        [
            *(
                Contestant(f"choice among {size:,}", "benchmarks.ours_instruct:Selection", {**common, "items": size})
                for size in sizes
            ),
            Contestant("a step", "benchmarks.ours_instruct:Step", training),
        ],
        rounds,
        THREADS,
    )
    whole = [x / STEPS for x in results[-1].values("seconds")]
    choices = [[x / SELECTED for x in r.values("seconds")] for r in results[:-1]]
    rows = [
        [r.name, spread([1000 * x for x in own]), f"{100 * median(own) / median(whole):.2f} %"]
        for r, own in zip(results[:-1], choices, strict=True)
    ]
    rows.append(["a step of the small model", spread([1000 * x for x in whole]), "100 %"])
    claims = [
        Claim(f"choice of a step's items, at most {SHARE:.0%} of the step, {size:,} items", "the step", 1 / SHARE,
              [b / a for a, b in zip(own, whole, strict=True)])
        for size, own in zip(sizes, choices, strict=True)
    ]  # fmt: skip
    return Section(
        "Aligner-based diverse sampling",
        f"{BATCH} items of a step, of four tasks, each chosen from a pool of {POOL} by embeddings of {DIM} numbers, "
        f"{THREADS} thread; a step of the small model, states kept, as above.",
        ["", "milliseconds a step", "of a step"],
        rows,
        claims,
        ["Of a larger model, whose step takes longer, the choice is a smaller part."],
    )


def hearing(inputs: BenchInputs, rounds: int) -> Section:
    """Memory of hearing clips in one pass, by their number."""
    common = {"folder": str(folder(inputs)), "shard": SHARD, "threads": THREADS}
    results, outputs = race(
        [
            Contestant(f"{count} clips", "benchmarks.ours_instruct:Hearing", {**common, "clips": count})
            for count in CLIPS
        ],
        min(rounds, 3),
        THREADS,
    )
    peaks = [max(r.values("peak_mb")) for r in results]
    rows = [[*seconds_and_memory(r), f"{int(output[0]):,}"] for r, output in zip(results, outputs, strict=True)]
    return Section(
        "Hearing clips once, in one pass",
        f"The tower of Whisper-tiny, shards of {SHARD} clips, float16 on disk, {THREADS} thread.",
        ["", "seconds", "peak MB", "states"],
        rows,
        [Claim("hearing: memory of four times the clips", "one part of them", 0.9, [peaks[0] / peaks[1]])],
        ["A ratio of 1: memory does not grow with the number of clips."],
    )


PAGE = Page(
    "INSTRUCT.md",
    "SYNTHETIC speech, the encoder of Whisper-tiny, a text model of half a million weights: 7B is not raced here.",
)
RACES: dict[str, Race] = {
    "instruct-step": step,
    "instruct-answers": answers,
    "instruct-selection": selection,
    "instruct-hearing": hearing,
}
