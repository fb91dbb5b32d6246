"""Our Whisper against transformers' WhisperForConditionalGeneration, and the shapes of the paper's students."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import WhisperForConditionalGeneration
from whispers import tiny_whisper_folder

from toolkit.models.student import make_student
from toolkit.models.whisper import initialise, pick_layers, sinusoids
from toolkit.models.whisper_files import load_whisper, save_whisper
from toolkit.models.whisper_shape import WhisperConfig, parameter_count

LARGE_V2 = WhisperConfig()
SHAPES = [{"layers": 2, "d": 16}, {"layers": 3, "decoder_layers": 1, "d": 24, "mels": 128, "seed": 4}]


@pytest.fixture(scope="module", params=SHAPES, ids=["2-2", "3-1 of 128 mels"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "hf", **request.param)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> WhisperForConditionalGeneration:
    return WhisperForConditionalGeneration.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def mel_BMT(theirs: WhisperForConditionalGeneration) -> torch.Tensor:
    return torch.randn(2, theirs.config.num_mel_bins, 3000, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def tokens_BL() -> torch.Tensor:
    return torch.randint(0, 1800, (2, 13), generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def test_every_state_and_every_logit_is_that_of_transformers(folder: Path, theirs, mel_BMT, tokens_BL) -> None:
    ours = load_whisper(folder)
    heard: list[torch.Tensor] = []
    written: list[torch.Tensor] = []
    states_BSD = ours.encoder(mel_BMT, heard)
    logits_BLV = ours.logits(ours.decoder(tokens_BL, states_BSD, written))
    wanted = theirs(mel_BMT, decoder_input_ids=tokens_BL, output_hidden_states=True)
    torch.testing.assert_close(states_BSD, wanted.encoder_last_hidden_state, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(logits_BLV, wanted.logits, atol=1e-4, rtol=1e-4)
    # Theirs end with the output of the final LayerNorm, ours with what goes into it.
    for mine, peers in ((heard, wanted.encoder_hidden_states), (written, wanted.decoder_hidden_states)):
        assert len(mine) == len(peers)
        for a, b in zip(mine[:-1], peers[:-1], strict=True):
            torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-4)


@torch.no_grad()
def test_steps_with_a_cache_give_the_logits_of_all_tokens_at_once(folder: Path, theirs, mel_BMT, tokens_BL) -> None:
    ours = load_whisper(folder)
    wanted = theirs(mel_BMT, decoder_input_ids=tokens_BL).logits
    cache = ours.new_cache(ours.encoder(mel_BMT), tokens_BL.shape[1])
    first = ours.logits(ours.decoder.step(tokens_BL[:, :4], cache))
    rest = [ours.logits(ours.decoder.step(tokens_BL[:, i : i + 1], cache)) for i in range(4, tokens_BL.shape[1])]
    torch.testing.assert_close(torch.cat([first, *rest], 1), wanted, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_cache_that_lost_a_row_or_has_one_twice_goes_on_as_that_row_would(folder: Path, mel_BMT, tokens_BL) -> None:
    ours = load_whisper(folder)
    states_BSD = ours.encoder(mel_BMT)
    alone = ours.new_cache(states_BSD[1:], 8)
    ours.decoder.step(tokens_BL[1:, :4], alone)
    wanted = ours.decoder.step(tokens_BL[1:, 4:5], alone)
    for rows in ([1], [1, 1]):
        cache = ours.new_cache(states_BSD, 8)
        ours.decoder.step(tokens_BL[:, :4], cache)
        cache.keep(torch.tensor(rows))
        output = ours.decoder.step(tokens_BL[rows, 4:5], cache)
        torch.testing.assert_close(output, wanted.expand_as(output), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_each_window_of_a_beam_hears_its_own_audio(folder: Path, mel_BMT, tokens_BL) -> None:
    ours = load_whisper(folder)
    states_BSD = ours.encoder(mel_BMT)
    output = ours.decoder.step(tokens_BL[[0, 0, 0, 1, 1, 1]], ours.new_cache(states_BSD, 13, copies=3))
    wanted = ours.decoder(tokens_BL, states_BSD)
    torch.testing.assert_close(output, wanted.repeat_interleave(3, 0), atol=1e-5, rtol=1e-4)


def test_gradients_of_recomputed_blocks_are_those_of_kept_ones(tmp_path: Path) -> None:
    ours = load_whisper(tiny_whisper_folder(tmp_path / "hf")).train()
    mel = torch.randn(1, 80, 200, generator=torch.Generator().manual_seed(0))
    gradients = []
    for recompute in (False, True):
        ours.encoder.recompute = ours.decoder.recompute = recompute
        ours.zero_grad()
        ours.logits(ours.decoder(torch.tensor([[1, 2, 3]]), ours.encoder(mel))).logsumexp(-1).sum().backward()
        gradients.append({name: p.grad.clone() for name, p in ours.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, grad in gradients[0].items():
        torch.testing.assert_close(grad, gradients[1][name], msg=name)


def test_positions_of_the_encoder_are_those_that_transformers_makes(theirs) -> None:
    wanted = theirs.model.encoder.embed_positions.weight
    torch.testing.assert_close(sinusoids(*wanted.shape), wanted.detach(), atol=2e-4, rtol=0)


@pytest.mark.parametrize(  # in millions: the paper's table, which rounds 1,228.5 up
    ("encoder", "decoder", "millions"),
    [(8, 8, 441), (16, 16, 809), (32, 16, 1124), (16, 32, 1229), (32, 2, 756), (32, 32, 1543)],
)
def test_parameter_counts_are_those_of_the_papers_table(encoder: int, decoder: int, millions: int) -> None:
    count = parameter_count(replace(LARGE_V2, encoder_layers=encoder, decoder_layers=decoder))
    assert count / 1e6 == pytest.approx(millions, abs=0.52)


def test_parameter_counts_are_those_of_transformers(folder: Path, theirs) -> None:
    assert parameter_count(load_whisper(folder).config) == theirs.num_parameters()


def test_layers_are_picked_as_published() -> None:
    assert pick_layers(32, 16) == [*range(0, 29, 2), 31]
    assert pick_layers(32, 8) == [0, 4, 8, 13, 17, 22, 26, 31]
    assert pick_layers(32, 2) == [0, 31]
    assert pick_layers(32, 1) == [31]
    assert pick_layers(32, 32) == list(range(32))


@pytest.mark.parametrize("have", [1, 2, 4, 6, 12, 24, 32])
def test_picked_layers_are_a_rounded_down_linspace_with_the_last_forced(have: int) -> None:
    import numpy as np

    for wanted in range(1, have + 1):
        oracle = np.linspace(0, have - 1, wanted, dtype=int)
        oracle[-1] = have - 1
        assert pick_layers(have, wanted) == oracle.tolist()


@pytest.mark.parametrize("wanted", [0, -1, 5])
def test_no_layers_and_more_than_there_are_cannot_be_picked(wanted: int) -> None:
    with pytest.raises(ValueError, match="deeper"):
        pick_layers(4, wanted)


@pytest.mark.parametrize("timestamps", [False, True])
def test_a_student_that_is_exported_loads_whole_and_generates_as_the_blocks_it_was_made_of(
    timestamps: bool, tmp_path: Path
) -> None:
    source = tiny_whisper_folder(tmp_path / "teacher", layers=4, seed=5)
    student = make_student(load_whisper(source), [0, 3], [1, 2, 3])
    save_whisper(student, tmp_path / "student", source, "DW-2-3", {"made_from": "teacher"})
    exported, report = WhisperForConditionalGeneration.from_pretrained(tmp_path / "student", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    shape = exported.config
    assert (shape.encoder_layers, shape.decoder_layers, shape.num_hidden_layers) == (2, 3, 2)
    cut = WhisperForConditionalGeneration.from_pretrained(source)
    cut.model.encoder.layers = torch.nn.ModuleList(cut.model.encoder.layers[i] for i in (0, 3))
    cut.model.decoder.layers = torch.nn.ModuleList(cut.model.decoder.layers[i] for i in (1, 2, 3))
    for place, block in enumerate(cut.model.decoder.layers):  # where their cache keeps what a block has seen
        block.self_attn.layer_idx = block.encoder_attn.layer_idx = place
    cut.config.encoder_layers, cut.config.decoder_layers, cut.config.num_hidden_layers = 2, 3, 2
    mel = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(1))
    words = {"language": "ar", "task": "transcribe", "return_timestamps": timestamps, "max_new_tokens": 12}
    with torch.no_grad():
        assert exported.eval().generate(mel, **words).tolist() == cut.eval().generate(mel, **words).tolist()


def test_random_weights_of_a_seed_are_the_same_twice(tmp_path: Path) -> None:
    model, again = (load_whisper(tiny_whisper_folder(tmp_path / "hf")) for _ in range(2))
    for network in (model, again):
        initialise(network, torch.Generator().manual_seed(3))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert model.decoder.embed_tokens.weight.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_attention_heads": 3}, "encoder_attention_heads 3 does not divide d_model 1280"),
        ({"decoder_attention_heads": 0}, "decoder_attention_heads must be at least 1, not 0"),
        ({"encoder_layers": 0}, "at least 1"),
        ({"vocab_size": -1}, "vocab_size must be at least 1"),
    ],
)
def test_a_shape_that_no_network_has_is_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(LARGE_V2, **change)
