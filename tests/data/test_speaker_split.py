"""Splitting by speaker."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.data.split import odd_parts, shares_of, split_groups

SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}


@settings(max_examples=150, deadline=None)
@given(
    seconds=st.dictionaries(st.text("abسجل01", min_size=1, max_size=6), st.floats(0.1, 1e4), min_size=3, max_size=60),
    seed=st.integers(0, 100),
)
def test_every_group_is_in_one_part_every_part_has_one_and_order_does_not_matter(seconds, seed):
    parts = split_groups(seconds, SHARES, seed)
    assert set(parts) == set(seconds) and set(parts.values()) == set(SHARES)
    assert split_groups(dict(reversed(seconds.items())), SHARES, seed) == parts


@settings(max_examples=50, deadline=None)
@given(seconds=st.lists(st.floats(10, 60), min_size=200, max_size=300), seed=st.integers(0, 9))
def test_parts_of_many_speakers_come_within_half_a_speaker_of_their_shares(seconds, seed):
    groups = {f"s{i}": s for i, s in enumerate(seconds)}
    parts = split_groups(groups, SHARES, seed)
    for name in ("dev", "test"):
        got = sum(groups[g] for g, part in parts.items() if part == name)
        assert abs(got - 0.1 * sum(seconds)) <= 60 / 2


def test_another_seed_gives_another_split():
    seconds = {f"s{i}": 10.0 for i in range(50)}
    assert split_groups(seconds, SHARES, 1) != split_groups(seconds, SHARES, 2)


def test_fewer_groups_than_parts_are_refused():
    with pytest.raises(UserError, match="2 speakers"):
        split_groups({"a": 1.0, "b": 2.0}, SHARES, 0)


def test_shares_are_read_and_a_share_of_zero_leaves_its_part_out():
    assert shares_of(["train=0.9", "dev=0.1", "test=0"]) == {"train": 0.9, "dev": 0.1}
    for words in (["train=0.8"], ["train"], ["train=x"], ["a=0.5", "a=0.5"], ["../a=1"], ["a=1.5", "b=-0.5"]):
        with pytest.raises(ValueError, match="share"):
            shares_of(words)


@pytest.mark.parametrize("name", ["shards", "log", "record.json", "dropped.tsv", "times.json", ".lock", "dev.tmp"])
def test_a_part_may_not_be_called_what_the_step_writes_itself(name):
    with pytest.raises(ValueError, match="the step itself uses"):
        shares_of(["train=0.5", f"{name}=0.5"])


def test_parts_that_are_small_or_far_from_their_share_are_warned_of():
    many = [(f"س{i % 5}", 2.0) for i in range(20)]
    assert odd_parts({"train": many, "dev": many}, {"train": 0.59, "dev": 0.41}) == []
    (far,) = odd_parts({"train": many * 8, "dev": many, "test": many}, {"train": 0.8, "dev": 0.1, "test": 0.21})
    assert "test: 5 speakers, 20 utterances, 10 % of the audio (21 % asked): far from its share" in far
    (few,) = odd_parts({"train": many, "dev": many[:19]}, {"train": 0.5, "dev": 0.5})
    assert "dev: 5 speakers, 19 utterances" in few and "little" in few and "far" not in few
    (few,) = odd_parts({"train": many, "dev": [("س0", 2.0)] * 20}, {"train": 0.5, "dev": 0.5})
    assert "dev: 1 speakers" in few
