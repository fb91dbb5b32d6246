"""Each loss against its formula written out in float64, on batches with padding; weights over the training; errors."""

import math
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from networks import TINY

from toolkit.core.errors import UserError
from toolkit.models.encoder import Encoder
from toolkit.models.hubert import Hubert, Inside, initialise
from toolkit.train.engine.objective import At
from toolkit.train.objectives.config import LossConfig, StarConfig
from toolkit.train.objectives.losses import LOSSES
from toolkit.train.objectives.star import Star, paired

DEEP = replace(TINY, num_hidden_layers=4, hidden_size=24, num_attention_heads=3)  # the teacher
STILL = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "feat_proj_dropout": 0.0, "layerdrop": 0.0}
SAMPLES = [4000, 2600]


@pytest.fixture(autouse=True)
def no_gradients_unless_asked_for(request: pytest.FixtureRequest) -> None:
    torch.set_grad_enabled("gradient" in request.node.name)
    request.addfinalizer(lambda: torch.set_grad_enabled(True))


def network(config, seed: int) -> Hubert:
    model = Hubert(replace(config, **STILL))
    initialise(model, config, torch.Generator().manual_seed(seed))
    return model.double()


def objective(losses: dict[str, LossConfig], seed: int = 1, **more) -> Star:
    teacher = Encoder(network(DEEP, 2), "deep", False)
    return Star(network(TINY, 3), teacher, StarConfig(losses=losses, **more), seed).double()


def batch(samples: list[int] = SAMPLES) -> dict:
    waves = [torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(n)) for n in samples]
    return {"wave_BN": torch.nn.utils.rnn.pad_sequence(waves, batch_first=True), "samples": samples}


def alone(star: Star, samples: list[int], maps: bool = False) -> list[tuple[Inside, Inside]]:
    """Student's and teacher's insides of each utterance by itself."""
    passes, given = [], batch(samples)
    for wave_N, n in zip(given["wave_BN"], samples, strict=True):
        both = Inside(maps=[] if maps else None), Inside(maps=[] if maps else None)
        for part, inside in zip((star.student, star.frozen["teacher"].model), both, strict=True):
            part(wave_N[None, :n], inside=inside)
        passes.append(both)
    return passes


def layers(inside: Inside, x0: str) -> list[torch.Tensor]:
    first = inside.projected if x0 == "cnn" else inside.states[0]
    return [x[0] for x in (first, *inside.states[1:])]


def entry_by_entry(p, q, r, s) -> float:
    total = 0.0
    for t in range(len(p)):
        for u in range(len(p)):
            total += float(p[t] @ q[u] - r[t] @ s[u]) ** 2
    return total


def sums(star: Star, x0: str, apart: Callable[[list, list, int], float | None]) -> tuple[float, int, int]:
    """(sum over utterances and layers, layers, entries) of `apart(student's layers, the teacher's for them, layer)`."""
    total, compared, entries = 0.0, set(), 0
    for ours, theirs in alone(star, SAMPLES):
        mine, taught = layers(ours, x0), [layers(theirs, x0)[n] for n in paired(2, 4)]
        entries += len(mine[0]) ** 2
        for layer in range(3):
            if (value := apart(mine, taught, layer)) is not None:
                total, compared = total + value, compared | {layer}
    return total, len(compared), entries


def layer_wise(first: int):
    return lambda a, b, n: None if n < first else entry_by_entry(a[n], a[n], b[n], b[n])


def intra_layer(first: int):
    return lambda a, b, n: None if n < first else entry_by_entry(a[n - 1], a[n], b[n - 1], b[n])


@pytest.mark.parametrize("x0", ["cnn", "blocks", "none"])
@pytest.mark.parametrize("scaling", ["code-mean", "paper-sum"])
@pytest.mark.parametrize("name", ["layer_wise", "intra_layer"])
def test_grams_are_the_formula_over_own_frames_alone(name: str, scaling: str, x0: str) -> None:
    star = objective({name: LossConfig(x0=x0)}, scaling=scaling)
    own = batch()
    term = star(own, At(0, 0, 1))[name]
    assert star.weights(own, At(0, 0, 1)) == {name: term.weight}
    skipped = int(x0 == "none")
    apart = layer_wise(skipped) if name == "layer_wise" else intra_layer(1 + skipped)
    total, count, entries = sums(star, x0, apart)
    expected = total / count / entries if scaling == "code-mean" else total / len(SAMPLES)
    assert float(term.sum / term.weight) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["attention", "last_attention"])
@pytest.mark.parametrize("scaling", ["code-mean", "paper-sum"])
def test_attention_is_the_divergence_of_maps_averaged_over_heads(name: str, scaling: str) -> None:
    star = objective({name: LossConfig()}, scaling=scaling)
    own = batch()
    term = star(own, At(0, 0, 1))[name]
    total, frames = 0.0, 0
    for ours, theirs in alone(star, SAMPLES, maps=True):
        frames += ours.maps[0].shape[1]
        for layer in (1, 2) if name == "attention" else (2,):
            mine, taught = ours.maps[layer - 1][0], theirs.maps[paired(2, 4)[layer] - 1][0]
            total += float((taught * (taught / mine).log()).sum())
    count = (2 if name == "attention" else 1) * frames
    assert float(term.sum / term.weight) == pytest.approx(
        total / count if scaling == "code-mean" else total / 2, rel=1e-9
    )


def test_mse_goes_through_a_head_for_each_layer() -> None:
    star = objective({"mse": LossConfig(heads=True, x0="none", layers=(1, 3))})
    own = batch()
    term = star(own, At(0, 0, 1))["mse"]
    total, frames = 0.0, 0
    for ours, theirs in alone(star, SAMPLES):
        frames += ours.states[0].shape[1]
        for layer, weight in ((1, 0.25), (2, 0.75)):
            head = star.losses["mse"].heads[str(layer)]
            total += weight * float((head(ours.states[layer]) - theirs.states[2 * layer]).square().sum())
    assert float(term.sum / term.weight) == pytest.approx(total / (frames * 24), rel=1e-9)


def with_heads(name: str) -> LossConfig:
    """The config of a loss, a new one's too: the widths of these networks differ."""
    return LossConfig(heads="heads" in LOSSES[name].reads)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_the_gradient_of_each_loss_is_a_finite_difference(name: str) -> None:
    star = objective({name: with_heads(name)})
    own, at = batch([1200, 800]), At(0, 0, 1)
    weight = star.student.encoder.layers[0].attention.q_proj.weight
    term = star(own, at)[name]
    term.sum.backward()
    index, step = (1, 2), 1e-6
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            weight[index] += sign * step
            values.append(float(star(own, at)[name].sum))
            weight[index] -= sign * step
    assert float(weight.grad[index]) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5)
    assert all(p.grad is None for p in star.frozen["teacher"].parameters())


def test_a_prediction_is_l1_and_the_log_of_the_cosine_of_heads_on_the_last_layer() -> None:
    star = objective({"prediction": LossConfig(predicts=(1, 4), options={"cosine": 0.5})})
    term = star(batch(), At(0, 0, 1))["prediction"]
    total, frames = 0.0, 0
    for ours, theirs in alone(star, SAMPLES):
        for layer in (1, 4):
            for h, t in zip(star.losses["prediction"].heads[str(layer)](ours.states[-1])[0], theirs.states[layer][0]):
                cosine = float(h @ t) / float(h.norm() * t.norm())
                total += float((h - t).abs().mean()) + 0.5 * math.log(1 + math.exp(-cosine))
        frames += ours.states[0].shape[1]
    assert float(term.sum / term.weight) == pytest.approx(total / 2 / frames, rel=1e-9)
    assert objective({"prediction": LossConfig()}).losses["prediction"].predicted == (2, 3, 4)


def test_smoothness_is_of_the_students_steps_alone() -> None:
    star = objective({"smoothness": LossConfig(x0="none")})
    term = star(batch(), At(0, 0, 1))["smoothness"]
    total = sum(
        float((x[0, t + 1] - x[0, t]).square().sum())
        for ours, _ in alone(star, SAMPLES)
        for x in ours.states[1:]
        for t in range(x.shape[1] - 1)
    )
    frames = [ours.states[0].shape[1] for ours, _ in alone(star, SAMPLES)]
    assert float(term.sum / term.weight) == pytest.approx(total / 2 / (sum(frames) - 2) / 16, rel=1e-9)


def test_under_masks_hidden_frames_follow_the_teacher_that_hears_all_and_the_others_the_masked_one() -> None:
    star = objective({"mse": LossConfig(heads=True, x0="none")}, mask_prob=0.5, mask_span=3)
    own = batch([4000, 4000])
    mask_BT = star._mask(own, At(5, 0, 1))
    assert 0 < int(mask_BT.sum()) < mask_BT.numel()
    assert torch.equal(mask_BT, star._mask(own, At(5, 0, 1))) and not torch.equal(mask_BT, star._mask(own, At(6, 0, 1)))
    term = star(own, At(5, 0, 1))["mse"]
    ours, whole, masked = Inside(), Inside(), Inside()
    star.student(own["wave_BN"], mask_BT, inside=ours)
    star.frozen["teacher"].model(own["wave_BN"], inside=whole)
    star.frozen["teacher"].model(own["wave_BN"], mask_BT, inside=masked)
    total = 0.0
    for layer in (1, 2):
        guess = star.losses["mse"].heads[str(layer)](ours.states[layer])
        for b, t in mask_BT.new_ones(mask_BT.shape).nonzero().tolist():
            target = (whole if mask_BT[b, t] else masked).states[2 * layer][b, t]
            total += float((guess[b, t] - target).square().sum())
    assert float(term.sum / term.weight) == pytest.approx(total / 2 / mask_BT.numel() / 24, rel=1e-9)


def test_padding_of_any_length_changes_no_loss() -> None:
    star = objective({name: with_heads(name) for name in LOSSES})
    own = batch()
    longer = {**own, "wave_BN": torch.nn.functional.pad(own["wave_BN"], (0, 3200), value=0.0)}
    one, second = star(own, At(0, 0, 1)), star(longer, At(0, 0, 1))
    for name in LOSSES:
        assert float(one[name].sum) == pytest.approx(float(second[name].sum), rel=1e-9), name
        assert one[name].weight == second[name].weight


@pytest.mark.parametrize("name", ["layer_wise", "intra_layer"])
def test_width_and_length_of_states_can_be_taken_out(name: str) -> None:
    star = objective({name: LossConfig(scale="width", normalise=True)})
    given = batch([2000])
    term = star(given, At(0, 0, 1))[name]
    ((ours, theirs),) = alone(star, [2000])
    mine, taught = layers(ours, "cnn"), [layers(theirs, "cnn")[n] for n in paired(2, 4)]
    mine, taught = ([torch.nn.functional.normalize(x, dim=-1) for x in of] for of in (mine, taught))
    total, count = 0.0, 0
    for layer in range(int(name == "intra_layer"), 3):
        before = layer - (name == "intra_layer")
        apart = mine[before] @ mine[layer].T / math.sqrt(16) - taught[before] @ taught[layer].T / math.sqrt(24)
        total, count = total + float(apart.square().sum()), count + 1
    assert float(term.sum / term.weight) == pytest.approx(total / count / len(mine[0]) ** 2, rel=1e-9)


def test_layers_are_paired_one_to_one_or_evenly_the_last_with_the_last() -> None:
    assert paired(12, 12) == tuple(range(13))
    assert paired(3, 12) == (0, 4, 8, 12) and paired(4, 24) == (0, 6, 12, 18, 24) and paired(2, 5) == (0, 3, 5)
    assert paired(2, 4, (1, 3)) == (0, 1, 3)
    for wrong, chosen in (((5, 4), ()), ((2, 4), (1,)), ((2, 4), (1, 5))):
        with pytest.raises(UserError, match="layers"):
            paired(*wrong, chosen)


def test_a_weight_goes_from_one_to_another_in_a_line_or_jumps() -> None:
    fading = LossConfig(weight=(1, 0), between=(0.2, 0.6))
    assert [fading.weight_at(step, 10) for step in (0, 2, 4, 6, 9)] == pytest.approx([1, 1, 0.5, 0, 0])
    later = LossConfig(weight=(0, 2), between=(0.5, 0.5))
    assert [later.weight_at(step, 10) for step in (0, 4, 5, 9)] == [0, 0, 2, 2]
    assert LossConfig(weight=(3,)).weight_at(7, 10) == 3


def test_a_loss_whose_turn_has_not_come_is_not_computed() -> None:
    star = objective({"layer_wise": LossConfig(), "mse": LossConfig(weight=(0, 1), between=(0.5, 0.5), heads=True)})
    assert set(star(batch(), At(0, 4, 10))) == {"layer_wise"} == set(star.weights(batch(), At(0, 4, 10)))
    assert set(star(batch(), At(0, 5, 10))) == {"layer_wise", "mse"}


def test_under_uncertainty_each_loss_has_a_learnt_factor() -> None:
    star = objective({"layer_wise": LossConfig(), "intra_layer": LossConfig()}, uncertainty=True)
    bare = objective({"layer_wise": LossConfig(), "intra_layer": LossConfig()})(batch(), At(0, 0, 1))
    star.log_variances["layer_wise"].data.fill_(0.7)
    terms = star(batch(), At(0, 0, 1))
    for name, doubt in (("layer_wise", 0.7), ("intra_layer", 0.0)):
        mean = float(bare[name].sum / bare[name].weight)
        assert float(terms[name].sum / terms[name].weight) == pytest.approx(math.exp(-doubt) * mean + doubt, rel=1e-9)
        assert terms[f"{name}_bare"].scale == 0 and float(terms[f"{name}_bare"].sum) == pytest.approx(
            float(bare[name].sum), rel=1e-9
        )


@pytest.mark.parametrize(
    ("losses", "error"),
    [
        ({"layerwise": LossConfig()}, r"no loss layerwise.*did you mean layer_wise"),
        ({"mse": LossConfig()}, "width 16 cannot be subtracted from those of width 24.*heads: true"),
        ({"layer_wise": LossConfig(layers=(1, 2, 3, 4))}, "layers has 4 weights, and 3 layers are compared"),
        ({"layer_wise": LossConfig(options={"cosin": 1})}, "no option cosin"),
        ({"attention": LossConfig(heads=True)}, "attention has no heads: it would change nothing"),
        ({"mse": LossConfig(heads=True, normalise=True)}, "mse has no normalise"),
    ],
)
def test_losses_that_do_not_fit_are_refused(losses, error) -> None:
    with pytest.raises(UserError) as caught:
        objective(losses)
    assert re.search(error, str(caught.value), re.DOTALL)


def test_of_fewer_weights_than_layers_the_first_is_of_all_before_the_others() -> None:
    for given, expected in (((0.1, 1), (0.1, 0.1, 1)), ((2,), (2, 2, 2)), ((1, 2, 3), (1, 2, 3))):
        short, long = (objective({"layer_wise": LossConfig(layers=layers)}) for layers in (given, expected))
        assert short.losses["layer_wise"].layers == long.losses["layer_wise"].layers


def test_a_teacher_hears_the_clean_utterance_and_the_student_the_other() -> None:
    star, given = objective({"layer_wise": LossConfig()}), batch([4000, 2600])
    noisy = {**given, "wave_BN": given["wave_BN"].flip(0), "samples": [4000, 4000]}
    both = {**noisy, "clean_BN": given["wave_BN"]}
    student, teacher = star.heard(both, At(0, 0, 1))
    ours, theirs = star.heard(noisy, At(0, 0, 1))[0], star.heard({**given, "samples": [4000, 4000]}, At(0, 0, 1))[1]
    assert torch.equal(student.inside.states[-1], ours.inside.states[-1])
    assert torch.equal(teacher.inside.states[-1], theirs.inside.states[-1])
