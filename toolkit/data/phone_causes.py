"""What the times of a phone table may be, where they cannot be seconds from the beginning of their utterances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PHONES_OFF = 0.05  # s by which times of phones may be off: they are rounded, often to frames
FEW, FEWEST = 0.2, 3  # share and number of the utterances up to which a fault is theirs, and not of the table
NEARLY_ALL, MOST = 0.9, 0.5  # shares of the utterances
SHIFT = 0.2  # s at one end of nearly all utterances that are odd where most have nothing to spare at the other
SURE = 10  # utterances from which on a habit of all of them is told
UNITS = {  # per second
    25: "frames of 40 ms", 100 / 3: "frames of 30 ms", 50: "frames of 20 ms", 80: "frames of 12.5 ms",
    100: "frames of 10 ms", 1000: "milliseconds", 8000: "samples at 8 kHz", 16000: "samples at 16 kHz",
    22050: "samples at 22.05 kHz", 44100: "samples at 44.1 kHz", 48000: "samples at 48 kHz",
    10_000_000: "units of 100 ns",
}  # fmt: skip
FULL, AS_FULL = 0.97, 0.7  # how much a unit fills of most utterances to be it alone; what others fill, as a share of it
ENDS = (
    ": the fourth column fits as the end of each phone, not its duration",
    "write durations: awk '{$4 -= $3; print}'",
)
DOUBLED = (
    ", as nearly all of their lines stand there twice: the table is doubled",
    "leave each line once: awk '!seen[$0]++'",
)
SLOPE, CLEAR = 0.02, 4  # s, and times the scatter, that a factor must change between short and long utterances


@dataclass(frozen=True, slots=True)
class Extent:
    """Of an utterance: s, where its first phone begins and its last ends, its length, where it is in its recording."""

    first: float
    last: float
    seconds: float
    start: float


def cause(rows: Sequence[Extent]) -> tuple[str, str]:
    """(what the times may be instead, what to do); the former is empty if nothing fits most utterances."""
    later = [row for row in rows if row.start > PHONES_OFF]
    for rate, unit in {1: "", **UNITS}.items() if later else ():
        if sum(_in_recording(row, rate) for row in later) >= (1 - FEW) * len(later):
            off = "take the segment's beginning off each start"
            if rate == 1:
                return ": they fit as seconds from the beginning of the recording, not of the utterance", off
            words = f": they fit as {unit} from the beginning of the recording, not seconds from that of the utterance"
            return words, f"divide starts and durations by {_number(rate)}, then {off}"
    if rates := _units(rows):
        words = f": they fit as {' or '.join(UNITS[rate] for rate in rates)}, not seconds"
        check = ", and compare one with its recording" if len(rates) > 1 else ""
        return words, f"divide starts and durations by {' or '.join(map(_number, rates))}{check}"
    if (factor := scale(rows)) > 1:
        return f": they fit as {factor:.3f} times the true ones", f"divide starts and durations by {factor:.4f}"
    late = quantile([row.first for row in rows], 1 - NEARLY_ALL)
    inside = sum(row.last - late <= row.seconds + PHONES_OFF for row in rows)
    if late > PHONES_OFF and inside >= (1 - FEW) * len(rows):
        words = f", and nearly none begins before {late:.2f} s: they fit as late by about {late:.2f} s"
        return words, f"compare one with its recording; take about {late:.2f} s off each start"
    return "", "are they seconds, from the utterance's beginning? Make it again from these recordings"


def scale(rows: Sequence[Extent]) -> float:
    """The factor by which all times are too large or, below 1, too small; 1 if nothing tells of one.

    It tells where the end of the last phone grows with the length of the utterance by another factor than 1, and by
    next to nothing else. Where an aligner left out silences of all lengths, times alone tell nothing.
    """
    if len(rows) < SURE:
        return 1.0
    rows, half = sorted(rows, key=lambda row: row.seconds), len(rows) // 2
    pairs = zip(rows[:half], rows[-half:], strict=True)
    slopes = [(b.last - a.last) / (b.seconds - a.seconds) for a, b in pairs if b.seconds - a.seconds > PHONES_OFF]
    if len(slopes) < MOST * half:
        return 1.0
    factor = quantile(slopes, 0.5)
    spare = quantile([row.last - factor * row.seconds for row in rows], 0.5)
    scatter = quantile([abs(row.last - factor * row.seconds - spare) for row in rows], NEARLY_ALL)
    lengths = [row.seconds for row in rows]
    change = abs(factor - 1) * (quantile(lengths, NEARLY_ALL) - quantile(lengths, 1 - NEARLY_ALL))
    sure = scatter <= PHONES_OFF and abs(spare) <= SHIFT and change > max(SLOPE, CLEAR * scatter)
    return factor if sure and factor > 0 else 1.0


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    return sorted(values)[int(share * (len(values) - 1))]


def _in_recording(row: Extent, rate: float) -> bool:
    """True if the phones, so many units a second, are within the utterance's place in its recording."""
    end = row.start + row.seconds
    return row.first / rate >= row.start - PHONES_OFF and row.last / rate <= end + PHONES_OFF


def _units(rows: Sequence[Extent]) -> list[float]:
    """Units a second that fit: the one that fills the utterances, else all that fill about as much as the fullest."""
    filled: dict[float, float] = {}
    for rate in UNITS:
        inside = sum(row.last / rate <= row.seconds + PHONES_OFF for row in rows)
        share = quantile([row.last / rate / row.seconds for row in rows], 0.5)
        if inside >= (1 - FEW) * len(rows) and share >= MOST:
            filled[rate] = share
    if not filled:
        return []
    best = max(filled, key=lambda rate: filled[rate])
    return [best] if filled[best] >= FULL else [rate for rate in filled if filled[rate] >= AS_FULL * filled[best]]


def _number(rate: float) -> str:
    return f"{rate:,.2f}".rstrip("0").rstrip(".")
