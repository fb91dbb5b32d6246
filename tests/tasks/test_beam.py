"""The beam of an ASR task: what its model learns from, which weights are chosen on dev, and what a kill costs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import jiwer
import numpy as np
import pytest

from toolkit.core.errors import UserError
from toolkit.data.kaldi import Utterance
from toolkit.models.beam import Decoding, beam_search
from toolkit.tasks import beam
from toolkit.tasks.base import Example
from toolkit.tasks.beam import search
from toolkit.tasks.spelt import Spelling
from toolkit.tasks.types.ctc import CtcTask
from toolkit.text.ngram import NGram
from toolkit.text.tokens import Characters, SentencePiece, Tokens, learn_pieces

SAID = {
    "train": ["قال الولد", "قال الرجل", "كان الولد هنا", "قلب الأسد", "كتب الرجل"],
    "dev": ["قال الرجل هنا", "كتب الولد", "كان الأسد هنا", "قلب الرجل"],
    "test": ["كتب الأسد", "قال الولد", "كان الرجل"],
}
TASK = {"type": "ctc", "steps": 1, "lr": (0.1,), "decode": "beam"}


def task_data(tokens: Tokens, **more: object) -> Spelling:
    parts = {
        part: [
            Example(Utterance(f"{part}{u}", "", 0.0, None, "s", 1.0), u, np.array(tokens.encode(text)), text)
            for u, text in enumerate(texts)
        ]
        for part, texts in SAID.items()
    }
    return Spelling("asr", CtcTask(**{**TASK, **more}), parts, [], len(tokens), tokens)  # type: ignore[arg-type]


class Ears:
    """Hears every token, and a blank after it, in noise."""

    def __init__(self, data: Spelling, noise: float) -> None:
        self.data, self.noise, self.asked = data, noise, list[str]()

    def __call__(self, part: str) -> Iterator[tuple[Example, np.ndarray]]:
        self.asked.append(part)
        rng = np.random.default_rng(len(part))
        for example in self.data.parts[part]:
            classes = [c for n in example.target for c in (n, 0)]
            logits = rng.normal(0, self.noise, (len(classes), self.data.classes))
            logits[np.arange(len(classes)), classes] += 4
            yield example, logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


TOKENS = [Characters(SAID["train"]), SentencePiece(learn_pieces(tuple(SAID["train"]), 20))]


@pytest.mark.parametrize("tokens", TOKENS, ids=["characters", "pieces"])
def test_the_weights_with_the_lowest_cer_on_dev_decode_test(tokens: Tokens, tmp_path: Path) -> None:
    data = task_data(tokens, lm_weight=(0.0, 0.5, 4.0), insertion=(0.0, 1.0), lm_order=3, beam=8)
    ears = Ears(data, 1.9)
    searched = search(data, ears, tmp_path)
    lm = NGram([e.target.tolist() for e in data.parts["train"]], len(tokens), 3)

    def spelt(part: str, weights: tuple[float, float]) -> list[str]:
        return [tokens.decode(beam_search(heard, Decoding(8, *weights), lm)[0]) for _, heard in ears(part)]

    wanted = {(a, b): 100 * jiwer.cer(SAID["dev"], spelt("dev", (a, b))) for a in (0.0, 0.5, 4.0) for b in (0.0, 1.0)}
    tried = {(row["lm_weight"], row["insertion"]): row["percent"] for row in searched.decoding["dev"]}
    assert tried == pytest.approx(wanted) and list(tried) == list(wanted)
    assert len(set(wanted.values())) > 1
    best = min(wanted, key=wanted.__getitem__)
    assert (searched.decoding["lm_weight"], searched.decoding["insertion"]) == best
    assert (searched.decoding["beam"], searched.decoding["order"], searched.decoding["text"]) == (8, 3, "train")
    assert list(searched.transcripts.values()) == spelt("test", best)


def test_the_first_of_equals_wins_and_a_single_pair_of_weights_needs_no_dev_set(tmp_path: Path) -> None:
    data = task_data(TOKENS[0], lm_weight=(0.1, 0.0), insertion=(0.0,))
    searched = search(data, Ears(data, 0.0), tmp_path)  # without noise every one spells all of it right
    assert [row["percent"] for row in searched.decoding["dev"]] == [0, 0]
    assert searched.decoding["lm_weight"] == 0.1
    data = task_data(TOKENS[0], lm_weight=(0.1,), insertion=(0.0,))
    ears = Ears(data, 0.0)
    assert search(data, ears, tmp_path).decoding["dev"] == []
    assert ears.asked == ["test"]


def test_a_choice_that_is_made_is_not_made_again_after_a_kill(tmp_path: Path) -> None:
    data = task_data(TOKENS[0])
    ears = Ears(data, 1.9)

    def dies(part: str) -> Iterator[tuple[Example, np.ndarray]]:
        for k, row in enumerate(ears(part)):
            if part == "test" and k:
                raise KeyboardInterrupt
            yield row

    with pytest.raises(KeyboardInterrupt):
        search(data, dies, tmp_path)
    assert ears.asked == ["dev", "test"]
    again = search(data, ears, tmp_path)
    assert ears.asked == ["dev", "test", "test"]
    whole = search(data, Ears(data, 1.9), tmp_path / "whole")
    assert (again.decoding, again.transcripts) == (whole.decoding, whole.transcripts)


def test_the_model_learns_from_a_text_whose_lines_are_treated_as_transcripts_are(tmp_path: Path) -> None:
    lines = "قَالَ الوَلَدُ، هُنَا!\n\n  كـتـب   الرجل ۲۰۲۴ ok \n٭\n"
    text = tmp_path / "more.txt"
    text.write_text(lines)
    tokens = TOKENS[0]
    data = task_data(tokens, lm_text=str(text), lm_weight=(2.0,), insertion=(0.0,), lm_order=3)
    ears = Ears(data, 1.9)
    searched = search(data, ears, tmp_path)
    assert searched.decoding["text"] == f"more.txt sha256 {hashlib.sha256(lines.encode()).hexdigest()}"
    lm = NGram([tokens.encode("قال الولد هنا"), tokens.encode("كتب الرجل")], len(tokens), 3)
    wanted = [tokens.decode(beam_search(heard, Decoding(16, 2.0), lm)[0]) for _, heard in ears("test")]
    assert list(searched.transcripts.values()) == wanted
    plain = search(task_data(tokens, lm_weight=(2.0,), insertion=(0.0,), lm_order=3), ears, tmp_path)
    assert searched.transcripts != plain.transcripts


def test_rows_whose_heads_spell_alike_share_the_model_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("قال\n")
    beam._model_of_text.cache_clear()
    for tokens in (Characters(SAID["train"]), Characters(SAID["train"]), Characters([*SAID["train"], "ڤ"]), TOKENS[1]):
        data = task_data(tokens, lm_text=str(tmp_path / "more.txt"), lm_weight=(1.0,), insertion=(0.0,))
        search(data, lambda part: [], tmp_path)
    assert beam._model_of_text.cache_info()[:2] == (1, 3)


@pytest.mark.parametrize(("written", "message"), [(b"", "no sentence"), ("قال".encode("cp1256"), "not UTF-8 text")])
def test_a_text_without_sentences_or_in_another_encoding_is_a_users_mistake(
    written: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "more.txt").write_bytes(written)
    data = task_data(TOKENS[0], lm_text=str(tmp_path / "more.txt"))
    with pytest.raises(UserError, match=message):
        search(data, Ears(data, 1.0), tmp_path)
