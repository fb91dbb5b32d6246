"""Packed windows as batches: audio where it belongs, labels as Whisper's, and nothing that chance decides twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from packed import RATE, WINDOW_SECONDS, distillation, pack_speech

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.data.kaldi import DataDir
from toolkit.models.hearing import Ears
from toolkit.models.vocabulary import Vocabulary
from toolkit.models.whisper_files import load_whisper
from toolkit.pseudo.windows import HEADER, WINDOWS, read_windows
from toolkit.train.engine.config import LoopConfig
from toolkit.train.objectives.seq2seq import IGNORED
from toolkit.train.whisper_config import WhisperTraining, WindowConfig
from toolkit.train.whisper_inputs import WhisperInputs
from toolkit.train.whisper_speech import Hearing
from toolkit.train.window_speech import Shuffled, WindowSpeech

PLAIN: dict[str, Any] = {"windows": 3, "micro_batches": 2, "window_seconds": WINDOW_SECONDS}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return distillation(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def vocabulary(recipe: Path) -> Vocabulary:
    return Vocabulary.read(recipe / "teacher")


def speech(recipe: Path, packs: str = "train", positions: int = 448, **config: Any) -> WindowSpeech:
    settings = WindowConfig(**{**PLAIN, **config})
    return WindowSpeech(recipe / "packs" / packs, Vocabulary.read(recipe / "teacher"), settings, 80, positions)


def hearing(recipe: Path, seed: int = 1, **config: Any) -> Hearing:
    settings = WhisperTraining(data=WindowConfig(**{**PLAIN, **config}), loop=LoopConfig(seed=seed))
    paths = [recipe / p for p in ("packs/train", "packs/dev", "student", "teacher")]
    return Hearing(settings, WhisperInputs.read(paths))


def equal(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return all(np.array_equal(np.asarray(one[n]), np.asarray(two[n])) for n in ("mel_BMT", "tokens_BL", "labels_BL"))


def test_a_batch_is_a_function_of_seed_step_and_number_alone(recipe: Path) -> None:
    chance = {"timestamps": 0.5, "previous": 0.5, "time_masks": 2, "mel_masks": 2, "time_mask_seconds": 0.5}
    one, two = hearing(recipe, **chance), hearing(recipe, cache_mb=0.0, **chance)
    order = [(s, m) for s in range(4) for m in range(2)]
    first = {key: one.batch(*key) for key in order}
    again = {key: two.batch(*key) for key in reversed(order)}  # in another order, without a cache
    assert all(equal(first[key], again[key]) for key in order)
    assert all(equal(first[key], one.batch(*key)) for key in order)
    reseeded = hearing(recipe, seed=2, **chance)
    assert not any(equal(first[key], reseeded.batch(*key)) for key in order)


def test_every_window_comes_once_before_any_comes_twice() -> None:
    order = Shuffled(7, WindowConfig(windows=3, micro_batches=2), 5)
    stream = [row for step in range(14) for number in range(2) for row in order.rows(step, number)]
    epochs = [stream[i : i + 7] for i in range(0, len(stream), 7)]
    assert len(epochs) == 12 and all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 6
    late = Shuffled(7, WindowConfig(windows=3, micro_batches=2), 5)
    assert [late.rows(s, m) for s in (13, 2) for m in (1, 0)] == [order.rows(s, m) for s in (13, 2) for m in (1, 0)]


def test_audio_lies_where_the_pieces_say(recipe: Path) -> None:
    windows = speech(recipe)
    assert any(len(w.utterances) > 1 for w in windows.windows)
    for row, window in enumerate(windows.windows):
        wave = windows.wave(row)
        last = window.utterances[-1]
        assert abs(len(wave) / RATE - last.start - last.seconds) < 1e-4
        expected = np.zeros(len(wave), np.float32)
        for piece in window.utterances:
            samples, rate = soundfile.read(recipe / "wav" / f"{piece.id}.wav", dtype="float32")
            samples = samples[: round(piece.seconds * RATE)]  # told in ten-thousandths: a sample may be lost
            assert rate == RATE and len(samples) / RATE == pytest.approx(piece.seconds, abs=1e-4)
            expected[round(piece.start * RATE) :][: len(samples)] = samples
        assert np.array_equal(wave, expected) and np.abs(wave).max() > 0.1


def test_labels_are_whispers_sequence_of_tokens(recipe: Path, vocabulary: Vocabulary) -> None:
    """<|startoftranscript|><|ar|><|transcribe|><|notimestamps|> text <|endoftext|>, or times around each segment."""
    id = vocabulary.id
    head = [id("<|startoftranscript|>"), id("<|ar|>"), id("<|transcribe|>")]
    for row, window in enumerate(read_windows(recipe / "packs/train")):
        pieces = [(s.start, s.end, list(s.tokens)) for p in window.utterances for s in p.segments]
        flat = [t for _, _, tokens in pieces for t in tokens]
        whole = [*head, id("<|notimestamps|>"), *flat, id("<|endoftext|>")]
        tokens, labels = speech(recipe, timestamps=0, previous=0).shown(row, False, False)
        assert tokens.tolist() == whole[:-1] and labels.tolist() == whole[1:]
        timed = [t for s, e, words in pieces for t in (id(f"<|{s:.2f}|>"), *words, id(f"<|{e:.2f}|>"))]
        whole = [*head, *timed, id("<|endoftext|>")]
        tokens, labels = speech(recipe, timestamps=1, previous=0).shown(row, True, False)
        assert tokens.tolist() == whole[:-1] and labels.tolist() == whole[1:]


def test_the_text_before_stands_in_front_and_nothing_is_learnt_from_it(recipe: Path, vocabulary: Vocabulary) -> None:
    windows = speech(recipe, timestamps=0, previous=1)
    by_id = {w.id: w for w in windows.windows}
    text, seen = DataDir.read(recipe / "data/train").tables["text"], 0
    for row, window in enumerate(windows.windows):
        tokens, labels = windows.shown(row, *windows.way(np.random.default_rng(0)))
        alone, wanted = speech(recipe, timestamps=0, previous=0).shown(row, False, False)
        if window.previous is None:
            assert tokens.tolist() == alone.tolist() and labels.tolist() == wanted.tolist()
            continue
        seen += 1
        before = [t for p in by_id[window.previous].utterances for s in p.segments for t in s.tokens]
        assert by_id[window.previous].speaker == window.speaker
        assert tokens.tolist() == [vocabulary.id("<|startofprev|>"), *before, *alone]
        assert labels.tolist() == [IGNORED] * (1 + len(before)) + wanted.tolist()
        assert vocabulary.decode(before) == " ".join(text[p.id] for p in by_id[window.previous].utterances)
    assert seen >= 3


def test_a_long_text_before_is_cut_at_its_beginning_to_what_there_is_room_for(recipe: Path) -> None:
    windows = speech(recipe, timestamps=0, previous=1, positions=60)
    for row, window in enumerate(windows.windows):
        tokens, _ = windows.shown(row, *windows.way(np.random.default_rng(0)))
        alone, _ = speech(recipe, timestamps=0, previous=0).shown(row, False, False)
        assert len(tokens) < 60
        if window.previous is not None:
            before = tokens[: len(tokens) - len(alone)].tolist()
            text = windows.text(windows._place[window.previous])
            assert before[1:] == text[len(text) - len(before) + 1 :] and len(before) <= 30
            assert len(before) == min(30, 60 - len(alone) - 1, len(text) + 1)


def test_shares_of_timestamps_and_of_texts_before_are_those_asked_for(recipe: Path, vocabulary: Vocabulary) -> None:
    windows = speech(recipe, timestamps=0.2, previous=0.3)
    row = next(i for i, w in enumerate(windows.windows) if w.previous is not None)
    random = np.random.default_rng(0)
    drawn = [set(windows.shown(row, *windows.way(random))[0].tolist()) for _ in range(3000)]
    timed = np.mean([vocabulary.no_timestamps not in d for d in drawn])
    told = np.mean([vocabulary.previous in d for d in drawn])
    assert timed == pytest.approx(0.2, abs=0.03) and told == pytest.approx(0.3, abs=0.034)  # 4 standard errors


def test_a_dev_set_is_never_left_to_chance_and_has_each_window_once(recipe: Path, vocabulary: Vocabulary) -> None:
    dev = speech(recipe, "dev", timestamps=1, previous=1, time_masks=3, time_mask_seconds=2, mel_masks=3)
    rows = dev.once(2)
    assert sorted(r for batch in rows for r in batch) == list(range(len(dev)))
    for batch in rows:
        made = dev.batch(batch)
        assert equal(made, dev.batch(batch))
        assert (
            vocabulary.previous not in made["tokens_BL"] and (made["tokens_BL"][:, 3] == vocabulary.no_timestamps).all()
        )


def test_a_dev_batch_is_of_one_language(recipe: Path, tmp_path: Path) -> None:
    shutil.copytree(recipe / "packs/train", tmp_path / "packs/mixed")
    lines = [json.loads(line) for line in (tmp_path / "packs/mixed" / WINDOWS).read_text().splitlines()]
    for i, line in enumerate(lines):
        line["language"] = "fr" if i % 3 == 1 else "ar"
    (tmp_path / "packs/mixed" / WINDOWS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "teacher").symlink_to(recipe / "teacher")
    dev = speech(tmp_path, "mixed")
    rows = dev.once(2)
    assert sorted(r for batch in rows for r in batch) == list(range(len(dev)))
    for batch in rows:
        assert {dev.windows[r].language for r in batch} == {dev.batch(batch)["language"]}


def test_rows_are_padded_to_the_longest_of_the_batch_with_positions_that_are_ignored(
    recipe: Path, vocabulary: Vocabulary
) -> None:
    windows = speech(recipe, timestamps=0, previous=0)
    made = windows.batch(range(len(windows)), np.random.default_rng(0))
    lengths = [len(windows.shown(i, *windows.way(np.random.default_rng(0)))[0]) for i in range(len(windows))]
    assert made["tokens_BL"].shape == (len(windows), max(lengths)) and min(lengths) < max(lengths)
    for row, length in enumerate(lengths):
        assert (made["labels_BL"][row, :length] != IGNORED).all() and (made["labels_BL"][row, length:] == IGNORED).all()
        assert (made["tokens_BL"][row, length:] == vocabulary.end).all()
    assert made["mel_BMT"].shape == (len(windows), 80, round(100 * WINDOW_SECONDS))


def test_masks_change_spectrograms_and_nothing_else(recipe: Path) -> None:
    plain = hearing(recipe, timestamps=0.5, previous=0.5)
    masked = hearing(recipe, timestamps=0.5, previous=0.5, time_masks=2, time_mask_seconds=0.3, mel_masks=1)
    changed = 0
    for step in range(3):
        for number in range(2):
            one, two = plain.batch(step, number), masked.batch(step, number)
            assert np.array_equal(one["tokens_BL"], two["tokens_BL"])
            assert np.array_equal(one["labels_BL"], two["labels_BL"])
            for a_MT, b_MT in zip(one["mel_BMT"], two["mel_BMT"], strict=True):
                hidden = a_MT != b_MT
                changed += bool(hidden.any())
                torch.testing.assert_close(b_MT[hidden], a_MT.mean().expand(int(hidden.sum())))
                inside = hidden.float().mean(0) > 0.9  # a whole column, but where it was the mean already
                assert inside.sum() <= 2 * 30
    assert changed > 10


def test_states_that_are_kept_are_those_of_each_window_heard_alone(recipe: Path) -> None:
    windows, model = speech(recipe, states_mb=10), load_whisper(recipe / "teacher")
    windows.hear(Ears(model, WINDOW_SECONDS), "")
    made = windows.batch([2, 0])
    assert "mel_BMT" not in made and windows.states is not None
    for b, row in enumerate((2, 0)):
        with torch.no_grad():
            alone = model.encoder(speech(recipe).batch([row])["mel_BMT"])[0]
        torch.testing.assert_close(made["states_BSD"][b], alone, atol=1e-5, rtol=1e-5)


def test_where_states_do_not_fit_windows_are_heard_in_every_step_and_the_user_is_told(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    windows = speech(recipe, states_mb=0.01)
    windows.hear(Ears(load_whisper(recipe / "teacher"), WINDOW_SECONDS), "")
    assert windows.states is None and "mel_BMT" in windows.batch([0])
    assert "data.states_mb is less" in capsys.readouterr().out


def refused(make: Callable[[], object], *words: str) -> None:
    with pytest.raises(UserError) as error:
        make()
    assert all(word in error.value.what for word in words), error.value.what
    assert error.value.where and error.value.remedy


def test_labels_longer_than_the_decoder_are_refused(recipe: Path) -> None:
    longest = max(sum(len(s.tokens) + 2 for p in w.utterances for s in p.segments) for w in speech(recipe).windows)
    speech(recipe, positions=longest + 4)  # start, language, task, end
    refused(lambda: speech(recipe, positions=longest + 3), f"{longest + 4} tokens", f"for {longest + 3}")


def test_windows_longer_than_the_network_hears_are_refused(recipe: Path) -> None:
    refused(lambda: speech(recipe, window_seconds=1.5), "windows of 2 s", "hears 1.5 s")


def copied(recipe: Path, tmp_path: Path) -> Path:
    """Another recipe whose audio and data directories a test may change."""
    for name in ("wav", "data"):
        shutil.copytree(recipe / name, tmp_path / name)
    scp = tmp_path / "data/train/wav.scp"
    scp.write_text(scp.read_text().replace(str(recipe), str(tmp_path)))
    (tmp_path / "teacher").symlink_to(recipe / "teacher")
    pack_speech(tmp_path / "data/train", recipe / "teacher", tmp_path / "packs/train")
    return tmp_path


def test_audio_that_is_gone_is_named(recipe: Path, tmp_path: Path) -> None:
    windows = speech(copied(recipe, tmp_path))
    (tmp_path / "wav" / f"{windows.windows[1].utterances[0].id}.wav").unlink()
    with pytest.raises(UserError) as error:
        windows.batch([0, 1])
    assert windows.windows[1].utterances[0].id in str(error.value)


def test_audio_that_has_become_shorter_is_named(recipe: Path, tmp_path: Path) -> None:
    windows = speech(copied(recipe, tmp_path))
    id = windows.windows[0].utterances[0].id
    soundfile.write(tmp_path / "wav" / f"{id}.wav", np.zeros(RATE // 10), RATE)
    refused(lambda: windows.batch([0]), id, "utt2dur says", "the audio has 0.10 s")


def test_an_utterance_that_its_set_has_no_more_is_named(recipe: Path, tmp_path: Path) -> None:
    folder = copied(recipe, tmp_path)
    id = speech(folder).windows[0].utterances[0].id
    for table in (folder / "data/train").iterdir():
        lines = table.read_text().splitlines(keepends=True)
        table.write_text("".join(line for line in lines if not line.startswith(id + " ")).replace(f" {id}", ""))
    refused(lambda: speech(folder), "1 utterances", id)


def test_a_set_of_another_place_is_looked_for_where_the_header_says(recipe: Path, tmp_path: Path) -> None:
    shutil.copytree(recipe / "packs", tmp_path / "packs")
    (tmp_path / "teacher").symlink_to(recipe / "teacher")
    header = read_json(tmp_path / "packs/train" / HEADER)
    write_json(tmp_path / "packs/train" / HEADER, {**header, "data": str(tmp_path / "nowhere")})
    refused(lambda: speech(tmp_path), "not a data directory")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"windows": 0}, "at least 1"),
        ({"window_seconds": 31}, "0.1 to 30"),
        ({"timestamps": 1.5}, "are shares"),
        ({"cache_mb": -1}, "must not be below 0"),
        ({"states_mb": 1, "mel_masks": 1}, "exclude each other"),
    ],
)
def test_what_no_step_can_be_made_of_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WindowConfig(**fields)
