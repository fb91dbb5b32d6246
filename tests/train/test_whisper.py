"""`python3 -m toolkit.train.whisper`: what it writes, refuses and survives, on a tiny Whisper."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packed import RATE, WINDOW_SECONDS, distillation, make_student
from safetensors.torch import load_file
from transformers import WhisperForConditionalGeneration
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.core.output import begin
from toolkit.core.step import Step
from toolkit.models.log_mel import log_mel
from toolkit.models.vocabulary import Vocabulary
from toolkit.models.whisper import WhisperEncoder
from toolkit.models.whisper_files import find_model, load_whisper, model_name
from toolkit.pseudo.decode import greedy
from toolkit.train import whisper, whisper_dev
from toolkit.train.engine import loop as loop_module
from toolkit.train.engine.checkpoint import BEST, folder_of, steps_saved
from toolkit.train.engine.config import LoopConfig, OptimConfig
from toolkit.train.engine.loop import Diverged
from toolkit.train.objectives.config import Seq2SeqConfig
from toolkit.train.whisper_config import WhisperTraining, WindowConfig
from toolkit.train.whisper_dev import DevScore
from toolkit.train.whisper_inputs import WhisperInputs
from toolkit.train.whisper_speech import Hearing

INS = ("packs/train", "packs/dev", "student", "teacher")
OPTIM = OptimConfig(peak_lr=3e-3, warmup=2, schedule="constant")
DATA = WindowConfig(windows=2, micro_batches=2, window_seconds=WINDOW_SECONDS, timestamps=0.3, previous=0.3)
LOOP = LoopConfig(total_steps=9, log_every=2, validate_every=3, checkpoint_every=2, tensorboard=False)
CONFIG = WhisperTraining(data=DATA, optim=OPTIM, loop=LOOP)
YAML = """
data: {windows: 2, micro_batches: 2, window_seconds: 2, timestamps: 0.3, previous: 0.3}
optim: {peak_lr: 3e-3, warmup: 2, schedule: constant}
loop: {total_steps: 9, log_every: 2, validate_every: 3, checkpoint_every: 2, tensorboard: no, best: wer}
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = distillation(tmp_path_factory.mktemp("recipe"))
    (folder / "distil.yaml").write_text(YAML)
    return folder


def fit(recipe: Path, out: Path, config: WhisperTraining = CONFIG, ins: tuple[str, ...] = INS) -> Path:
    """The step in this process, without lock and record."""
    whisper.run(Step(config, [recipe / name for name in ins], out, ["train.whisper", "--out", "x"]))
    return out


def with_loop(**fields: Any) -> WhisperTraining:
    return replace(CONFIG, loop=replace(LOOP, **fields))


def made(out: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file() and "checkpoints" not in p.parts
    }


def test_weights_kept_on_the_way_are_models_and_change_no_byte_of_the_last(recipe: Path, tmp_path: Path) -> None:
    plain = made(fit(recipe, tmp_path / "plain"))
    kept = made(fit(recipe, tmp_path / "exp/DW", with_loop(keep_at=(0.5, 1.0))))
    assert {n: b for n, b in kept.items() if not n.startswith("at/")} == plain
    assert kept["at/100/hf/model.safetensors"] == plain["hf/model.safetensors"]
    assert kept["at/50/hf/model.safetensors"] != plain["hf/model.safetensors"]
    folder = find_model(tmp_path / "exp/DW/at/50")
    assert model_name(folder) == "DW.at50" and load_whisper(folder).config == load_whisper(tmp_path / "plain/hf").config
    assert Vocabulary.read(folder).end == Vocabulary.read(recipe / "teacher").end
    assert read_json(folder / "config.json")["sawt"]["steps"] == 4


def test_a_dev_batch_goes_through_the_encoder_once(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and WER of a validation share it; the teacher has an encoder of its own."""
    calls: list[bool] = []
    original = WhisperEncoder.forward

    def counted(self: WhisperEncoder, *args: Any) -> Any:
        calls.append(self.training)
        return original(self, *args)

    monkeypatch.setattr(WhisperEncoder, "forward", counted)
    config = replace(with_loop(total_steps=1, validate_every=0), objective=Seq2SeqConfig(preset="labels"))
    fit(recipe, tmp_path, config, INS[:3])
    windows = len((recipe / "packs/dev/windows.jsonl").read_text().splitlines())
    assert calls.count(True) == 2 and calls.count(False) == -(-windows // 2)


class Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Output of an uninterrupted run."""
    return fit(recipe, tmp_path_factory.mktemp("whole") / "out", with_loop(best="wer"))


@pytest.mark.parametrize("stop", [1, 3, 4, 8])
def test_resumed_equals_uninterrupted_to_the_bit(
    recipe: Path, whole: Path, stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Hearing.batch

    def until(self: Hearing, step: int, number: int) -> Any:
        if step >= stop:
            raise Stopped
        return original(self, step, number)

    monkeypatch.setattr(Hearing, "batch", until)
    with pytest.raises(Stopped):
        fit(recipe, tmp_path / "out", with_loop(best="wer"))
    assert not (tmp_path / "out/hf").exists()
    monkeypatch.setattr(Hearing, "batch", original)
    assert made(fit(recipe, tmp_path / "out", with_loop(best="wer"))) == made(whole)
    assert {"hf/model.safetensors", "loss.tsv", "hf/tokenizer.json", "hf/README.md"} <= made(whole).keys()


def test_training_moves_the_student_towards_labels_and_teacher(recipe: Path, tmp_path: Path) -> None:
    rows = np.genfromtxt(fit(recipe, tmp_path, with_loop(total_steps=30)) / "loss.tsv", names=True, delimiter="\t")
    for name in ("loss", "ce", "kl"):
        assert rows[name][-1] < 0.8 * rows[name][0]


def weights(out: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(out / "hf/model.safetensors")
    return tensors


def best_of(recipe: Path, out: Path, monkeypatch: pytest.MonkeyPatch, wers: dict[int, float], **fields: Any) -> Path:
    """A run whose dev WER is what `wers` says of each step that is validated."""
    original = loop_module.TrainingRun.validate

    def with_wer(self: loop_module.TrainingRun, validation: Any) -> dict[str, float]:
        return {**original(self, validation), "wer": wers[self.state.step]}

    with monkeypatch.context() as patch:
        patch.setattr(loop_module.TrainingRun, "validate", with_wer)
        return fit(recipe, out, with_loop(best="wer", **fields))


def test_a_run_whose_error_rate_rises_ends_with_the_earlier_weights(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 0.99 and 1.01 as texts and as numbers the first is less; of 9.9 and 10.1 only as numbers."""
    out = best_of(recipe, tmp_path / "a", monkeypatch, {3: 10.1, 6: 9.9, 9: 11.5})
    kept = weights(out)
    at_6 = weights(fit(recipe, tmp_path / "b", with_loop(total_steps=6)))
    assert all(torch.equal(t, at_6[n]) for n, t in kept.items())
    at_9 = weights(fit(recipe, tmp_path / "c"))
    assert not all(torch.equal(t, at_9[n]) for n, t in kept.items())
    card = (out / "hf/README.md").read_text()
    assert "weights of step 6, the best of dev (9.9)" in card


@pytest.mark.parametrize("stop", [4, 7])
def test_a_best_one_is_remembered_over_a_resume(
    recipe: Path, stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed between a validation of 9.9 and one of 10.1, which is more, though "10.1" < "9.9"."""
    wers = {3: 9.9, 6: 10.1, 9: 100.0}
    expected = made(best_of(recipe, tmp_path / "whole", monkeypatch, wers))
    original = Hearing.batch

    def until(self: Hearing, step: int, number: int) -> Any:
        if step >= stop:
            raise Stopped
        return original(self, step, number)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Hearing, "batch", until)
        best_of(recipe, tmp_path / "cut", monkeypatch, wers)
    assert steps_saved(tmp_path / "cut")[-1] == stop // 2 * 2
    assert (tmp_path / "cut" / BEST).is_file()
    assert made(best_of(recipe, tmp_path / "cut", monkeypatch, wers)) == expected


def test_a_kill_between_the_best_weights_and_the_checkpoint_changes_nothing(
    recipe: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of best weights is then of a validation that the newest checkpoint does not know of."""
    original = loop_module.TrainingRun.keep_best

    def killed(self: loop_module.TrainingRun) -> None:
        original(self)
        if self.state.step == 3:
            raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(loop_module.TrainingRun, "keep_best", killed)
        fit(recipe, tmp_path, with_loop(best="wer"))
    assert (tmp_path / BEST).is_file() and steps_saved(tmp_path) == [2]
    assert read_json(folder_of(tmp_path, 2) / "state.json")["best"] == {}
    assert made(fit(recipe, tmp_path, with_loop(best="wer"))) == made(whole)


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


def test_two_processes_give_the_bits_of_one(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two gradients have one sum, in whatever order."""
    words = ["train.whisper", "--config", "distil.yaml", "--in", *INS, "--out"]
    python = [sys.executable, "-m"]
    one = subprocess.run(
        [*python, f"toolkit.{words[0]}", *words[1:], "one"],
        cwd=recipe,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert one.returncode == 0, one.stderr
    monkeypatch.chdir(recipe)
    begin([*words, "two"], Path("two"))  # as the step does before it starts its ranks
    launched = [*python, "toolkit.train.engine.launch", "2", "-m", f"toolkit.{words[0]}", *words[1:], "two", "--worker"]
    two = subprocess.run(launched, env=environment(), capture_output=True, text=True)
    assert two.returncode == 0, two.stdout + two.stderr
    for name in ("loss.tsv", "hf/model.safetensors", "hf/config.json", "hf/README.md"):
        assert (recipe / "two" / name).read_bytes() == (recipe / "one" / name).read_bytes(), name
    record = read_json(recipe / "one/record.json")
    assert record["counts"]["steps"] == 9 and record["counts"]["windows"] == 7


def refused(recipe: Path, out: Path, ins: tuple[str, ...], message: str, config: WhisperTraining = CONFIG) -> None:
    with pytest.raises(UserError) as error:
        fit(recipe, out, config, ins)
    assert message in error.value.what and error.value.where and error.value.remedy, error.value


LABELS = replace(CONFIG, objective=Seq2SeqConfig(preset="labels"))


@pytest.mark.parametrize(
    ("ins", "message"),
    [
        (("packs/train", "packs/dev", "student"), "learns from a teacher, and there is none"),
        (("student", "teacher"), "0 folders of windows, 2 models"),
        (("packs/train", "packs/dev", "packs/dev", "student"), "3 folders of windows"),
        (("packs/train",), "1 folders of windows, 0 models"),
        (("packs/train", "student", "teacher", "teacher"), "3 models"),
        (("packs/train", "data/train", "student", "teacher"), "no Whisper here"),
        (("packs/train", "wav", "student"), "no Whisper here"),
    ],
)
def test_wrong_combinations_of_inputs_are_named(
    recipe: Path, tmp_path: Path, ins: tuple[str, ...], message: str
) -> None:
    refused(recipe, tmp_path / "out", ins, message)
    assert not (tmp_path / "out/checkpoints").exists()


def test_a_best_one_without_a_dev_set_is_refused(recipe: Path, tmp_path: Path) -> None:
    refused(recipe, tmp_path, (INS[0], *INS[2:]), "picks weights by a dev set", with_loop(best="wer"))


def test_a_figure_that_there_is_not_is_named_with_those_there_are(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no figure wre") as error:
        fit(recipe, tmp_path, with_loop(best="wre"))
    assert "wer" in error.value.remedy and "kl" in error.value.remedy


def absolute(path: Path) -> tuple[str, ...]:
    return (*INS[:3], str(path))


def test_a_teacher_of_128_mels_is_refused(recipe: Path, tmp_path: Path) -> None:
    folder = tiny_whisper_folder(tmp_path / "v3", mels=128)
    refused(recipe, tmp_path / "out", absolute(folder), "a teacher of 128 mels and a student of 80")


def test_a_teacher_of_another_vocabulary_is_refused(recipe: Path, tmp_path: Path) -> None:
    """As large-v3 is to large-v2: a language more, so that all tokens after it have other numbers."""
    folder = tiny_whisper_folder(tmp_path / "v3", languages=("en", "ar", "fr", "yue"))
    refused(recipe, tmp_path / "out", absolute(folder), "tokens and a student of")


def test_a_teacher_of_as_many_but_other_tokens_is_refused(recipe: Path, tmp_path: Path) -> None:
    folder = tiny_whisper_folder(tmp_path / "other", languages=("ar", "en", "fr"))
    refused(recipe, tmp_path / "out", absolute(folder), "of other tokens: 4 differ")


def test_labels_in_another_models_tokens_are_refused(recipe: Path, tmp_path: Path) -> None:
    folder = tiny_whisper_folder(tmp_path / "other", languages=("ar", "en", "fr"))
    refused(recipe, tmp_path / "out", (*INS[:2], str(folder)), "tokens of another model", LABELS)


def test_an_english_only_whisper_is_refused_as_either(recipe: Path, tmp_path: Path) -> None:
    shutil.copytree(recipe / "teacher", tmp_path / "tiny.en")
    path = tmp_path / "tiny.en/generation_config.json"
    write_json(path, {**read_json(path), "is_multilingual": False})
    refused(recipe, tmp_path / "out", absolute(tmp_path / "tiny.en"), "English-only")
    refused(recipe, tmp_path / "out", (*INS[:2], str(tmp_path / "tiny.en")), "English-only", LABELS)


def test_a_whisper_that_does_not_know_the_language_of_the_labels_is_refused(recipe: Path, tmp_path: Path) -> None:
    shutil.copytree(recipe / "teacher", tmp_path / "deaf")
    path = tmp_path / "deaf/generation_config.json"
    config = read_json(path)
    write_json(path, {**config, "lang_to_id": {k: v for k, v in config["lang_to_id"].items() if k != "<|ar|>"}})
    refused(recipe, tmp_path / "out", (*INS[:2], str(tmp_path / "deaf")), "knows no language ar", LABELS)


def test_a_network_with_positions_for_shorter_windows_is_refused(recipe: Path, tmp_path: Path) -> None:
    shutil.copytree(recipe / "teacher", tmp_path / "short")
    path = tmp_path / "short/config.json"
    write_json(path, {**read_json(path), "max_source_positions": 50})
    refused(
        recipe,
        tmp_path / "out",
        (*INS[:2], str(tmp_path / "short")),
        "max_source_positions 50, which no release has",
        LABELS,
    )


def test_weights_that_do_not_fit_their_config_are_refused(recipe: Path, tmp_path: Path) -> None:
    shutil.copytree(recipe / "student/hf", tmp_path / "broken")
    path = tmp_path / "broken/config.json"
    write_json(path, {**read_json(path), "decoder_layers": 3})
    with pytest.raises(UserError, match="do not fit"):
        fit(recipe, tmp_path / "out", CONFIG, (*INS[:2], str(tmp_path / "broken"), "teacher"))


def test_hidden_states_of_a_student_that_names_no_blocks_are_refused(recipe: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, objective=Seq2SeqConfig(mse=1.0))
    refused(recipe, tmp_path, (*INS[:2], "teacher", "teacher"), "says which blocks", config)


def test_a_loss_that_is_not_finite_ends_with_what_to_do(recipe: Path, tmp_path: Path) -> None:
    hot = replace(with_loop(bad_steps=2), optim=OptimConfig(peak_lr=1e30, warmup=0, clip=0.0, schedule="constant"))
    with pytest.raises(Diverged, match="not finite in 2 steps in a row") as error:
        fit(recipe, tmp_path, hot)
    assert "peak_lr" in error.value.remedy
    assert not (tmp_path / "hf").exists()


def after(prompt: list[int], row: list[int], end: int) -> list[int]:
    """What `generate` gives, without the prompt that some releases of it repeat, and without what ends or pads it."""
    row = row[len(prompt) :] if row[: len(prompt)] == prompt else row
    return row[: row.index(end)] if end in row else row


@pytest.mark.parametrize("encoder", ["trained", "frozen"])
def test_the_exported_folder_writes_in_transformers_what_it_writes_here(
    recipe: Path, tmp_path: Path, encoder: Any
) -> None:
    config = replace(CONFIG, objective=Seq2SeqConfig(encoder=encoder), data=replace(DATA, window_seconds=30.0))
    out = fit(recipe, tmp_path, replace(config, loop=replace(LOOP, total_steps=3)))
    network, report = WhisperForConditionalGeneration.from_pretrained(out / "hf", output_loading_info=True)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    ours, vocabulary = load_whisper(out / "hf"), Vocabulary.read(out / "hf")
    random = np.random.default_rng(0)
    waves = [random.normal(0, 0.1, RATE * n).astype(np.float32) for n in (1, 3, 2)]
    mels = log_mel(waves, 3000, 80)
    with torch.no_grad():
        theirs = network.eval().generate(mels, language="ar", task="transcribe", max_new_tokens=20).tolist()
    prompt = vocabulary.prompt("ar", False)
    with torch.no_grad():
        states_BSD = ours.encoder(mels)
    written = [list(w.tokens) for w in greedy(ours, states_BSD, prompt, vocabulary, False, 20)]
    # A network that knows nothing writes times, and `generate` goes on behind them: what both write is compared.
    assert written == [after(prompt, row, vocabulary.end)[:20] for row in theirs] and all(written)
    frozen = load_file(recipe / "student/hf/model.safetensors")
    unmoved = all(torch.equal(t, frozen[n]) for n, t in weights(out).items() if n.startswith("model.encoder"))
    assert unmoved == (encoder == "frozen")


def test_states_kept_in_memory_train_the_same_student(recipe: Path, tmp_path: Path) -> None:
    """Each window heard once and alone, or anew in every batch: the same but for rounding."""
    frozen = replace(with_loop(total_steps=5), objective=Seq2SeqConfig(encoder="frozen"))
    kept = replace(frozen, data=replace(DATA, states_mb=100.0))
    one, two = weights(fit(recipe, tmp_path / "a", frozen)), weights(fit(recipe, tmp_path / "b", kept))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, atol=2e-4, rtol=1e-3)


def test_a_student_of_a_shorter_encoder_hears_apart_from_its_teacher_though_states_could_be_kept(
    recipe: Path, tmp_path: Path
) -> None:
    """The teacher must not listen through an encoder that is not its own: KL would be of nonsense."""
    short = make_student(recipe / "teacher", tmp_path / "short", (0, 2), (0, 2))
    frozen = replace(with_loop(total_steps=3), objective=Seq2SeqConfig(encoder="frozen"))
    kept = replace(frozen, data=replace(DATA, states_mb=100.0))
    ins = (*INS[:2], str(short), "teacher")
    assert made(fit(recipe, tmp_path / "a", frozen, ins)) == made(fit(recipe, tmp_path / "b", kept, ins))


def test_the_dev_error_rate_counts_words_over_all_windows(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Worked by hand, profile sawt (which takes away vowel signs and tatweel):

    ذَهَبَ الولدُ إلى المدرسة / ذهب الولد الى مدرسة: 1 of 4 words wrong (sawt folds the hamza of إلى);
    كتـــاب / (nothing): 1 of 1 wrong; نعم / نعم نعم: 1 inserted, of 1. Words: 3 / 6; the mean over windows
    would be (1/4 + 1 + 1) / 3 = 0.75.
    """
    vocabulary = Vocabulary.read(recipe / "teacher")
    references = ["ذَهَبَ الولدُ إلى المدرسة", "كتـــاب", "نعم"]
    written = ["ذهب الولد الى مدرسة", "", "نعم نعم"]

    class Written:
        def __init__(self, text: str) -> None:
            self.tokens = tuple(vocabulary.encode(text))

    monkeypatch.setattr(whisper_dev, "greedy", lambda *args: [Written(text) for text in written])
    rows = [[*vocabulary.prompt("ar", False)[1:], *vocabulary.encode(text), vocabulary.end] for text in references]
    labels_BL = torch.full((3, max(map(len, rows)) + 2), -100)
    for b, row in enumerate(rows):
        labels_BL[b, : len(row)] = torch.tensor(row)
    score = DevScore(vocabulary, "sawt")
    student, batch = (
        load_whisper(recipe / "teacher"),
        {"labels_BL": labels_BL, "language": "ar", "ids": ["a", "b", "c"]},
    )
    transcripts = score.transcribe(student, torch.zeros(3, 4, 16), batch)
    assert transcripts.keys() == {"a", "b", "c"}
    assert score.score(transcripts) == {"wer": 3 / 6}


def test_the_card_tells_what_was_learnt_from_what(recipe: Path, whole: Path) -> None:
    card = (whole / "hf/README.md").read_text()
    assert "3 encoder and 2 decoder blocks" in card and "KL weight 1 at temperature 2, label weight 0.8" in card
    assert "windows of 2 s" in card and "7 windows" in card and "teacher" in card
    about = read_json(whole / "hf/config.json")["sawt"]
    assert about["decoder_blocks"] == [0, 2] and about["teacher"] == "teacher" and about["window_seconds"] == 2.0
    assert about["labels"] == "truth" and about["steps"] == 9


def test_nothing_is_written_twice_by_a_run_that_is_done(recipe: Path, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "out")
    before = made(tmp_path / "out")
    assert made(fit(recipe, tmp_path / "out", with_loop(best="wer"))) == before


def test_inputs_are_told_apart_in_the_order_of_the_command_line(recipe: Path) -> None:
    paths = [recipe / name for name in ("student", "packs/dev", "teacher", "packs/train")]
    inputs = WhisperInputs.read(paths)
    assert (inputs.train, inputs.dev) == (recipe / "packs/dev", recipe / "packs/train")
    assert (inputs.start, inputs.teacher) == (recipe / "student/hf", recipe / "teacher")
