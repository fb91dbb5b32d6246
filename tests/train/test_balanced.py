"""Balance between groups: shares of the audio, and everything of every group seen."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.data.frames import frames_in
from toolkit.train.samplers.balanced import NEAR, Balanced

LENGTHS = (1.0, 2.0, 4.0)


def speech(**parts: tuple[int, int, int]) -> tuple[np.ndarray, list[str]]:
    """Frames and groups of `group=(utterances, fewest frames, most frames)`."""
    random = np.random.default_rng(0)
    frames = [random.integers(low, high + 1, n) for n, low, high in parts.values()]
    return np.concatenate(frames), [name for name, (n, _, _) in parts.items() for _ in range(n)]


def sampler(
    frames: np.ndarray, groups: list[str], shares: dict[str, float], micro: float = 4.0, seed: int = 1
) -> Balanced:
    return Balanced(frames, LENGTHS, micro, 2, seed, groups=groups, shares=shares)


def heard(sampler: Balanced, groups: list[str], steps: range) -> dict[str, int]:
    """Frames of each group that these steps crop."""
    found: Counter[str] = Counter()
    for step in steps:
        for micro in (0, 1):
            crops = sampler.micro(step, micro)
            for row in crops.rows:
                found[groups[row]] += crops.frames
    return found


UNEVEN = {"ARB": (900, 60, 800), "ENG": (150, 40, 500), "FRA": (60, 60, 150)}


@pytest.mark.parametrize("epoch", [0, 3])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_each_epoch_gives_a_named_group_its_share_of_the_seconds_to_within_a_shortest_crop(
    share: float, epoch: int
) -> None:
    frames, groups = speech(**UNEVEN)
    balanced = sampler(frames, groups, {"ENG": share})
    found = heard(balanced, groups, range(epoch * balanced.steps, (epoch + 1) * balanced.steps))
    total = sum(found.values())
    assert abs(found["ENG"] - share * total) <= frames_in(LENGTHS[0])
    assert balanced.shares["ENG"] == pytest.approx(found["ENG"] / total)


def test_groups_without_a_share_divide_the_rest_as_they_are() -> None:
    frames, groups = speech(ARB=(600, 60, 400), ENG=(300, 60, 400), FRA=(200, 60, 400))
    balanced = sampler(frames, groups, {"ENG": 0.5})
    found = heard(balanced, groups, range(20 * balanced.steps))
    assert found["ARB"] / found["FRA"] == pytest.approx(600 / 200, rel=0.05)


corpora = st.lists(
    st.tuples(st.integers(10, 400), st.sampled_from(["ARB", "ARB", "ARB", "ENG", "FRA"])), min_size=30, max_size=200
)


@given(corpora, st.sampled_from([{"ENG": 0.5}, {"ENG": 0.2, "FRA": 0.3}, {"ARB": 0.1}]), st.sampled_from([4.0, 9.0]))
@settings(max_examples=60)
def test_shares_hold_or_are_refused_and_every_utterance_is_seen(
    corpus: list[tuple[int, str]], shares: dict[str, float], micro: float
) -> None:
    frames, groups = np.array([f for f, _ in corpus], np.int64), [g for _, g in corpus]
    try:
        balanced = sampler(frames, groups, shares, micro)
    except UserError as e:
        assert e.where and e.remedy
        return
    found = heard(balanced, groups, range(balanced.steps))
    for name, share in shares.items():
        assert abs(found[name] / sum(found.values()) - share) <= NEAR
    rounds = 2 * max(len(m) for m in balanced.members) + 2  # each stream gives at least one a round
    steps = range(min(rounds, 60) * balanced.steps)
    seen = {int(row) for step in steps for micro_ in (0, 1) for row in balanced.micro(step, micro_).rows}
    if rounds <= 60:
        assert seen == set(np.flatnonzero(frames >= frames_in(1.0)).tolist())
    assert not seen & set(balanced.short.tolist())


@pytest.mark.parametrize("shares", [{"ENG": 0.5}, {"ENG": 0.9}, {"ENG": 0.02}])
def test_a_small_group_repeats_evenly_and_a_large_one_is_seen_whole_over_epochs(shares: dict[str, float]) -> None:
    frames, groups = speech(ARB=(700, 60, 400), ENG=(90, 60, 400))
    balanced = sampler(frames, groups, shares)
    times: Counter[int] = Counter()
    epochs = 0
    while len(times) < len(frames):
        assert epochs < 200, "an utterance is never seen"
        for step in range(epochs * balanced.steps, (epochs + 1) * balanced.steps):
            times.update(int(row) for micro in (0, 1) for row in balanced.micro(step, micro).rows)
        epochs += 1
    for bucket in balanced.members:
        for name in ("ARB", "ENG"):
            counts = [times[int(row)] for row in bucket if groups[row] == name]
            assert max(counts) - min(counts) <= 1  # permutation after permutation: nobody is two rounds ahead


def test_the_crops_of_a_group_are_spread_over_the_steps_of_their_length() -> None:
    frames, groups = speech(ARB=(800, 60, 90), ENG=(200, 60, 90))
    balanced = sampler(frames, groups, {"ENG": 0.25}, micro=16.0)
    for step in range(balanced.steps):
        rows = [row for micro in (0, 1) for row in balanced.micro(step, micro).rows]
        assert abs(sum(groups[row] == "ENG" for row in rows) - len(rows) / 4) <= 1


def test_a_balanced_step_is_the_same_in_any_order_of_asking_and_whoever_else_asks() -> None:
    frames, groups = speech(**UNEVEN)
    one, two = (sampler(frames, groups, {"ENG": 0.5}) for _ in range(2))
    steps = [5, 3 * one.steps + 1, 0, 40 * one.steps, 6]
    forward = {(s, m): one.micro(s, m) for s in steps for m in (0, 1)}
    for (step, micro), crops in reversed(forward.items()):
        again = two.micro(step, micro)
        assert np.array_equal(crops.rows, again.rows) and np.array_equal(crops.starts, again.starts)
        assert crops.frames == again.frames


def test_balanced_crops_lie_inside_their_utterances_and_ranks_get_equal_shapes() -> None:
    frames, groups = speech(**UNEVEN)
    balanced = sampler(frames, groups, {"ENG": 0.5})
    for step in range(balanced.steps):
        crops = [balanced.micro(step, micro) for micro in (0, 1)]
        assert len({(len(c.rows), c.frames) for c in crops}) == 1
        for c in crops:
            assert (c.starts >= 0).all() and (c.starts + c.frames <= frames[c.rows]).all()
            assert len(c.rows) * c.frames * 0.02 <= 4.0


def test_a_few_short_utterances_are_not_repeated_to_fill_a_step() -> None:
    frames, groups = speech(ARB=(400, 210, 400), ENG=(200, 210, 400), short=(3, 60, 90))
    groups = ["ENG" if name == "short" else name for name in groups]
    balanced = sampler(frames, groups, {"ENG": 0.5}, micro=16.0)
    times = Counter(
        int(row) for step in range(10 * balanced.steps) for micro in (0, 1) for row in balanced.micro(step, micro).rows
    )
    assert 0 < max(times[row] for row in (600, 601, 602)) <= 2 * 10 * 1.5


def test_a_group_whose_utterances_must_be_cut_shorter_than_they_are_still_has_its_share() -> None:
    frames, groups = speech(ARB=(200, 100, 110), ENG=(14, 210, 220))  # 4 s of ENG do not fill half a step of 120 s
    balanced = sampler(frames, groups, {"ENG": 0.1}, micro=60.0)
    assert {balanced.micro(step, 0).frames for step in range(balanced.steps)} == {frames_in(2.0)}
    found = heard(balanced, groups, range(balanced.steps))
    assert abs(found["ENG"] - 0.1 * sum(found.values())) <= frames_in(2.0)


@pytest.mark.parametrize(
    "shares, message",
    [
        ({"ESP": 0.5}, "no utterance is of group ESP"),
        ({"ENG": 0.5, "ARB": 0.4, "FRA": 0.05}, "there is no other group"),
        ({"ENG": 0.5, "ARB": 0.5}, "leave nothing to FRA"),
    ],
)
def test_shares_that_do_not_fit_the_groups_are_refused_naming_those_there_are(
    shares: dict[str, float], message: str
) -> None:
    frames, groups = speech(**UNEVEN)
    with pytest.raises(UserError, match=message) as error:
        sampler(frames, groups, shares)
    assert "FRA (60)" in error.value.remedy


def test_a_group_that_is_too_short_for_a_crop_is_refused() -> None:
    frames, groups = speech(ARB=(100, 60, 400), ENG=(20, 10, 30))
    with pytest.raises(UserError, match="no utterance of ENG is as long as the shortest crop"):
        sampler(frames, groups, {"ENG": 0.5})


def test_too_little_to_balance_is_a_users_error() -> None:
    frames, groups = speech(ARB=(3, 60, 90), ENG=(1, 60, 90))
    with pytest.raises(UserError, match="do not fill a step"):
        sampler(frames, groups, {"ENG": 0.5}, micro=30.0)
