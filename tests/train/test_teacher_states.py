"""What a teacher makes of utterances is kept: heard once, the same bits beside any others, within its room."""

from dataclasses import replace

import pytest
import torch
from networks import TINY

from toolkit.core.errors import UserError
from toolkit.data.batches import Left
from toolkit.models.encoder import Encoder
from toolkit.models.hubert import Hubert, initialise
from toolkit.train.engine.objective import At
from toolkit.train.objectives.config import LossConfig, StarConfig
from toolkit.train.objectives.star import Star
from toolkit.train.objectives.teacher_states import TeacherStates

SAMPLES = [4000, 2600, 3300]
STILL = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "feat_proj_dropout": 0.0, "layerdrop": 0.0}


def network(seed: int, **changes) -> Hubert:
    config = replace(TINY, **STILL, **changes)
    model = Hubert(config)
    initialise(model, config, torch.Generator().manual_seed(seed))
    return model


class Listening(Encoder):
    """A teacher that counts the waveforms that it hears."""

    heard = 0

    def inside(self, wave_BN, *args, **more):
        self.heard += len(wave_BN)
        return super().inside(wave_BN, *args, **more)


def batch(rows: list[int]) -> dict:
    waves = [torch.randn(SAMPLES[row], generator=torch.Generator().manual_seed(row)) for row in rows]
    padded = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
    return {"wave_BN": padded, "samples": [SAMPLES[row] for row in rows], "keys": [("رقم", row, 0) for row in rows]}


def star(mb: float, **more) -> tuple[Star, Listening]:
    teacher = Listening(network(2, num_hidden_layers=4, hidden_size=24, num_attention_heads=3), "deep", False)
    config = StarConfig({"layer_wise": LossConfig(), "intra_layer": LossConfig(x0="blocks")}, states_mb=mb, **more)
    return Star(network(3), teacher, config, 1), teacher


def losses(of: Star, given: dict) -> list[float]:
    return [float(term.sum.detach() / term.weight) for term in of(given, At(0, 0, 1)).values()]


def test_the_losses_are_those_of_a_teacher_that_hears_every_batch() -> None:
    (kept, _), (anew, _) = star(10), star(0)
    assert losses(kept, batch([0, 1, 2])) == pytest.approx(losses(anew, batch([0, 1, 2])), rel=1e-5)


def test_an_utterance_is_heard_once_and_is_the_same_beside_any_others() -> None:
    of, teacher = star(10)
    first = of.heard(batch([0, 1]), At(0, 0, 1))[1].inside
    of.heard(batch([2, 0]), At(0, 1, 2))
    again = of.heard(batch([1, 0, 2]), At(0, 1, 2))[1].inside
    assert teacher.heard == 3
    frames = TINY.frames(SAMPLES[1])
    for before, after in zip(first.states, again.states, strict=True):
        assert torch.equal(before[1, :frames], after[0, :frames]) and torch.equal(before[0], after[1])


def test_kept_and_heard_anew_are_the_same_bits_and_room_is_kept_to() -> None:
    teacher = Listening(network(2), "deep", False)
    small, given = TeacherStates(teacher, 0.005), batch([0, 1, 2])
    arguments = given["wave_BN"], given["samples"], given["keys"]
    with torch.no_grad():
        first, second = small.inside(*arguments), small.inside(*arguments)
    assert 3 < teacher.heard < 6  # there was room for some
    kept = sum(x.numel() * 4 for inside in small._kept.values() for x in (inside.projected, *inside.states))
    assert 0 < kept <= 5_000
    assert all(torch.equal(a, b) for a, b in zip(first.states, second.states, strict=True))


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(UserError, match="attention maps are not kept"):
        Star(network(1), Encoder(network(2), "t", False), StarConfig({"attention": LossConfig()}, states_mb=1), 1)
    with pytest.raises(ValueError, match="masks never recur"):
        StarConfig(states_mb=1, mask_prob=0.5)


@pytest.mark.parametrize(("mb", "mask_prob"), [(0, 0.0), (10, 0.0), (0, 0.5)])
def test_the_losses_of_a_batch_that_its_longest_utterance_has_left_are_those_of_the_others(
    mb: float, mask_prob: float
) -> None:
    """They stay as wide as they were, and are masked where they were."""
    of, _ = star(mb, mask_prob=mask_prob)
    whole = batch([0, 1, 2])
    left = {"wave_BN": whole["wave_BN"][1:], **{n: whole[n][1:] for n in ("samples", "keys")}}
    left["left"] = Left([1, 2], SAMPLES)
    masks = of._mask(whole, At(3, 0, 1)), of._mask(left, At(3, 0, 1))
    if mask_prob:
        assert masks[0] is not None and masks[1] is not None and torch.equal(masks[0][1:], masks[1])
    student, teacher = of.heard(left, At(3, 0, 1))
    all_students, all_teachers = of.heard(whole, At(3, 0, 1))
    for ours, theirs in ((student, all_students), (teacher, all_teachers)):
        for one, every in zip(ours.inside.states, theirs.inside.states, strict=True):
            torch.testing.assert_close(one, every[1:], atol=1e-5, rtol=1e-5)
    assert all(torch.isfinite(torch.tensor(losses(of, left))))
