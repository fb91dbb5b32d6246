"""What a row's upstream costs: real-time factor, latency and memory, one utterance at a time.

Measured, so never compared between runs; rows are measured one after another, when nothing else of the step runs.
"""

from __future__ import annotations

import ctypes
import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.results import Cost
from ..core.seed import seed_of
from ..data.audio import SAMPLE_RATE, AudioError
from ..data.kaldi import DataDir
from ..data.listen import decoded
from .upstream import Upstream

REPEATS = 3
SHORTEST = 1600  # samples of a recording whose time is worth measuring: 0.1 s


def waves_of(data: DataDir, count: int) -> list[Tensor]:
    """Up to `count` usable utterances [N] of a test set, from all over it; the others are in the ledger.

    Raises UserError where none can be used.
    """
    waves: list[Tensor] = []
    order = [u for k in range(max(len(data) // count, 1)) for u in data.utterances[k :: max(len(data) // count, 1)]]
    for utterance in order:
        try:
            wave_N = torch.from_numpy(decoded(utterance))
        except AudioError:
            continue
        if len(wave_N) >= SHORTEST:
            waves.append(wave_N)
        if len(waves) == count:
            return waves
    if not waves:
        raise UserError("no recording of the test set can be used", str(data.path), "see dropped.tsv of the data stage")
    return waves


def measure(
    open_upstream: Callable[[], Upstream],
    waves: Sequence[Tensor],
    clip_seconds: float,
    device: torch.device,
    threads: int,
) -> Cost:
    """Cost of an upstream that is loaded here.

    - rtf: compute seconds per second of audio, median over `waves` [N] (16 kHz) of the median of three runs each.
    - latency_ms: from the last sample of a clip of noise to its last state, median of three.
    - peak_mb: how much the resident memory of the process grew at most, from before the upstream was loaded
      until it had computed that clip (on a GPU: what torch allocated there).

    Args:
        clip_seconds: length of the clip.
    """
    generator = torch.Generator().manual_seed(seed_of("probe_cost"))
    clip = 0.1 * torch.randn(round(clip_seconds * SAMPLE_RATE), generator=generator)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        _warm(open_upstream(), [clip, *waves], device)
        start = _begin(device)
        upstream = open_upstream()
        latency = _settled(upstream, clip, device)
        peak = _grown(start, device)
        factors = [_settled(upstream, wave, device) / (len(wave) / SAMPLE_RATE) for wave in waves]
    finally:
        torch.set_num_threads(before)
    return Cost(
        statistics.median(factors),
        1000 * latency,
        peak,
        torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        threads,
        sum(len(w) for w in waves) / SAMPLE_RATE,
        clip_seconds,
    )


def _warm(upstream: Upstream, waves: Sequence[Tensor], device: torch.device) -> None:
    """One pass that is not counted over all lengths, by a network that is then let go.

    It loads libraries and kernels, and leaves the allocator as every later row finds it: else the first row's
    time is a few percent, and its memory a third, off those of the same network measured second.
    """
    for wave_N in waves:
        _seconds(upstream, wave_N, device)


def _settled(upstream: Upstream, wave_N: Tensor, device: torch.device) -> float:
    """Seconds, median of three runs after one that is not counted: the first of a length chooses its kernels."""
    return statistics.median([_seconds(upstream, wave_N, device) for _ in range(1 + REPEATS)][1:])


def _seconds(upstream: Upstream, wave_N: Tensor, device: torch.device) -> float:
    start = time.perf_counter()
    upstream.states(wave_N.to(device)).sum().item()  # .item() waits for a GPU
    return time.perf_counter() - start


def _begin(device: torch.device) -> float | None:
    """Memory before, in MB; from here on the peak counts anew. None where that cannot be had."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device) / 1e6
    if sys.platform != "linux":
        return None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc: give back what was freed, or it hides growth
    if trim:
        trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return None
    return _status("VmRSS")


def _grown(start: float | None, device: torch.device) -> float | None:
    if start is None:
        return None
    peak = torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else _status("VmHWM")
    return peak - start


def _status(name: str) -> float:
    """A line of /proc/self/status, in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) * 1024 / 1e6


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "CPU")
