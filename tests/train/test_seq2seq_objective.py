"""The objective of a distillation: what its loss is of, where gradients go, and that short cuts change nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from toolkit.models.student import make_student
from toolkit.models.whisper import Whisper, initialise
from toolkit.models.whisper_shape import WhisperConfig
from toolkit.train.engine.objective import At, Term
from toolkit.train.objectives.config import Seq2SeqConfig
from toolkit.train.objectives.seq2seq import IGNORED, Seq2Seq, label_row

SHAPE = WhisperConfig(
    vocab_size=60, d_model=16, encoder_layers=3, encoder_attention_heads=2, encoder_ffn_dim=24,
    decoder_layers=3, decoder_attention_heads=2, decoder_ffn_dim=24, max_source_positions=50, max_target_positions=24,
)  # fmt: skip
PICKS = ([0, 1, 2], [0, 2])
BOTH = Seq2SeqConfig(preset="paper-code")
AT = At(0, 0, 1)


def teacher(seed: int = 0) -> Whisper:
    model = Whisper(SHAPE)
    initialise(model, torch.Generator().manual_seed(seed), 0.3)
    return model.eval()


def student(seed: int = 1, encoder: tuple[int, ...] = (0, 1, 2)) -> Whisper:
    """Blocks of the teacher, its decoder moved a little, so that there is something to learn from it."""
    model = make_student(teacher(), list(encoder), PICKS[1])
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model


def batch(rows: int = 3, length: int = 9, seed: int = 0, padding: int = 0) -> dict[str, Any]:
    """Rows of unequal length, one with a text before it; `padding` more positions that nothing is learnt from."""
    g = torch.Generator().manual_seed(seed)
    tokens_BL = torch.randint(0, SHAPE.vocab_size, (rows, length + padding), generator=g)
    labels_BL = torch.full_like(tokens_BL, IGNORED)
    tokens = torch.randint(0, SHAPE.vocab_size, (rows, length), generator=torch.Generator().manual_seed(seed + 1))
    tokens_BL[:, :length] = tokens
    for b in range(rows):
        first, last = (3 if b == 1 else 0), length - 2 * b
        labels_BL[b, first:last] = (tokens[b, first:last] * 7 + 3) % SHAPE.vocab_size
    mel_BMT = torch.randn(rows, SHAPE.num_mel_bins, 40, generator=torch.Generator().manual_seed(seed + 2))
    return {"mel_BMT": mel_BMT, "tokens_BL": tokens_BL, "labels_BL": labels_BL, "language": "ar"}


def gradients(objective: Seq2Seq, data: dict[str, Any]) -> tuple[dict[str, Term], dict[str, Tensor]]:
    objective.zero_grad()
    losses = objective.train()(data, AT)
    losses["loss"].sum.backward()
    return losses, {n: p.grad.clone() for n, p in objective.named_parameters() if p.grad is not None}


def naive(model: Whisper, data: dict[str, Any], temperature: float) -> tuple[float, float, float, int]:
    """(CE, KL · T², right answers, positions) from the logits of all positions in float64, row by row."""
    theirs, ours = teacher().double(), model.double()
    total_ce, total_kl, right, count = 0.0, 0.0, 0, 0
    mels = data["mel_BMT"].double()
    with torch.no_grad():
        z = [m.logits(m.decoder(data["tokens_BL"], m.encoder(mels))).numpy() for m in (ours, theirs)]
    for b, row in enumerate(data["labels_BL"].tolist()):
        for place, label in enumerate(row):
            if label == -100:
                continue
            p, q = (np.exp(x[b, place] / temperature) for x in (z[1], z[0]))
            p, q, one = p / p.sum(), q / q.sum(), np.exp(z[0][b, place])
            total_ce -= np.log(one[label] / one.sum())
            total_kl += temperature**2 * float((p * np.log(p / q)).sum())
            right += int(z[0][b, place].argmax()) == label
            count += 1
    return total_ce, total_kl, right, count


@pytest.mark.parametrize(("preset", "ce", "kl"), [("paper-code", 0.8, 1.0), ("paper-text", 1.0, 0.8)])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_loss_is_the_formula_with_the_weights_of_the_preset(
    preset: Any, ce: float, kl: float, temperature: float
) -> None:
    """Presets: the published command line says labels 0.8 and KL 1.0, the paper's text the reverse."""
    config = replace(BOTH, preset=preset, temperature=temperature)
    losses = Seq2Seq(student(), config, teacher(), PICKS)(batch(), AT)
    want_ce, want_kl, right, count = naive(student(), batch(), temperature)
    assert count == 9 + (7 - 3) + 5 == losses["loss"].weight
    assert losses["loss"].sum.item() == pytest.approx(ce * want_ce + kl * want_kl, rel=1e-5)
    for name, wanted in (("ce", want_ce), ("kl", want_kl), ("accuracy", right)):
        top, bottom, scale = losses[name]
        assert scale == 0
        assert float(top) == pytest.approx(wanted, rel=1e-4) and bottom == count


def test_without_a_teacher_the_loss_is_the_labels_alone() -> None:
    losses = Seq2Seq(student(), Seq2SeqConfig(preset="labels"))(batch(), AT)
    assert losses["loss"].sum.item() == pytest.approx(naive(student(), batch(), 1.0)[0], rel=1e-5)
    assert set(losses) == {"loss", "ce", "accuracy"}


@pytest.mark.parametrize("padding", [1, 7, 13])
def test_padding_changes_neither_loss_nor_gradient(padding: int) -> None:
    """Padded positions have any token; their labels are ignored."""
    config = replace(BOTH, mse=0.5)
    losses, grads = gradients(Seq2Seq(student(), config, teacher(), PICKS), batch())
    padded, more = gradients(Seq2Seq(student(), config, teacher(), PICKS), batch(padding=padding))
    assert padded["loss"].weight == losses["loss"].weight
    torch.testing.assert_close(padded["loss"].sum, losses["loss"].sum, rtol=1e-5, atol=1e-5)
    assert grads.keys() == more.keys()
    for name, gradient in grads.items():
        torch.testing.assert_close(more[name], gradient, rtol=1e-4, atol=1e-4, msg=name)


def test_labels_begin_with_the_language_whether_or_not_a_text_is_before_it() -> None:
    """The decoder reads <|startofprev|> (90), two words, start (91), language, task; it learns from the language on."""
    tokens, labels = label_row([91, 92, 93, 94], [5, 6], 99)
    assert tokens.tolist() == [91, 92, 93, 94, 5, 6] and labels.tolist() == [92, 93, 94, 5, 6, 99]
    tokens, labels = label_row([91, 92, 93, 94], [5, 6], 99, [90, 1, 2])
    assert tokens.tolist() == [90, 1, 2, 91, 92, 93, 94, 5, 6]
    assert labels.tolist() == [-100, -100, -100, 92, 93, 94, 5, 6, 99]


def test_what_the_labels_of_a_prompt_are_does_not_matter() -> None:
    data = batch()
    losses = Seq2Seq(student(), BOTH, teacher(), PICKS)(data, AT)
    learnt = {**data, "labels_BL": data["labels_BL"].clone()}
    learnt["labels_BL"][1, 2] = 17  # were it not ignored, it would count
    assert Seq2Seq(student(), BOTH, teacher(), PICKS)(learnt, AT)["loss"].weight == losses["loss"].weight + 1


def test_a_batch_without_one_label_costs_nothing_and_moves_nothing() -> None:
    data = batch()
    data["labels_BL"] = torch.full_like(data["labels_BL"], IGNORED)
    losses, grads = gradients(Seq2Seq(student(), BOTH, teacher(), PICKS), data)
    assert losses["loss"].sum.item() == 0 and losses["loss"].weight == 0
    assert all(not g.any() for g in grads.values())


def test_the_teacher_gets_no_gradient_and_is_no_part_of_a_checkpoint() -> None:
    theirs = teacher()
    objective = Seq2Seq(student(), replace(BOTH, mse=1.0), theirs, PICKS)
    before = {n: t.clone() for n, t in theirs.state_dict().items()}
    gradients(objective, batch())
    assert all(p.grad is None and not p.requires_grad for p in theirs.parameters())
    assert all(torch.equal(t, before[n]) for n, t in theirs.state_dict().items())
    assert set(objective.state_dict()) == {f"student.{n}" for n in student().state_dict()}
    own = {id(p) for p in objective.parameters()}
    assert not own & {id(p) for p in theirs.parameters()}
    assert objective.teacher is theirs and not theirs.training


def test_a_frozen_shared_encoder_gives_the_loss_of_two_passes() -> None:
    config = replace(BOTH, encoder="frozen")
    shared, apart = (Seq2Seq(student(), config, teacher(), PICKS) for _ in range(2))
    assert shared.shares
    apart.shares = False  # hears through the teacher's own encoder
    (one, grads), (two, more) = gradients(shared, batch()), gradients(apart, batch())
    assert torch.equal(one["loss"].sum, two["loss"].sum)
    assert all(torch.equal(g, more[n]) for n, g in grads.items())
    assert not any(name.startswith("student.encoder") for name in grads)


def test_an_encoder_is_shared_only_where_it_is_frozen_and_the_teachers_to_the_bit() -> None:
    frozen = replace(BOTH, encoder="frozen")
    assert not Seq2Seq(student(), BOTH, teacher(), PICKS).shares
    assert not Seq2Seq(student(encoder=(0, 2)), frozen, teacher(), ([0, 2], PICKS[1])).shares
    changed = student()
    with torch.no_grad():
        changed.encoder.conv1.bias[0] += 1e-6
    assert not Seq2Seq(changed, frozen, teacher(), PICKS).shares


def test_states_that_were_heard_before_give_what_the_mel_gives() -> None:
    objective = Seq2Seq(student(), replace(BOTH, encoder="frozen"), teacher(), PICKS)
    data = batch()
    heard = {n: x for n, x in data.items() if n != "mel_BMT"}
    with torch.no_grad():
        heard["states_BSD"] = objective.student.encoder(data["mel_BMT"])
    (one, grads), (two, more) = gradients(objective, data), gradients(objective, heard)
    assert torch.equal(one["loss"].sum, two["loss"].sum)
    assert all(torch.equal(g, more[n]) for n, g in grads.items())


def test_states_of_a_student_are_kept_only_where_nobody_else_must_hear() -> None:
    """A teacher with an encoder of its own cannot listen through that of its student."""
    frozen = replace(BOTH, encoder="frozen")
    assert Seq2Seq(student(), frozen, teacher(), PICKS).hears_once
    assert Seq2Seq(student(), replace(frozen, preset="labels")).hears_once
    assert not Seq2Seq(student(), BOTH, teacher(), PICKS).hears_once
    apart = Seq2Seq(student(encoder=(0, 2)), frozen, teacher(), ([0, 2], PICKS[1]))
    assert not apart.hears_once
    states_BSD = torch.zeros(3, 20, SHAPE.d_model)
    data = {**{n: x for n, x in batch().items() if n != "mel_BMT"}, "states_BSD": states_BSD}
    with pytest.raises(AssertionError):
        apart(data, AT)


@pytest.mark.parametrize("encoder", ["trained", "frozen"])
def test_the_hidden_states_mean_square_error_is_that_of_the_blocks_taken_over(encoder: Any) -> None:
    """Mean over blocks of the mean square at the places that have a label; of the encoder, at all of them."""
    ours, theirs, data = student(), teacher(), batch()
    with torch.no_grad():
        ours.encoder.conv2.bias += 0.1
    config = Seq2SeqConfig(preset="own", ce=1e-9, mse=0.25, encoder=encoder)
    losses = Seq2Seq(ours, config, theirs, PICKS)(data, AT)
    outputs: dict[str, list[Tensor]] = {}

    def watch(model: Whisper, name: str) -> None:
        outputs[name] = []
        for block in [*model.encoder.layers, *model.decoder.layers]:
            block.register_forward_hook(lambda module, args, out: outputs[name].append(out.detach().double()))

    for model, name in ((ours, "ours"), (theirs, "theirs")):
        watch(model, name)
        with torch.no_grad():
            model.decoder(data["tokens_BL"], model.encoder(data["mel_BMT"]))
    valid = data["labels_BL"] != -100
    heard = [(a - b).pow(2).mean() for a, b in zip(outputs["ours"][:3], outputs["theirs"][:3], strict=True)]
    written = [(outputs["ours"][3 + i] - outputs["theirs"][3 + p])[valid].pow(2).mean() for i, p in enumerate((0, 2))]
    expected = torch.stack([*written, *(heard if encoder == "trained" else [])]).mean().item()
    top, bottom, scale = losses["mse"]
    assert scale == 0
    assert float(top) / float(bottom) == pytest.approx(expected, rel=1e-5) and expected > 1e-3
    assert losses["loss"].sum.item() == pytest.approx(0.25 * expected * int(valid.sum()), rel=1e-5)


@pytest.mark.parametrize("encoder", ["trained", "frozen"])
def test_blocks_computed_again_give_the_same_loss_and_gradients(encoder: Any) -> None:
    config = replace(BOTH, encoder=encoder, mse=0.1)
    again = Seq2Seq(student(), replace(config, recompute=True), teacher(), PICKS)
    (one, grads), (two, more) = (
        gradients(Seq2Seq(student(), config, teacher(), PICKS), batch()),
        gradients(again, batch()),
    )
    assert torch.equal(one["loss"].sum, two["loss"].sum) and grads.keys() == more.keys()
    assert all(torch.equal(g, more[n]) for n, g in grads.items())


def test_recomputing_keeps_fewer_numbers_for_the_backward_pass() -> None:
    def kept(recompute: bool) -> int:
        objective, sizes = Seq2Seq(student(), replace(BOTH, recompute=recompute), teacher(), PICKS).train(), []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
            objective(batch(), AT)
        return sum(sizes)

    assert kept(True) < kept(False) / 2


def test_embeddings_that_are_frozen_have_no_gradient_and_all_else_has() -> None:
    _, grads = gradients(Seq2Seq(student(), replace(BOTH, freeze_embeddings=True), teacher(), PICKS), batch())
    objective = Seq2Seq(student(), BOTH, teacher(), PICKS)
    _, all_of_them = gradients(objective, batch())
    frozen = {"student.decoder.embed_tokens.weight", "student.decoder.embed_positions.weight"}
    assert all_of_them.keys() - grads.keys() == frozen
    assert {n for n, _ in objective.named_parameters()} - all_of_them.keys() == {
        "student.encoder.embed_positions.weight"
    }
    groups = Seq2Seq(student(), replace(BOTH, freeze_embeddings=True), teacher(), PICKS).groups()
    assert len(groups[0]["params"]) == len(grads)


@pytest.mark.parametrize(
    ("config", "give_teacher", "picks", "message"),
    [
        (BOTH, False, PICKS, "learns from a teacher, and there is none"),
        (Seq2SeqConfig(preset="labels", mse=1.0), False, PICKS, "learns from a teacher"),
        (replace(BOTH, mse=1.0), True, ((), ()), "which blocks of its teacher"),
        (replace(BOTH, mse=1.0), True, ([0, 1], [0, 2]), "of another network"),
        (replace(BOTH, mse=1.0), True, ([0, 1, 2], [0, 3]), "of another network"),
    ],
)
def test_what_cannot_be_learnt_from_what_is_there_is_refused(
    config: Seq2SeqConfig, give_teacher: bool, picks: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Seq2Seq(student(), config, teacher() if give_teacher else None, picks)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"ce": -1.0}, "must not be below 0"),
        ({"preset": "own", "ce": 0.0, "kl": 0.0}, "nothing to learn"),
    ],
)
def test_weights_that_make_no_loss_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Seq2SeqConfig(**fields)
