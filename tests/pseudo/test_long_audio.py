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


LIMIT = 225  # tokens that are written for a window at most


def listen(wave: np.ndarray, vocabulary: Vocabulary, write, window: float = 30.0) -> tuple[Listening, list]:
    """Heard to the end: (it, [(at, heard) of every window in samples]). `write(n, seconds)`: tokens of window n."""
    heard = recording(wave, window)
    windows = []
    while not heard.over:
        part = heard.next()
        assert len(part) > 0 and len(windows) < 1 + len(wave) / RATE, "it does not move on"
        windows.append((heard.at, len(part)))
        tokens = write(len(windows) - 1, len(part) / RATE)
        heard.take(Decoded(tokens[:LIMIT], -1.0, 1.0, 0.0, len(tokens) < LIMIT), vocabulary)
    return heard, windows


def recording(wave: np.ndarray, window: float = 30.0, timestamps: bool = False) -> Listening:
    return Listening(wave, window, timestamps, -80.0, "ar")


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
    wave = speech(rng.uniform(31, 200))
    heard, windows = listen(wave, vocabulary, lambda n, s: hostile(rng, vocabulary), window)
    assert covered(windows, len(wave))
    times = [time for s in heard.segments for time in (s.start, s.end)]
    assert times == sorted(times) and times[-1] <= len(wave) / RATE + 0.01


def test_two_hours_are_finite_and_ordered_and_no_word_comes_twice(vocabulary: Vocabulary) -> None:
    """A back-end that closes a segment every 4 s and leaves open what the window cuts."""
    wave = speech(2 * 3600)
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
    heard, windows = listen(speech(30), vocabulary, lambda n, s: tokens(vocabulary, A))
    assert windows == [(0, 30 * RATE)] and not heard.timestamps and heard.text == A
    heard, windows = listen(speech(30 + 1 / RATE), vocabulary, lambda n, s: tokens(vocabulary, 0.0, A))
    assert heard.timestamps and windows == [(0, 30 * RATE)]  # a rest of one sample holds no word


def test_means_count_every_token_and_every_end_once(vocabulary: Vocabulary) -> None:
    heard = recording(speech(1))
    heard.decoded = [Decoded((1, 2, 3), -1.0, None, 0.0, True), Decoded((1,), -4.0, None, 0.0, False)]
    assert heard.mean("avg_logprob") == (4 * -1.0 + 1 * -4.0) / 5
    assert heard.mean("entropy") is None


def speech(seconds: float) -> np.ndarray:
    return np.resize(np.array([0.1, -0.1], np.float32), round(seconds * RATE))


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def spoken_from(vocabulary: Vocabulary, heard: Listening, texts: list[str], each: float) -> tuple[int, ...]:
    """What is written of speech in which a text is said every `each` seconds."""
    parts: list[float | str] = []
    first = round(heard.at / RATE / each)
    for n, text in enumerate(texts[first:]):
        parts += [n * each, text, (n + 1) * each]
    return tokens(vocabulary, *parts)


@pytest.mark.parametrize("seconds", [29.0, 75.0])
def test_of_speech_faster_than_a_window_may_hold_every_word_is_written_once(
    seconds: float, vocabulary: Vocabulary
) -> None:
    texts = [f"الكلمة رقم {n} من كلام سريع" for n in range(int(seconds))]
    heard = recording(speech(seconds), timestamps=True)
    while not heard.over:
        written = spoken_from(vocabulary, heard, texts, 1.0)
        heard.take(Decoded(written[:LIMIT], -1.0, 1.0, 0.0, len(written) < LIMIT), vocabulary)
    assert [s.text for s in heard.segments] == texts and heard.ended
    assert [s.start for s in heard.segments] == [float(n) for n in range(int(seconds))]
    assert not any(s.cut_off for s in heard.segments)


def test_a_window_that_closes_no_segment_before_the_limit_says_that_its_text_is_cut_off(
    vocabulary: Vocabulary,
) -> None:
    endless = (vocabulary.timestamp(0), *[vocabulary.encode("نعم")[-1]] * LIMIT)
    heard, windows = listen(speech(40), vocabulary, lambda n, s: tokens(vocabulary, 0.0, A, s) if n else endless)
    assert len(windows) == 2 and not heard.ended
    assert [s.cut_off for s in heard.segments] == [True, False]
    short = recording(speech(5))
    short.take(Decoded(endless[1 : LIMIT + 1], -1.0, 1.0, 0.0, False), vocabulary)
    assert short.over and not short.ended and [s.cut_off for s in short.segments] == [True]


@pytest.mark.parametrize("timestamps", [True, False])
def test_a_window_that_is_cut_off_before_a_word_is_a_segment_without_text(
    timestamps: bool, vocabulary: Vocabulary
) -> None:
    heard = recording(speech(5), timestamps=timestamps)
    heard.take(Decoded((vocabulary.timestamp(0),) if timestamps else (), -1.0, 1.0, 0.0, False), vocabulary)
    (only,) = heard.segments
    assert (only.start, only.end, only.text, only.cut_off) == (0.0, 5.0, "", True) and heard.text == ""


def test_a_minute_of_silence_between_two_clips_is_not_decoded_and_has_no_text(vocabulary: Vocabulary) -> None:
    wave = np.concatenate([speech(5), silence(65), speech(4)])

    def write(n: int, seconds: float) -> tuple[int, ...]:
        """An inventive recogniser: after the speech it hears something that nobody says."""
        return tokens(vocabulary, *((0.0, A, 5.0, 6.0, "شكرا", 20.0, 20.0, "شكرا", 30.0) if n == 0 else (0.0, B, 4.0)))

    heard, windows = listen(wave, vocabulary, write)
    assert heard.text == f"{A} {B}" and heard.ended and heard.silence == ((5.0, 70.0),)
    assert windows == [(0, 30 * RATE), (round(69.9 * RATE), round(4.1 * RATE))]
    assert [(s.start, s.end) for s in heard.segments] == [(0.0, 5.0), (69.9, 73.9)]


def test_what_is_louder_than_the_level_is_decoded_and_what_is_not_is_silence(vocabulary: Vocabulary) -> None:
    faint = speech(40) * np.float32(2e-3)  # -74 dB
    assert recording(np.zeros(0, np.float32)).over
    assert not recording(faint).over and recording(faint).silence == ()
    above = Listening(faint, 30.0, False, -70.0, "ar")
    assert above.over and above.silence == ((0.0, 40.0),) and above.text == ""
    offset = recording(np.concatenate([speech(2), silence(40) + np.float32(0.01)]))  # of a sound card
    assert not offset.over and offset.silence == ((2.0, 42.0),)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_silent_all_speech_is_heard(seed: int, vocabulary: Vocabulary) -> None:
    rng = np.random.default_rng(seed)
    parts = [(speech, silence)[n % 2](rng.uniform(0.05, 45)) for n in range(int(rng.integers(3, 9)))]
    wave = np.concatenate(parts)
    heard, windows = listen(wave, vocabulary, lambda n, s: hostile(rng, vocabulary))
    decoded = np.zeros(len(wave), bool)
    for at, length in windows:
        decoded[at : at + length] = True
    missed = np.flatnonzero((np.abs(wave) > 1e-4) & ~decoded)
    assert len(missed) == 0 or (missed[0] >= len(wave) - 0.1 * RATE)  # a rest this short holds no word
    times = [time for s in heard.segments for time in (s.start, s.end)]
    assert times == sorted(times)
    stretches = sum(end - start for start, end in heard.silence)
    assert stretches == pytest.approx(sum(len(p) for p in parts[1::2] if len(p) >= RATE) / RATE, abs=0.2)
