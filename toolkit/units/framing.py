"""The frames of MFCC and of the filter bank: how many there are, how often and how wide."""

FRAME, HOP = 400, 160  # samples at 16 kHz: 25 ms, 10 ms
RATE = 100.0  # frames per second
CEPSTRA = 13
DIM = 3 * CEPSTRA  # with deltas and double deltas


def frame_count(samples: int) -> int:
    """Frames of a waveform of `samples` samples: only those that lie wholly inside it."""
    return max(0, (samples - FRAME) // HOP + 1)
