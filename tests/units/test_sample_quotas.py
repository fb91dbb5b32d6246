"""How many frames of which utterance: a large corpus is read in part, a small one in whole."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.seed import seed_of
from toolkit.data.audio import SAMPLE_RATE
from toolkit.data.kaldi import Utterance
from toolkit.units.config import SampleConfig
from toolkit.units.framing import frame_count
from toolkit.units.sample import FRAMES_PER_UTTERANCE, apportion, chosen_frames, enough, even, portion, quotas

SEED = 3


def corpus(frames: list[int], strata: int = 2) -> tuple[list[Utterance], dict[str, str], dict[str, int]]:
    """Utterances of so many MFCC frames (25 ms every 10), strata in turn; and id -> stratum, id -> frames."""
    ids = [f"متحدث{i % strata}-{i:05d}" for i in range(len(frames))]
    lengths = dict(zip(ids, frames))
    utterances = [Utterance(id, "", 0.0, None, "", (400 + 160 * (n - 1)) / SAMPLE_RATE) for id, n in lengths.items()]
    return utterances, {id: id.split("-")[0] for id in ids}, lengths


def taken(frames: list[int], config: SampleConfig, strata: int = 2) -> tuple[dict[str, int], dict[str, str]]:
    utterances, stratum, _ = corpus(frames, strata)
    return quotas(utterances, stratum, frame_count, config, SEED), stratum


def test_a_large_corpus_is_read_in_part_and_gives_all_frames_asked_for() -> None:
    """3000 utterances of 100 to 300 frames; 2000 frames are 40 utterances' worth, where each could give a frame."""
    frames_by_id, stratum = taken([100 + i % 201 for i in range(3000)], SampleConfig(frames=2000))
    assert sum(frames_by_id.values()) == 2000
    assert 40 <= len(frames_by_id) <= 42  # one more a stratum at most, for a share that is no multiple of 50
    assert set(Counter(stratum[id] for id in frames_by_id)) == set(stratum.values())


def test_a_share_of_the_utterances_is_read_also_where_each_recording_is_its_own_speaker() -> None:
    frames_by_id, _ = taken([200] * 600, SampleConfig(frames=3000, utterances=0.1), strata=600)
    assert len(frames_by_id) == 60 and set(frames_by_id.values()) == {50}


def test_a_share_leaves_no_stratum_out_while_there_are_enough_utterances() -> None:
    sizes = {"مصري": 500, "شامي": 40, "خليجي": 3}
    parts = portion(54, sizes, SEED)
    assert sum(parts.values()) == 54 and parts == {"مصري": 48, "شامي": 5, "خليجي": 1}


def test_the_utterances_read_are_the_first_of_each_stratum_by_their_seeds() -> None:
    frames_by_id, stratum = taken([200] * 600, SampleConfig(frames=1000), 3)
    for name in set(stratum.values()):
        ranked = sorted((id for id in stratum if stratum[id] == name), key=lambda id: seed_of(SEED, "utterance", id))
        mine = {id for id in frames_by_id if stratum[id] == name}
        assert mine == set(ranked[: len(mine)])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.integers(1, 9000), st.booleans())
def test_strata_have_the_shares_that_all_their_utterances_give_them(frames: list[int], total: int, equal: bool) -> None:
    utterances, stratum, lengths = corpus(frames)
    frames_by_id = quotas(utterances, stratum, frame_count, SampleConfig(frames=total, equal=equal), SEED)
    names = sorted(set(stratum.values()))
    available = [sum(n for id, n in lengths.items() if stratum[id] == name) for name in names]
    given_by = Counter[str]()
    for id, quota in frames_by_id.items():
        assert 0 < quota <= lengths[id]
        given_by[stratum[id]] += quota
    assert [given_by[name] for name in names] == (even if equal else apportion)(total, available)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(60, 400), min_size=1, max_size=40), st.floats(0, 1))
def test_where_every_utterance_gives_fifty_frames_all_are_read_in_proportion(frames: list[int], share: float) -> None:
    """Shares from where the shortest utterance gives 51 (and rounding takes at most one) up to all frames."""
    utterances, _, lengths = corpus(frames, strata=1)
    least = (FRAMES_PER_UTTERANCE + 1) / min(frames) * sum(frames)
    total = round(least + share * (sum(frames) - least))
    frames_by_id = quotas(utterances, {}, frame_count, SampleConfig(frames=total), SEED)
    assert frames_by_id == dict(zip(lengths, apportion(total, frames), strict=True))


def test_short_utterances_are_all_read_where_all_their_frames_are_wanted() -> None:
    frames_by_id, stratum = taken([1, 2, 3, 49] * 5, SampleConfig(frames=10_000))
    assert set(frames_by_id) == set(stratum) and sum(frames_by_id.values()) == 55 * 5
    assert enough({"a": 20, "b": 70, "c": 9}, 70) == {"a": 20, "b": 70}
    assert enough({"a": 20, "b": 70, "c": 9}, 71) == {"a": 20, "b": 70, "c": 9}


@given(st.integers(0, 500), st.lists(st.integers(0, 60), min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
@pytest.mark.parametrize("part", [apportion, even])
def test_a_sample_takes_all_it_may_and_never_more_than_is_there(
    part: Callable[..., list[int]], total: int, available: list[int]
) -> None:
    shares = part(total, available)
    assert sum(shares) == min(total, sum(available))
    assert all(0 <= s <= n for s, n in zip(shares, available, strict=True))


@given(st.integers(0, 500), st.lists(st.integers(1, 60), min_size=2, max_size=12))
@settings(max_examples=60, deadline=None)
def test_shares_are_proportional_or_even_to_within_one_frame(total: int, available: list[int]) -> None:
    wanted = min(total, sum(available))
    for share, n in zip(apportion(total, available), available, strict=True):
        assert abs(share - wanted * n / sum(available)) < 1
    shares = even(total, available)
    free = [s for s, n in zip(shares, available, strict=True) if s < n]
    assert not free or max(free) - min(free) <= 1
    assert all(s <= min(free) + 1 for s in shares) if free else True


def test_chosen_frames_depend_on_seed_and_utterance_alone() -> None:
    first = chosen_frames(500, 40, 1, "a")
    assert len(set(first)) == 40 and (np.diff(first) > 0).all() and first.max() < 500
    np.testing.assert_array_equal(first, chosen_frames(500, 40, 1, "a"))
    assert not np.array_equal(first, chosen_frames(500, 40, 1, "b"))
    assert not np.array_equal(first, chosen_frames(500, 40, 2, "a"))
    np.testing.assert_array_equal(chosen_frames(5, 9, 1, "a"), np.arange(5))
