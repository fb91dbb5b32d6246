"""Splitting by content."""

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.shards import FEWEST_SHARDS, SECONDS_PER_SHARD, doing, split


@given(st.lists(st.floats(0.01, 4000), min_size=1, max_size=300))
def test_shards_cover_every_item_once_in_order_and_none_is_empty(seconds):
    shards = split(seconds)
    assert [i for s in shards for i in s] == list(range(len(seconds)))
    assert all(len(s) for s in shards)
    assert len(shards) == min(len(seconds), max(FEWEST_SHARDS, round(sum(seconds) / SECONDS_PER_SHARD)))


@given(st.integers(1, 400), st.floats(1, 30))
def test_shards_of_equal_items_are_of_about_equal_audio(n, seconds):
    sizes = [len(s) for s in split([seconds] * n)]
    assert max(sizes) - min(sizes) <= max(1, math.ceil(n / len(sizes) * 0.05) + 1)


def test_nothing_to_do_is_no_shard():
    assert split([]) == []


def test_what_a_worker_is_doing_is_the_last_bar_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "worker.1.log"
    assert doing(log) == ""
    log.write_text(
        "# command\n  fbank asr  12% |##   | 12/100 steps\n  fbank asr  58% |#####| 58/100 steps  2.0 steps/s\n"
    )
    assert doing(log) == "fbank asr 58%"
