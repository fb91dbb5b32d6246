from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from toolkit.models.heads import CTCHead, LayerMix
from toolkit.train.engine.objective import At
from toolkit.train.objectives.classify import Features
from toolkit.train.objectives.ctc import CTC, collapse, frames_needed

labels = st.lists(st.integers(1, 2), max_size=4)


def naive_loss(log_probs_TC: torch.Tensor, target: list[int]) -> float:
    """-log of the sum over every path of T frames that collapses to the target."""
    T, C = log_probs_TC.shape
    paths = [p for p in product(range(C), repeat=T) if collapse(p) == target]
    scores = torch.stack([sum((log_probs_TC[t, c] for t, c in enumerate(p)), torch.tensor(0.0)) for p in paths])
    return -scores.double().logsumexp(0).item()


def head(stride: int = 1) -> CTCHead:
    mix = LayerMix(torch.zeros(2, 3), torch.ones(2, 3))
    return CTCHead(mix, 4, 1, 3, 0.0, stride, torch.Generator().manual_seed(0))


def test_the_loss_is_the_probability_of_all_paths_that_spell_the_targets() -> None:
    objective = CTC(Features(), head())
    lengths, targets = [5, 3], [[1, 1, 2], [2]]
    batch = {
        "states_NLD": torch.randn(8, 2, 3, generator=torch.Generator().manual_seed(1)),
        "lengths_B": torch.tensor(lengths),
        "targets": torch.tensor([*targets[0], *targets[1]]),
        "target_lengths_B": torch.tensor([3, 1]),
    }
    losses = objective(batch, At(0, 0, 1))
    scores_TBC, _ = objective.scores(batch)
    wanted = sum(naive_loss(scores_TBC[:n, b].detach(), t) for b, (n, t) in enumerate(zip(lengths, targets)))
    assert losses["loss"].sum.item() == pytest.approx(wanted, rel=1e-5)
    assert float(losses["loss"].weight) == 4


@given(labels)
@settings(max_examples=30)
def test_frames_needed_is_the_length_of_the_shortest_path(target: list[int]) -> None:
    shortest = next(n for n in range(9) if any(collapse(p) == target for p in product(range(3), repeat=n)))
    assert frames_needed(target) == shortest


@pytest.mark.parametrize(
    ("best", "spelt"), [([0, 1, 1, 0, 1, 2, 2, 0], [1, 1, 2]), ([0, 0], []), ([], []), ([3, 3, 3], [3])]
)
def test_greedy_decoding_merges_repeats_then_takes_blanks_out(best: list[int], spelt: list[int]) -> None:
    assert collapse(best) == spelt


def test_scores_of_padding_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    best_TB = torch.tensor([[1, 2], [0, 1], [2, 1], [1, 2]])
    scores_TBC = nn.functional.one_hot(best_TB, 3).float()
    monkeypatch.setattr(CTC, "scores", lambda self, batch: (scores_TBC, torch.tensor([4, 2])))
    assert CTC(Features(), head()).spelt({}) == [[1, 2, 1], [2, 1]]


@pytest.mark.parametrize(("stride", "lengths"), [(1, [7, 5]), (2, [4, 3]), (3, [3, 2])])
def test_lengths_are_counted_in_scores_of_which_the_last_may_see_fewer_frames(stride: int, lengths: list[int]) -> None:
    states = torch.randn(12, 2, 3, generator=torch.Generator().manual_seed(2))
    batch = {"states_NLD": states, "lengths_B": torch.tensor([7, 5])}
    scores_TBC, lengths_B = CTC(Features(), head(stride)).scores(batch)
    assert lengths_B.tolist() == lengths and len(scores_TBC) == max(lengths)


def spoken(frames: list[int], lengths: list[int]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return {
        "states_NLD": torch.randn(sum(frames), 2, 3, generator=generator),
        "lengths_B": torch.tensor(frames),
        "targets": torch.randint(1, 3, (sum(lengths),), generator=generator),
        "target_lengths_B": torch.tensor(lengths),
    }


def test_per_utterance_the_loss_is_torchs_mean() -> None:
    objective = CTC(Features(), head(), per_utterance=True)
    batch = spoken([30, 12], [9, 2])
    term = objective(batch, At(0, 0, 1))["loss"]
    scores_TBC, lengths_B = objective.scores(batch)
    theirs = nn.CTCLoss(zero_infinity=True)(scores_TBC, batch["targets"], lengths_B, batch["target_lengths_B"])
    assert term.sum.item() / term.weight == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("per_utterance", [False, True])
def test_an_utterance_that_is_too_short_for_its_targets_counts_as_0(per_utterance: bool) -> None:
    objective = CTC(Features(), head(), per_utterance=per_utterance)
    short, alone = spoken([3, 20], [8, 2]), spoken([20], [2])
    alone["states_NLD"], alone["targets"] = short["states_NLD"][3:], short["targets"][8:]
    losses = [objective(batch, At(0, 0, 1))["loss"].sum for batch in (short, alone)]
    assert float(losses[0]) == pytest.approx(float(losses[1]), rel=1e-5)
