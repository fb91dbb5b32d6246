"""Several utterances in one window, told apart by timestamps: worked by hand, and with a back-end that says what to."""

from pathlib import Path

import numpy as np
import pytest

from toolkit.data.kaldi import Utterance
from toolkit.data.listen import Listener
from toolkit.models.vocabulary import Vocabulary
from toolkit.pseudo.config import DecodeConfig
from toolkit.pseudo.decoded import Decoded
from toolkit.pseudo.packed import Place, joined, told_apart, transcribe_packed, windows_of
from toolkit.pseudo.transcriber import Job, Transcriber

from .recordings import RATE, RESULTS, lost, noise, results, rows, transcribe, write_set

GAP = 0.6
PLACES = [Place(0.0, 2.0), Place(2.6, 4.0), Place(4.6, 9.0)]
A, B, C, D = "ما بعرف", "إن شاءَ الله", "كيف حالك؟", "ـنعم ١٢"


@pytest.fixture(scope="module")
def vocabulary(whisper: Path) -> Vocabulary:
    return Vocabulary.read(whisper)


def decoded(vocabulary: Vocabulary, *parts: float | str, ended: bool = True) -> Decoded:
    """Numbers are timestamps, the rest is text."""
    tokens: list[int] = []
    for part in parts:
        tokens += vocabulary.encode(part) if isinstance(part, str) else [vocabulary.timestamp(part)]
    return Decoded(tuple(tokens), -0.5, 1.5, 0.25, ended)


CASES: dict[str, tuple[tuple[float | str, ...], list[list[str] | None]]] = {
    "one each": ((0.0, A, 2.0, 2.6, B, 4.0, 4.6, C, 9.0), [[A], [B], [C]]),
    "two in the last": ((0.0, A, 2.0, 2.6, B, 4.0, 4.6, C, 6.0, 6.0, D, 9.0), [[A], [B], [C, D]]),
    "times a little off": ((0.0, A, 2.24, 2.3, B, 4.2, 4.4, C, 9.0), [[A], [B], [C]]),
    "a middle in the silence goes to the nearer one": ((0.0, A, 2.0, 2.0, B, 2.5, 2.6, D, 4.0, 4.6, C, 9.0),
                                                       [[A, B], [D], [C]]),
    "the second got nothing": ((0.0, A, 2.0, 4.6, C, 9.0), [[A], None, [C]]),
    "one segment over two": ((0.0, A, 4.0, 4.6, C, 9.0), [None, None, [C]]),
    "one segment over all": ((0.0, A, 9.0), [None, None, None]),
    "by more than half the silence": ((0.0, A, 2.92, 2.92, B, 4.0, 4.6, C, 9.0), [None, None, [C]]),
    "by no more than half the silence": ((0.0, A, 2.88, 2.88, B, 4.0, 4.6, C, 9.0), [[A], [B], [C]]),
    "left open in the last": ((0.0, A, 2.0, 2.6, B, 4.0, 4.6, C), [[A], [B], [C]]),
    "left open in the second": ((0.0, A, 2.0, 2.6, B), [[A], None, None]),
    "no timestamps": ((A, B), [None, None, None]),
    "nothing": ((), [None, None, None]),
    "an empty segment is none": ((0.0, A, 2.0, 2.6, 4.0, 4.6, C, 9.0), [[A], None, [C]]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_segments_go_where_a_hand_puts_them(name: str, vocabulary: Vocabulary) -> None:
    parts, wanted = CASES[name]
    spans = told_apart(decoded(vocabulary, *parts), PLACES, GAP, vocabulary)
    assert [p and [vocabulary.decode(span.tokens) for span in p] for p in spans] == wanted


def test_the_utterance_in_which_a_text_was_cut_off_is_heard_alone(vocabulary: Vocabulary) -> None:
    cut = decoded(vocabulary, 0.0, A, 2.0, 2.6, B, 4.0, 4.6, C, 6.0, 6.0, D, ended=False)
    assert [part is None for part in told_apart(cut, PLACES, GAP, vocabulary)] == [False, False, True]


def jobs(*spoken: tuple[str, str, float]) -> list[Job]:
    """(speaker, language, seconds) of each."""
    return [Job(Utterance(f"{i:02d}", "", 0.0, None, who, s), code) for i, (who, code, s) in enumerate(spoken)]


def test_those_that_follow_each_other_share_a_window_while_there_is_room() -> None:
    a, b, e = ("ليلى", "ar", 4.0), ("سامي", "ar", 4.0), ("ليلى", "en", 4.0)
    assert windows_of(jobs(a, a, b, b, a), 30, 0.6) == [[0, 1], [2, 3], [4]]
    assert windows_of(jobs(a, a, e, e), 30, 0.6) == [[0, 1], [2, 3]]
    assert windows_of(jobs(*[a] * 7), 30, 0.6) == [[0, 1, 2, 3, 4, 5], [6]]  # 6 * 4 s and 5 pauses are 27 s
    assert windows_of(jobs(("س", "ar", 40.0), a, a, ("ليلى", "ar", 31.0), a), 30, 0.6) == [[0], [1, 2], [3], [4]]
    assert windows_of([], 30, 0.6) == []


def test_silence_lies_between_two_and_not_around_them() -> None:
    wave, places = joined([np.ones(RATE, np.float32), np.ones(2 * RATE, np.float32)], 0.5)
    assert places == [Place(0.0, 1.0), Place(1.5, 3.5)] and len(wave) == 3.5 * RATE
    assert not wave[RATE : RATE + RATE // 2].any() and wave[:RATE].all() and wave[RATE + RATE // 2 :].all()


def test_a_window_that_its_utterances_fill_to_the_sample_is_one() -> None:
    assert windows_of(jobs(("a", "ar", 14.7), ("a", "ar", 14.7)), 30.0, 0.6) == [[0, 1]]
    assert windows_of(jobs(("a", "ar", 14.7), ("a", "ar", 14.701)), 30.0, 0.6) == [[0], [1]]


class Scribe:
    """A back-end that writes what it is told to for each length of window, and notes what it heard."""

    def __init__(self, answers: dict[int, Decoded]) -> None:
        self.answers, self.heard = answers, list[tuple[int, bool]]()

    def decode(self, waves, prompt, *, beam: int, limit: int, timestamps: bool) -> list[Decoded]:
        self.heard += [(len(wave), timestamps) for wave in waves]
        return [self.answers[len(wave)] for wave in waves]


@pytest.mark.parametrize("timestamps", [False, True])
def test_what_is_told_apart_is_heard_once_and_the_rest_alone(
    timestamps: bool, whisper: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    waves = {"a-1": noise(2.0, 1), "a-2": noise(1.4, 2), "a-3": noise(4.4, 3)}
    data = write_set(tmp_path / "set", waves)
    transcriber = Transcriber(whisper, DecodeConfig(packed=True, packed_gap=GAP, timestamps=timestamps))
    alone = decoded(vocabulary, *([0.0, D, 1.4] if timestamps else [D]))
    window = decoded(vocabulary, 0.0, A, 2.0, 4.6, B, 6.0, 6.5, C, 9.0)
    transcriber._backend = scribe = Scribe({9 * RATE: window, round(1.4 * RATE): alone})
    group = [Job(u, "ar") for u in _utterances(data)]
    hypotheses = transcribe_packed(transcriber, [group], _never, 16, Listener.plain())
    assert scribe.heard == [(9 * RATE, True), (round(1.4 * RATE), timestamps)]
    assert [(row.id, row.text, row.seconds) for row in hypotheses] == [
        ("a-1", A, 2.0),
        ("a-2", D, 1.4),
        ("a-3", f"{B} {C}", 4.4),
    ]
    third = hypotheses[2]
    assert (third.avg_logprob, third.entropy, third.no_speech) == (-0.5, 1.5, 0.25)  # of the whole window
    words = [vocabulary.encode(B), vocabulary.encode(C)]
    if timestamps:
        assert [(s.start, s.end, s.text) for s in third.segments] == [(0.0, 1.4, B), (1.9, 4.4, C)]
        t = vocabulary.timestamp
        assert list(third.tokens) == [t(0.0), *words[0], t(1.4), t(1.9), *words[1], t(4.4)]
    else:
        assert [(s.start, s.end, s.text) for s in third.segments] == [(0.0, 4.4, f"{B} {C}")]
        assert list(third.tokens) == words[0] + words[1]


def _utterances(data: Path):
    from toolkit.data.kaldi import DataDir

    return DataDir.read(data).utterances


def _never(id: str, reason: str, detail: str) -> None:
    raise AssertionError(f"{id} was dropped: {reason} {detail}")


def test_a_broken_and_a_silent_utterance_of_a_window_leave_the_others_packed(
    whisper: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF and no more")
    waves = {"a-1": noise(2.0, 1), "a-2": broken, "a-3": np.zeros(RATE, np.float32), "a-4": noise(1.4, 2)}
    data = write_set(tmp_path / "set", waves, {"a-2": 1.0})
    transcriber = Transcriber(whisper, DecodeConfig(packed=True, packed_gap=GAP))
    transcriber._backend = scribe = Scribe({4 * RATE: decoded(vocabulary, 0.0, A, 2.0, 2.6, B, 4.0)})
    dropped: list[str] = []
    group = [Job(u, "ar") for u in _utterances(data)]
    hypotheses = transcribe_packed(transcriber, [group], lambda id, *_: dropped.append(id), 16, Listener.plain())
    assert [(row.id, row.text) for row in hypotheses] == [("a-1", A), ("a-3", ""), ("a-4", B)]
    assert dropped == ["a-2"] and scribe.heard == [(4 * RATE, True)]


def test_utterances_a_little_longer_than_their_table_says_are_heard_alone(
    whisper: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    """A table may round: here by 0.09 s, after which two of them and the gap do not fit the window."""
    seconds, stated = (8.0 - GAP) / 2 + 0.04, (8.0 - GAP) / 2 - 0.05
    data = write_set(
        tmp_path / "set", {"a-1": noise(seconds, 1), "a-2": noise(seconds, 2)}, {"a-1": stated, "a-2": stated}
    )
    transcriber = Transcriber(whisper, DecodeConfig(packed=True, packed_gap=GAP, window_seconds=8.0))
    heard = round(seconds * RATE)
    transcriber._backend = scribe = Scribe({heard: decoded(vocabulary, A)})
    group = [Job(u, "ar") for u in _utterances(data)]
    hypotheses = transcribe_packed(transcriber, [group], _never, 16, Listener.plain())
    assert [row.text for row in hypotheses] == [A, A] and scribe.heard == [(heard, False)] * 2


def test_utterances_whose_table_gives_another_length_are_refused_by_name(whisper: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", {"a-1": noise(6, 1), "a-2": noise(7, 2)}, {"a-1": 1.0, "a-2": 7.2})
    transcriber = Transcriber(whisper, DecodeConfig(packed=True, packed_gap=GAP, window_seconds=8.0))
    lost: dict[str, str] = {}
    assert not transcribe_packed(
        transcriber,
        [[Job(u, "ar") for u in _utterances(data)]],
        lambda id, reason, detail: lost.update({id: f"{reason}: {detail}"}),
        16,
        Listener.plain(),
    )
    assert lost == {
        "a-1": "audio: other length: a-1: utt2dur says 1.00 s, and the audio has 6.00 s",
        "a-2": "audio: other length: a-2: utt2dur says 7.20 s, and the audio has 7.00 s",
    }


def test_the_step_loses_nobody_and_neither_batch_nor_a_second_time_changes_anything(
    whisper: Path, tmp_path: Path
) -> None:
    waves = {f"{who}-{i}": noise(0.5 + 0.1 * i, i) for who in ("ليلى", "سامي") for i in range(6)}
    data = write_set(tmp_path / "set", waves)
    packed = {"packed": True, "packed_gap": 0.3, "window_seconds": 4.0, "max_new_tokens": 30}
    step = transcribe(data, whisper, tmp_path / "a/out", **packed)
    assert rows(tmp_path / "a/out").keys() == waves.keys() and not lost(step)
    for batch in (1, 16):
        transcribe(data, whisper, tmp_path / f"b{batch}/out", batch=batch, **packed)
        hypotheses, wanted = rows(tmp_path / f"b{batch}/out"), rows(tmp_path / "a/out")
        assert [r.text for r in hypotheses.values()] == [r.text for r in wanted.values()]
    before = results(tmp_path / "a/out")
    transcribe(data, whisper, tmp_path / "a/again", **packed)
    assert results(tmp_path / "a/again") == before and before.keys() == set(RESULTS)
