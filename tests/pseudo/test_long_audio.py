"""Audio longer than a window: hand-worked tokens, and a window that always moves on."""

from pathlib import Path

import numpy as np
import pytest

from toolkit.models.log_mel import RATE
from toolkit.models.vocabulary import Vocabulary
from toolkit.pseudo.decoded import Decoded
from toolkit.pseudo.long_audio import Listening, segments_of


@pytest.fixture(scope="module")
def vocabulary(whisper: Path) -> Vocabulary:
    return Vocabulary.read(whisper)


def tokens(vocabulary: Vocabulary, *parts: float | str) -> tuple[int, ...]:
    """Numbers are timestamps, the rest is text."""
    numbers: list[int] = []
    for part in parts:
        numbers += vocabulary.encode(part) if isinstance(part, str) else [vocabulary.timestamp(part)]
    return tuple(numbers)


A, B, C = "ما بعرف", "إن شاءَ الله", "press one"
CASES: dict[str, tuple[tuple[float | str, ...], list[tuple[float, float, str]], float]] = {
    # what was written for a window of 30 s, its segments, how far they reach
    "pairs, the last one closed": ((0.0, A, 2.0, 2.0, B, 4.5), [(0, 2, A), (2, 4.5, B)], 30),
    "pairs, and another one begun": ((0.0, A, 2.0, 2.0, B, 4.5, 4.5), [(0, 2, A), (2, 4.5, B)], 4.5),
    "silence between pairs": ((1.0, A, 2.0, 7.0, B, 9.0), [(1, 2, A), (7, 9, B)], 30),
    "a lone opening": ((3.0, A), [(3, 30, A)], 30),
    "a pair and a text left open": ((0.0, A, 2.0, 2.0, B), [(0, 2, A)], 2),
    "two pairs and a text left open": ((0.0, A, 2.0, 2.0, B, 4.0, 5.0, C), [(0, 2, A), (2, 4, B)], 4),
    "no timestamps at all": ((A,), [(0, 30, A)], 30),
    "only a closing": ((A, 4.0), [(0, 4, A)], 30),
    "nothing": ((), [], 30),
    "a timestamp and nothing": ((0.0,), [], 30),
    "an empty pair": ((0.0, 30.0), [], 30),
    "text behind a closing, without an opening": ((0.0, A, 2.0, B, 4.0), [(0, 2, A), (2, 4, B)], 30),
    "times that go back": ((5.0, A, 7.0, 1.0, B, 8.0), [(5, 7, A), (7, 8, B)], 30),
}


@pytest.mark.parametrize("name", CASES)
def test_segments_are_those_that_a_hand_works_out(name: str, vocabulary: Vocabulary) -> None:
    parts, wanted, reach = CASES[name]
    segments, reached = segments_of(tokens(vocabulary, *parts), vocabulary, 30.0)
    assert [(s.start, s.end, s.text) for s in segments] == wanted
    assert reached == reach


def test_no_segment_reaches_past_a_window_that_is_short(vocabulary: Vocabulary) -> None:
    segments, reached = segments_of(tokens(vocabulary, 0.0, A, 25.0, 25.0, B), vocabulary, 10.0)
    assert [(s.start, s.end) for s in segments] == [(0, 10)] and reached == 10.0


def listen(wave: np.ndarray, vocabulary: Vocabulary, write, window: float = 30.0) -> tuple[Listening, list]:
    """Heard to the end: (it, [(at, heard) of every window in samples]). `write(n, seconds)`: tokens of window n."""
    heard = Listening(wave, window, False)
    windows = []
    while not heard.over:
        part = heard.next()
        assert len(part) > 0 and len(windows) < 1 + len(wave) / RATE, "it does not move on"
        windows.append((heard.at, len(part)))
        heard.take(Decoded(write(len(windows) - 1, len(part) / RATE), -1.0, 1.0, 0.0, True), vocabulary)
    return heard, windows


def covered(windows: list[tuple[int, int]], samples: int) -> bool:
    ends = [at + length for at, length in windows]
    starts = [at for at, _ in windows]
    no_hole = all(start <= end for start, end in zip(starts[1:], ends[:-1], strict=True))
    return starts[0] == 0 and no_hole and ends[-1] > samples - 0.1 * RATE


def hostile(rng: np.random.Generator, vocabulary: Vocabulary) -> tuple[int, ...]:
    """Anything: timestamps that go back, texts without any, nothing."""
    length = int(rng.integers(0, 9))
    times = rng.integers(vocabulary.first_timestamp, vocabulary.size, length)
    return tuple(np.where(rng.random(length) < 0.6, times, rng.integers(97, 120, length)).tolist())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("window", [30.0, 7.0, 1.0])
def test_whatever_is_written_all_audio_is_heard_in_the_order_of_time(
    seed: int, window: float, vocabulary: Vocabulary
) -> None:
    rng = np.random.default_rng(seed)
    wave = np.zeros(int(rng.uniform(31, 200) * RATE), np.float32)
    heard, windows = listen(wave, vocabulary, lambda n, s: hostile(rng, vocabulary), window)
    assert covered(windows, len(wave))
    times = [time for s in heard.segments for time in (s.start, s.end)]
    assert times == sorted(times) and times[-1] <= len(wave) / RATE + 0.01


def test_two_hours_are_finite_and_ordered_and_no_word_comes_twice(vocabulary: Vocabulary) -> None:
    """A back-end that closes a segment every 4 s and leaves open what the window cuts."""
    wave = np.broadcast_to(np.float32(0.1), 2 * 3600 * RATE)
    texts: list[str] = []

    def write(n: int, seconds: float) -> tuple[int, ...]:
        parts: list[float | str] = []
        whole = int(seconds // 4)
        for k in range(whole):
            parts += [4.0 * k, f"{len(texts)} ب", 4.0 * (k + 1)]
            texts.append(f"{len(texts)} ب")
        return tokens(vocabulary, *parts, *([4.0 * whole, "cut"] if seconds - 4 * whole > 0.5 else []))

    heard, windows = listen(wave, vocabulary, write)
    assert covered(windows, len(wave)) and len(windows) == -(-7200 // 28)
    assert [s.text for s in heard.segments] == texts
    assert [s.start for s in heard.segments] == [4.0 * k for k in range(1800)]


def test_audio_that_fits_is_heard_once_and_written_without_timestamps(vocabulary: Vocabulary) -> None:
    heard, windows = listen(np.ones(30 * RATE, np.float32), vocabulary, lambda n, s: tokens(vocabulary, A))
    assert windows == [(0, 30 * RATE)] and not heard.timestamps and heard.text == A
    heard, windows = listen(np.ones(30 * RATE + 1, np.float32), vocabulary, lambda n, s: tokens(vocabulary, 0.0, A))
    assert heard.timestamps and windows == [(0, 30 * RATE)]  # a rest of one sample holds no word


def test_means_count_every_token_and_every_end_once(vocabulary: Vocabulary) -> None:
    heard = Listening(np.ones(RATE, np.float32), 30.0, False)
    heard.decoded = [Decoded((1, 2, 3), -1.0, None, 0.0, True), Decoded((1,), -4.0, None, 0.0, False)]
    assert heard.mean("avg_logprob") == (4 * -1.0 + 1 * -4.0) / 5
    assert heard.mean("entropy") is None
