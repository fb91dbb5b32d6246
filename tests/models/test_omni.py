"""A tiny Qwen2.5-Omni of the true class: its tower is a Whisper's, its states do not depend on a batch, its prompts are
what transformers expects, its answers those of `generate`."""

import os
import shutil
from pathlib import Path

import numpy as np
import omnis
import pytest
import torch
from transformers import Qwen2_5OmniThinkerForConditionalGeneration, WhisperFeatureExtractor
from transformers import WhisperForConditionalGeneration as HuggingFaceWhisper
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.data.audio import read_audio
from toolkit.data.instruct_items import read_part
from toolkit.models.heard import Heard
from toolkit.models.omni import Omni, frames_of, load_omni, read_prompts, save_omni, states_of, tower_digest
from toolkit.models.omni_answers import write
from toolkit.models.omni_files import find_omni
from toolkit.models.tensors import read_tensors, write_tensors


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return omnis.world(tmp_path_factory.mktemp("omni"))


@pytest.fixture(scope="module")
def omni(world: Path) -> Omni:
    return load_omni(world / "base")


def waves(world: Path, part: str = "train") -> list[np.ndarray]:
    return [read_audio(item.path) for item in read_part(world / "items" / part) if item.task == "asr"]


def test_on_a_window_of_30_seconds_the_tower_is_the_whispers_encoder_bit_for_bit(world: Path, tmp_path: Path) -> None:
    """With heads of width 64, as every released Whisper has; up to the last normalisation, which Qwen's tower applies
    after it has halved the states.
    """
    folder = omnis.learnt_positions(tiny_whisper_folder(tmp_path / "whisper", d=128, layers=2, init_std=0.05))
    omni = omnis.write_omni(tmp_path / "omni", world / "items", folder)
    whisper = HuggingFaceWhisper.from_pretrained(folder).eval().model.encoder
    wave = waves(world)[0]
    mel = WhisperFeatureExtractor(feature_size=80)(wave, sampling_rate=16000, return_tensors="pt").input_features
    last: list[torch.Tensor] = []
    for network in (whisper, omni.tower):
        network.layers[-1].register_forward_hook(lambda m, i, o: last.append(o[0] if isinstance(o, tuple) else o))
    with torch.inference_mode():
        whisper(mel)
        states = omni.states([mel[0]])
        assert torch.equal(last[0][0], last[1])
        assert torch.equal(states, whisper.layer_norm((last[0][0, 0::2] + last[0][0, 1::2]) / 2))


def test_the_table_of_positions_survives_saving_where_transformers_alone_loses_it(
    world: Path, omni: Omni, tmp_path: Path
) -> None:
    whisper = HuggingFaceWhisper.from_pretrained(world / "whisper").model.encoder.embed_positions.weight
    save_omni(omni, tmp_path / "again")
    assert torch.equal(load_omni(tmp_path / "again").tower.positional_embedding.positional_embedding, whisper)
    plain = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(tmp_path / "again")
    assert not torch.equal(plain.audio_tower.positional_embedding.positional_embedding, whisper)


@pytest.mark.parametrize("samples", [160, 320, 321, 480, 481, 16000, 32100, 32160])
def test_the_number_of_states_is_that_of_the_tower(omni: Omni, samples: int) -> None:
    frames = frames_of(samples)
    _, wanted = omni.tower._get_feat_extract_output_lengths(torch.tensor([frames]))
    assert states_of(frames) == max(0, int(wanted))
    if states_of(frames):
        with torch.inference_mode():
            assert len(omni.states([omni.mel(np.zeros(samples, np.float32))])) == states_of(frames)


def test_mel_frames_are_those_of_whispers_extractor_for_a_clip_alone(omni: Omni) -> None:
    wave = np.random.default_rng(0).standard_normal(32100).astype(np.float32) * 0.1
    whole = np.pad(wave, (0, -len(wave) % 160))
    extractor = WhisperFeatureExtractor(feature_size=80)
    theirs = extractor(
        whole, sampling_rate=16000, truncation=False, padding="longest", return_tensors="pt"
    ).input_features[0]
    assert omni.mel(wave).shape == theirs.shape == (80, 201)
    assert torch.allclose(omni.mel(wave), theirs, atol=1e-4)


def test_states_of_a_clip_do_not_depend_on_others(world: Path, omni: Omni) -> None:
    mels = [omni.mel(wave) for wave in waves(world)[:4]]
    with torch.inference_mode():
        together = omni.states(mels).split([states_of(mel.shape[1]) for mel in mels])
        alone = [omni.states([mel]) for mel in mels]
    for a, b in zip(together, alone, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_kept_states_are_what_the_tower_hears(world: Path, omni: Omni) -> None:
    heard = Heard(world / "heard")
    assert heard.header.tower == tower_digest(omni.folder) and len(heard) == 22
    for item in [i for i in read_part(world / "items/train") if i.task == "asr"][:3]:
        with torch.inference_mode():
            states = omni.states([omni.mel(read_audio(item.path))]).numpy()
        assert np.abs(heard.states([item.audio]) - states).max() < 1e-5
        assert heard.means([item.audio])[0] == pytest.approx(states.mean(0), abs=1e-6)


def test_the_models_own_forward_pass_gives_the_same_logits(world: Path, omni: Omni) -> None:
    item = next(iter(read_part(world / "items/train")))
    mel = omni.mel(read_audio(item.path))
    ids = omni.prompts.question(item.instruction, states_of(mel.shape[1])) + omni.prompts.answer(item.answer)
    with torch.inference_mode():
        embedded = omni.embed(torch.tensor([ids]), omni.states([mel]))
        ours = omni.head(omni.hidden(embedded).last_hidden_state)
        theirs = omni.model(
            input_ids=torch.tensor([ids]),
            input_features=mel[None],
            feature_attention_mask=torch.ones(1, mel.shape[1], dtype=torch.long),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        ).logits
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_more_or_fewer_states_than_audio_tokens_are_refused(omni: Omni) -> None:
    ids = torch.tensor([omni.prompts.question("لخص", 3)])
    for count in (2, 4):
        with pytest.raises(ValueError, match=f"3 audio tokens and {count} states"):
            omni.embed(ids, torch.zeros(count, omni.tower_width))


def questions(
    world: Path, omni: Omni, tasks: tuple[str, ...] = ("asr", "dialect")
) -> tuple[list[list[int]], list[np.ndarray]]:
    heard = Heard(world / "heard")
    items = [item for item in read_part(world / "items/test") if item.task in tasks]
    asked = [omni.prompts.question(item.instruction, heard.count(item.audio)) for item in items]
    return asked, [heard.states([item.audio]) for item in items]


def test_a_batch_answers_what_each_alone_answers_and_what_generate_writes(world: Path, omni: Omni) -> None:
    asked, states = questions(world, omni)
    alone = [write(omni, [ids], torch.from_numpy(own), 10)[0] for ids, own in zip(asked, states, strict=True)]
    together = write(omni, asked, torch.from_numpy(np.concatenate(states)), 10)
    assert [w.ids for w in together] == [w.ids for w in alone]
    for ids, own, ours in list(zip(asked, states, alone, strict=True))[:4]:
        with torch.inference_mode():
            embedded = omni.embed(torch.tensor([ids]), torch.from_numpy(own))
            theirs = omni.model.generate(
                inputs_embeds=embedded,
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                max_new_tokens=10,
                do_sample=False,
                eos_token_id=omni.prompts.end,
                pad_token_id=omni.prompts.fill,
                use_cache=True,
            )[0].tolist()
        assert list(ours.ids) == [t for t in theirs if t != omni.prompts.end][: len(ours.ids)]


def test_rows_that_have_ended_leave_the_batch_and_change_nothing_in_others(world: Path, omni: Omni) -> None:
    asked, states = questions(world, omni)
    alone = [write(omni, [ids], torch.from_numpy(own), 12)[0] for ids, own in zip(asked, states, strict=True)]
    places = {t: {w.ids.index(t) for w in alone if t in w.ids} for w in alone for t in w.ids}
    # A token that answers have at different places stands for the end.
    end, omni.prompts.end = omni.prompts.end, max(places, key=lambda t: (len(places[t]), t))
    try:
        single = [write(omni, [ids], torch.from_numpy(own), 12)[0] for ids, own in zip(asked, states, strict=True)]
        together = write(omni, asked, torch.from_numpy(np.concatenate(states)), 12)
    finally:
        omni.prompts.end = end
    assert len({len(w.ids) for w in together}) > 1 and any(w.ended for w in together)
    assert [(w.ids, w.ended) for w in together] == [(w.ids, w.ended) for w in single]


def test_an_answer_stopped_by_its_length_is_told_from_one_that_ended(world: Path, omni: Omni) -> None:
    asked, states = questions(world, omni)
    for written in write(omni, asked, torch.from_numpy(np.concatenate(states)), 2):
        assert len(written.ids) <= 2 and (written.ended or len(written.ids) == 2)


def copied(world: Path, to: Path) -> Path:
    shutil.copytree(world / "base/hf", to)
    return to


def test_a_tokenizer_without_the_audio_tokens_is_refused(world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path / "m")
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    (folder / "tokenizer.json").write_text(text.replace("<|AUDIO|>", "<|NOISE|>"), encoding="utf-8")
    config = (folder / "tokenizer_config.json").read_text(encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(config.replace("<|AUDIO|>", "<|NOISE|>"), encoding="utf-8")
    with pytest.raises(UserError, match=r"a tokenizer without the token <\|AUDIO\|>"):
        load_omni(folder)


def test_another_number_of_the_audio_token_is_refused(world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path / "m")
    config = read_json(folder / "config.json")
    name = next(n for n in ("audio_token_index", "audio_token_id") if n in config)
    write_json(folder / "config.json", {**config, name: 9})
    with pytest.raises(UserError, match=r"is token \d of the tokenizer and 9 of config.json"):
        load_omni(folder)


@pytest.mark.parametrize("known", [True, False], ids=["of Qwen2.5", "another"])
def test_a_tokenizer_may_have_no_regular_expression_but_its_releases(known: bool, world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path / "m")
    tree = read_json(folder / "tokenizer.json")
    pattern = {"Regex": PRETOKENIZE_REGEX if known else r"(a+)+$"}
    split = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    both = {"type": "Sequence", "pretokenizers": [split, tree["pre_tokenizer"]]}
    write_json(folder / "tokenizer.json", {**tree, "pre_tokenizer": both})
    if known:
        read_prompts(folder)
        return
    with pytest.raises(UserError, match="a regular expression of its own"):
        read_prompts(folder)


def test_a_folder_without_weights_or_of_another_model_is_refused(world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path / "m")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"a Qwen2\.5-Omni without weights"):
        load_omni(folder)
    with pytest.raises(UserError, match=r"not a Qwen2\.5-Omni: a model of type whisper"):
        find_omni(world / "whisper")
    with pytest.raises(UserError, match="no audio LLM here"):
        find_omni(tmp_path / "nothing")


def test_damaged_weights_and_a_missing_table_of_positions_are_refused(world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path / "m")
    os.truncate(folder / "model.safetensors", 100_000)
    with pytest.raises(UserError, match=r"a Qwen2\.5-Omni that cannot be read"):
        load_omni(folder)
    folder = copied(world, tmp_path / "n")
    assert (folder / "model.safetensors").stat().st_mode & 0o044 == 0o044, "others may read it"
    (folder / "positions.safetensors").unlink()
    with pytest.raises(UserError, match="the tower's table of positions is missing"):
        load_omni(folder)


def test_weights_with_the_name_of_a_wrapper_are_told_as_that(world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path / "m")
    weights = read_tensors(folder / "model.safetensors")
    write_tensors(folder / "model.safetensors", {f"module.{n}": t for n, t in weights.items()}, {"format": "pt"})
    with pytest.raises(UserError, match=f"names of {len(weights)} weights have module. in them"):
        load_omni(folder)


def test_missing_weights_of_the_tower_are_refused(world: Path, tmp_path: Path) -> None:
    folder = copied(world, tmp_path / "m")
    weights = read_tensors(folder / "model.safetensors")
    write_tensors(
        folder / "model.safetensors",
        {n: t for n, t in weights.items() if "audio_tower.conv1" not in n},
        {"format": "pt"},
    )
    with pytest.raises(UserError, match=r"weights that are missing or do not fit config\.json: .*conv1"):
        load_omni(folder)


def test_the_thinker_of_a_whole_model_is_read(world: Path, tmp_path: Path) -> None:
    """As the hub has it: config and weights of the thinker below `thinker`, beside a talker's."""
    folder = copied(world, tmp_path / "m")
    config, weights = read_json(folder / "config.json"), read_tensors(folder / "model.safetensors")
    own = config.pop("sawt")
    write_json(folder / "config.json", {"model_type": "qwen2_5_omni", "thinker_config": config, "sawt": own})
    talker = {"talker.model.norm.weight": torch.ones(4)}
    write_tensors(
        folder / "model.safetensors", {**{f"thinker.{n}": t for n, t in weights.items()}, **talker}, {"format": "pt"}
    )
    assert tower_digest(folder) == tower_digest(world / "base/hf")


def test_another_whisper_makes_another_tower(world: Path, tmp_path: Path) -> None:
    whisper = tiny_whisper_folder(tmp_path / "w", d=16, layers=2, seed=9)
    second = omnis.write_omni(tmp_path / "other", world / "items", whisper)
    assert tower_digest(second.folder) != Heard(world / "heard").header.tower
