"""Balance between groups: shares of the audio, one group per micro-batch, and everything of every group seen."""

import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.data.frames import frames_in
from toolkit.train.samplers.speech_quota import SpeechQuota

LENGTHS = (1.0, 2.0, 4.0)


def speech(**parts: tuple[int, int, int]) -> tuple[np.ndarray, list[str]]:
    """Frames and groups of `group=(utterances, fewest frames, most frames)`."""
    random = np.random.default_rng(0)
    frames = [random.integers(low, high + 1, n) for n, low, high in parts.values()]
    return np.concatenate(frames), [name for name, (n, _, _) in parts.items() for _ in range(n)]


def sampler(
    frames: np.ndarray, groups: list[str], shares: dict[str, float], micro: float = 4.0, seed: int = 1
) -> SpeechQuota:
    return SpeechQuota(frames, LENGTHS, micro, 2, seed, groups=groups, shares=shares)


def heard(sampler: SpeechQuota, steps: range) -> Counter[str]:
    """Frames of each group that these steps crop."""
    cropped: Counter[str] = Counter()
    for step in steps:
        for micro in (0, 1):
            crops = sampler.micro(step, micro)
            cropped[crops.group] += len(crops.rows) * crops.frames
    return cropped


UNEVEN = {"ARB": (900, 60, 800), "ENG": (150, 40, 500), "FRA": (60, 60, 150)}


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_micro_batch_is_of_one_group_and_a_step_of_one_length(share: float) -> None:
    frames, groups = speech(**UNEVEN)
    balanced = sampler(frames, groups, {"ENG": share})
    for step in range(3 * balanced.steps):
        crops = [balanced.micro(step, micro) for micro in (0, 1)]
        assert all({groups[row] for row in c.rows} == {c.group} for c in crops)
        assert len({c.frames for c in crops}) == 1


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_at_every_step_a_group_has_its_part_of_each_length_to_within_about_a_micro_batch(share: float) -> None:
    frames, groups = speech(**UNEVEN)
    balanced = sampler(frames, groups, {"ENG": share})
    lengths = [max((T for T in map(frames_in, LENGTHS) if n >= T), default=0) for n in frames]  # nothing is cut shorter
    present = Counter(pair for pair in zip(lengths, groups) if pair[0])
    seconds = {name: sum(T * n for (T, group), n in present.items() if group == name) for name in ("ARB", "ENG", "FRA")}
    rest = seconds["ARB"] + seconds["FRA"]
    rates = {name: (share if name == "ENG" else (1 - share) * n / rest) / n for name, n in seconds.items()}
    crops = {(T, name): rates[name] * n for (T, name), n in present.items()}
    counts: Counter[tuple[int, str]] = Counter()
    for draw in (balanced.micro(step, micro) for step in range(5 * balanced.steps) for micro in (0, 1)):
        counts[draw.frames, draw.group] += 1
        so_far = sum(counts[draw.frames, name] for name in seconds)
        whole = sum(crops.get((draw.frames, name), 0.0) for name in seconds)
        for name in seconds:
            expected = so_far * crops.get((draw.frames, name), 0.0) / whole
            assert abs(counts[draw.frames, name] - expected) <= 1.25


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_in_the_long_run_a_named_group_has_exactly_its_share_of_the_seconds(share: float) -> None:
    frames, groups = speech(**UNEVEN)
    balanced = sampler(frames, groups, {"ENG": share})
    for epochs in (1, 10, 100, 10_000):
        coverage = balanced.coverage(epochs * balanced.steps)
        # Two micro-batches of a length, and two steps that another length has had instead, at three lengths.
        assert abs(coverage.cost["ENG"] - share * sum(coverage.cost.values())) <= 3 * (2 + 2 * 2) * 4.0
    assert coverage.shares["ENG"] == pytest.approx(share, abs=1e-4)
    assert balanced.shares["ENG"] == pytest.approx(share)


def test_two_languages_of_unequal_corpora_alternate_within_every_step() -> None:
    frames, groups = speech(ARB=(2000, 100, 780), ENG=(130, 100, 780))
    balanced = SpeechQuota(frames, (2.0, 4.0, 8.0, 15.0), 16.0, 4, 1, groups=groups, shares={"ENG": 0.5})
    for step in range(200):
        crops = [balanced.micro(step, number) for number in range(4)]
        counts = Counter(c.group for c in crops)
        assert len({(c.frames, len(c.rows)) for c in crops}) == 1 and abs(counts["ARB"] - counts["ENG"]) <= 2
    total = balanced.coverage(200)
    assert total.shares == pytest.approx({"ARB": 0.5, "ENG": 0.5}, abs=0.01)
    assert total.distinct["ENG"] == 130 and total.repeats["ENG"] > 10 * total.repeats["ARB"]


def test_groups_without_a_share_divide_the_rest_as_they_are() -> None:
    frames, groups = speech(ARB=(600, 60, 400), ENG=(300, 60, 400), FRA=(200, 60, 400))
    balanced = sampler(frames, groups, {"ENG": 0.5})
    cropped = heard(balanced, range(20 * balanced.steps))
    assert cropped["ARB"] / cropped["FRA"] == pytest.approx(600 / 200, rel=0.05)
    assert set(balanced.shares) == {"ARB", "ENG", "FRA"}


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
    epochs = math.ceil(100 / min(balanced.rates.values()))
    coverage = balanced.coverage(epochs * balanced.steps)
    for name, share in shares.items():
        assert coverage.shares[name] == pytest.approx(share, abs=0.01)
    seen = [item for tally in coverage.tallies.values() for item in tally.items.tolist()]
    assert sorted(seen) == np.flatnonzero(frames >= frames_in(1.0)).tolist()
    assert not set(seen) & set(balanced.short.tolist())


@pytest.mark.parametrize("shares", [{"ENG": 0.5}, {"ENG": 0.9}, {"ENG": 0.02}])
def test_a_small_group_repeats_evenly_and_a_large_one_is_seen_whole_over_epochs(shares: dict[str, float]) -> None:
    frames, groups = speech(ARB=(700, 60, 400), ENG=(90, 60, 400))
    balanced = sampler(frames, groups, shares)
    times: Counter[int] = Counter()
    cut_to: dict[int, int] = {}
    epochs = 0
    while len(times) < len(frames):
        assert epochs < 200, "an utterance is never seen"
        for step in range(epochs * balanced.steps, (epochs + 1) * balanced.steps):
            for crops in (balanced.micro(step, micro) for micro in (0, 1)):
                times.update(crops.rows.tolist())
                assert all(cut_to.setdefault(row, crops.frames) == crops.frames for row in crops.rows.tolist())
        epochs += 1
    for length in set(cut_to.values()):
        for name in ("ARB", "ENG"):
            counts = [times[row] for row in range(len(frames)) if cut_to[row] == length and groups[row] == name]
            assert not counts or max(counts) - min(counts) <= 1  # nobody is two rounds ahead
    seconds = {name: sum(n for row, n in cut_to.items() if groups[row] == name) for name in ("ARB", "ENG")}
    for name, share in balanced.shares.items():  # an utterance comes as often at one length as at another
        assert balanced.rates[name] == pytest.approx(share * sum(seconds.values()) / seconds[name])


def test_micro_batches_of_a_group_are_spread_over_the_steps_of_their_length() -> None:
    frames, groups = speech(ARB=(800, 60, 90), ENG=(200, 60, 90))
    balanced = sampler(frames, groups, {"ENG": 0.25}, micro=16.0)
    counts = 0
    for step in range(balanced.steps):
        counts += sum(balanced.micro(step, micro).group == "ENG" for micro in (0, 1))
        assert abs(counts - (step + 1) / 2) <= 0.5


def test_a_balanced_step_is_the_same_in_any_order_of_asking_and_whoever_else_asks() -> None:
    frames, groups = speech(**UNEVEN)
    one, two = (sampler(frames, groups, {"ENG": 0.5}) for _ in range(2))
    keys = [(step, micro) for step in [5, 3 * one.steps + 1, 0, 400_000, 6] for micro in (0, 1)]
    forward = {key: one.micro(*key) for key in keys}
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(lambda key: two.micro(*key), reversed(keys * 5)))
    for key, again in zip(reversed(keys * 5), threaded, strict=True):
        crops = forward[key]
        assert np.array_equal(crops.rows, again.rows) and np.array_equal(crops.starts, again.starts)
        assert (crops.frames, crops.group) == (again.frames, again.group)


def test_coverage_of_speech_is_what_counting_the_crops_gives() -> None:
    frames, groups = speech(**UNEVEN)
    balanced = sampler(frames, groups, {"ENG": 0.5})
    steps = 3 * balanced.steps + 7
    times = Counter(int(row) for s in range(steps) for m in (0, 1) for row in balanced.micro(s, m).rows)
    coverage, cropped = balanced.coverage(steps), heard(balanced, range(steps))
    for name in ("ARB", "ENG", "FRA"):
        counts = {row: n for row, n in times.items() if groups[row] == name}
        tally = coverage.tallies[name]
        assert dict(zip(tally.items.tolist(), tally.times.tolist())) == counts
        assert coverage.cost[name] == pytest.approx(cropped[name] * 0.02)
    assert sum(coverage.cost.values()) / steps == pytest.approx(balanced.seconds, rel=0.02)


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
    times: Counter[int] = Counter()
    for step in range(10 * balanced.steps):
        for rows in (balanced.micro(step, micro).rows.tolist() for micro in (0, 1)):
            times.update(rows)
            assert max(Counter(rows).values()) <= 2  # twice only where one round ends and the next begins
    assert 0 < max(times[row] for row in (600, 601, 602)) <= 2 * 10 * 1.5


def test_a_group_that_does_not_fill_half_a_micro_batch_of_a_length_is_cut_to_the_next_shorter() -> None:
    frames, groups = speech(ARB=(400, 210, 400), ENG=(100, 110, 190), long=(1, 210, 210))
    groups = ["ENG" if name == "long" else name for name in groups]
    balanced = sampler(frames, groups, {"ENG": 0.5}, micro=16.0)
    lengths: dict[str, set[int]] = {"ARB": set(), "ENG": set()}
    for step in range(5 * balanced.steps):
        for crops in (balanced.micro(step, micro) for micro in (0, 1)):
            lengths[crops.group].add(crops.frames)
    assert lengths == {"ARB": {frames_in(4.0)}, "ENG": {frames_in(2.0)}}
    assert 500 in balanced.coverage(5 * balanced.steps).tallies["ENG"].items


def test_a_group_whose_utterances_must_be_cut_shorter_than_they_are_still_has_its_share() -> None:
    frames, groups = speech(ARB=(200, 100, 110), ENG=(14, 210, 220))  # 4 s of ENG do not fill half a step of 120 s
    balanced = sampler(frames, groups, {"ENG": 0.1}, micro=60.0)
    assert {balanced.micro(step, 0).frames for step in range(balanced.steps)} == {frames_in(2.0)}
    for steps in (balanced.steps, 100):
        cropped = heard(balanced, range(steps))
        assert abs(cropped["ENG"] - 0.1 * sum(cropped.values())) <= 30 * frames_in(2.0)  # a micro-batch


def test_a_group_smaller_than_a_micro_batch_is_repeated_in_it_as_evenly_as_can_be() -> None:
    frames, groups = speech(ARB=(300, 60, 90), ENG=(3, 60, 90))
    balanced = sampler(frames, groups, {"ENG": 0.5}, micro=8.0)
    counts = [
        Counter(c.rows.tolist()) for s in range(20) for m in (0, 1) for c in [balanced.micro(s, m)] if c.group == "ENG"
    ]
    assert len(counts) == 20 and all(sorted(c.values()) == [2, 3, 3] or max(c.values()) <= 4 for c in counts)
    total = sum(counts, Counter[int]())
    assert max(total.values()) - min(total.values()) <= 1


def test_a_line_tells_the_share_of_each_group_and_how_often_its_utterances_come() -> None:
    frames, groups = speech(ARB=(300, 60, 90), ENG=(100, 60, 90))
    one, two = sampler(frames, groups, {"ENG": 0.25}).summary()
    assert one == "ARB: 75.0 % of the audio-seconds, an utterance comes 1 times in an epoch of 50 steps"
    assert two.startswith("ENG: 25.0 % of the audio-seconds, an utterance comes 1 times")
    many = [f"g{i:02}" for i in range(20)] * 20
    lines = sampler(np.full(400, 60, np.int64), many, {"g07": 0.5}).summary()
    assert len(lines) == 13 and lines[0].startswith("g07: 50.0 %") and lines[-1] == "and 8 more groups"


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
