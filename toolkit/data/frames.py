"""The grid of frames that a speech network makes of a waveform: 50 a second, 400 samples under each."""

RATE, HOP, FIELD = 16000, 320, 400  # samples a second, between two frames of the network, and under one frame


def frames_of(samples: int) -> int:
    """Frames that a network of hop 320 and receptive field 400 makes of `samples`."""
    return max(0, (samples - FIELD) // HOP + 1)


def samples_of(frames: int) -> int:
    """Fewest samples that make `frames` frames."""
    return FIELD + HOP * (frames - 1)


def frames_in(seconds: float) -> int:
    """Frames of `seconds` of audio; at least one."""
    return max(1, frames_of(round(seconds * RATE)))
