"""The races of a distilling step of STaR: against its public code's way, by speed, memory and length of the clips."""

from __future__ import annotations

from statistics import median
from typing import Any

from .inputs import BenchInputs
from .race import Contestant, Result, race, ratios
from .races import Race
from .star_inputs import CLIPS, clips, student, teacher
from .star_picture import growth_picture
from .table import Claim, Page, Section, figure, seconds_and_memory, spread

TWO, SECONDS = 2, 12.0
LENGTHS = (5.0, 10.0, 20.0, 40.0, 60.0)
ALIKE = 1e-5  # largest relative difference of the losses
PEER = "the public code's way on transformers"
NOTHING = float("nan")


def given(inputs: BenchInputs, seconds: float, count: int) -> dict[str, Any]:
    waves = str(clips(inputs, seconds, count))
    return {"waves": waves, "teacher": str(teacher(inputs)), "student": str(student(inputs)), "threads": TWO}


def contestants(inputs: BenchInputs, seconds: float, count: int) -> list[Contestant]:
    """Ours and the peer."""
    common = given(inputs, seconds, count)
    return [
        Contestant("ours", "benchmarks.ours_star:Step", common),
        Contestant(PEER, "benchmarks.peers.star:PublishedWay", {**common, "clips": count}),
    ]


def step(inputs: BenchInputs, rounds: int) -> Section:
    """A step, with the teacher heard in it and with what it makes of the clips kept."""
    common, seconds = given(inputs, SECONDS, CLIPS), SECONDS
    results, outputs = race(
        [
            *contestants(inputs, seconds, CLIPS),
            Contestant("ours, teacher kept", "benchmarks.ours_star:Step", {**common, "states_mb": 2000}),
            Contestant("its networks alone", "benchmarks.ours_star:Arithmetic", common),
            Contestant("its student alone", "benchmarks.ours_star:Arithmetic", {**common, "hears": False}),
        ],
        rounds,
        TWO,
    )
    ours, peer, kept, networks, alone = results
    losses = [float(output[0]) for output in outputs[:3]]
    apart = [abs(loss - losses[1]) / losses[1] for loss in losses]
    fair = [1.0 if gap <= ALIKE else NOTHING for gap in apart]
    title = "STaR step, HuBERT base to the published student"
    peaks = [max(r.values("peak_mb")) for r in results]
    return Section(
        f"A step of STaR: {CLIPS} clips of {SECONDS:g} s",
        "Layer-wise and intra-layer Gram matrices, code-mean, no dropout, float32, 2 threads: teacher's forward pass, "
        "student's forward and backward, clipping, AdamW. The peer gives attention weights out in every layer of the "
        "student and forms whole Gram matrices, as the public code does; its teacher's attention is the fused one.",
        ["", "seconds", "peak MB"],
        [seconds_and_memory(r) for r in results],
        [
            Claim(title, PEER, 1.2, [fair[0] * x for x in ratios(ours, peer)]),
            Claim(f"{title}, teacher kept", PEER, 2, [fair[2] * x for x in ratios(kept, peer)]),
            Claim(f"{title}, smaller peak memory", PEER, 2, [fair[0] * peaks[1] / peaks[0]]),
        ],
        [
            f"Losses of the first batch: {', '.join(f'{loss:.7g}' for loss in losses)}; apart by "
            f"{max(apart):.1g} at most, {ALIKE:g} allowed.",
            f"Where the teacher is heard in the step, the passes of the networks alone take {_share(networks, ours)} "
            f"of ours' time and {_share(networks, peer)} of the peer's; where it is not, the student's alone takes "
            f"{_share(alone, kept)} of ours': a floor for both.",
            "What the teacher makes of a second of audio takes 2 MB: to keep it is for sets of some hours. The peer "
            "keeps nothing.",
        ],
    )


def _share(part: Result, of: Result) -> str:
    return f"{100 * median(part.values('seconds')) / median(of.values('seconds')):.0f} %"


def growth(inputs: BenchInputs, rounds: int) -> Section:
    """Time and memory by the length of one clip."""
    rows, points, gaps = [], [], list[float]()
    for seconds in LENGTHS if inputs.scale == 1 else LENGTHS[:2]:
        results, outputs = race(contestants(inputs, seconds, 1), min(rounds, 3), TWO)
        first, second = (float(output[0]) for output in outputs)
        gaps.append(abs(first - second) / second)
        times = [r.values("seconds") for r in results]
        peaks = [max(r.values("peak_mb")) for r in results]
        ratio = spread(ratios(results[0], results[1]))
        rows.append([f"{seconds:g} s", *map(spread, times), ratio, *(f"{peak:,.0f}" for peak in peaks)])
        points.append((seconds, [median(of) for of in times], peaks))
    return Section(
        "A step of STaR by the length of its clip",
        f"One clip in a step, at most 3 rounds; else as above. Ours compares Gram matrices by products of widths where "
        f"that takes fewer multiplications: of clips of {figure(crossing())} s and more.",
        ["clip", "ours, seconds", "peer, seconds", "ratio", "ours, peak MB", "peer, peak MB"],
        rows,
        [],
        [f"The losses of the two are apart by {max(gaps):.1g} at most."],
        {"star-growth.svg": growth_picture(points, ("ours", "the public code's way"))},
    )


def crossing() -> float:
    """Seconds from which products of widths are the cheaper way for the published widths."""
    from toolkit.train.objectives.gram import widths_are_cheaper

    frames = next(n for n in range(1, 10_000) if widths_are_cheaper(n, 432, 768))
    return frames / 50


PAGE = Page("STAR.md", "Clips are noise, weights are drawn: nothing is learnt, time and memory are told.")
RACES: dict[str, Race] = {"star": step, "star-growth": growth}
