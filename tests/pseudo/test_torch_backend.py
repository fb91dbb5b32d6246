"""Which windows the torch back-end hears again where it heard the audio alone, and which text then stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from toolkit.models.vocabulary import Vocabulary
from toolkit.pseudo import torch_backend
from toolkit.pseudo.decoded import Decoded
from toolkit.pseudo.torch_backend import TorchBackend

from .recordings import noise


@pytest.fixture(scope="module")
def vocabulary(whisper: Path) -> Vocabulary:
    return Vocabulary.read(whisper)


def text(vocabulary: Vocabulary, words: str, ended: bool = True) -> Decoded:
    return Decoded(tuple(vocabulary.encode(words)), -0.5, 0.1, 0.0, ended)


class Scripted:
    """In the place of `greedy`: writes what it is told, and notes how many windows it was given."""

    def __init__(self, *answers: Sequence[Decoded]) -> None:
        self.answers, self.given = list(answers), list[torch.Tensor]()

    def __call__(self, model, states_BSD, *_) -> list[Decoded]:
        self.given.append(states_BSD)
        return list(self.answers.pop(0))


def decode(
    whisper: Path, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch, script: Scripted, context: str
) -> list[Decoded]:
    monkeypatch.setattr(torch_backend, "greedy", script)
    backend = TorchBackend(whisper, vocabulary, seconds=4.0, context=context)
    waves = [noise(0.5 + 0.2 * i, i) for i in range(4)]
    return backend.decode(waves, vocabulary.prompt("ar", False), limit=8)


def test_what_did_not_end_or_repeats_itself_is_heard_again_in_the_whole_window(
    whisper: Path, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, cut = text(vocabulary, "ذهب الولد"), text(vocabulary, "ما بعرف", ended=False)
    loop, retry = text(vocabulary, "كيف حالك " * 30), text(vocabulary, "نعم")
    script = Scripted([good, cut, loop, cut], [retry, loop, retry])
    results = decode(whisper, vocabulary, monkeypatch, script, "audio")
    assert results == [good, retry, loop, retry]  # the loop was one in the whole window, too: the first text stands
    first, again = script.given
    backend = TorchBackend(whisper, vocabulary, seconds=4.0)
    whole = backend.ears.states([noise(0.5 + 0.2 * i, i) for i in (1, 2, 3)])
    assert len(first) == 4 and torch.equal(again, whole)


def test_all_that_ends_well_is_heard_once(
    whisper: Path, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [text(vocabulary, "ذهب الولد")] * 4
    assert (
        decode(whisper, vocabulary, monkeypatch, script := Scripted(good), "audio") == good and len(script.given) == 1
    )


def test_a_whole_window_is_heard_once_however_it_ends(
    whisper: Path, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = [text(vocabulary, "ما بعرف", ended=False)] * 4
    assert decode(whisper, vocabulary, monkeypatch, script := Scripted(cut), "window") == cut and len(script.given) == 1
