"""The sampler of whole utterances: each of them once an epoch, little padding, no micro-batch larger than was asked."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.data.frames import HOP, RATE, frames_in
from toolkit.train.samplers.whole import ALIKE, Whole, whole_once

LENGTHS = st.lists(st.integers(0, 1500), min_size=1, max_size=60).filter(any)


@given(LENGTHS, st.integers(1, 4), st.floats(1, 40), st.integers(0, 5))
def test_an_epoch_has_every_utterance_once_in_micro_batches_of_about_one_length(
    lengths, batches, seconds, seed
) -> None:
    frames = np.array(lengths)
    sampler = Whole(frames, 20.0, seconds, batches, seed)
    drawn = Counter[int]()
    for number in range(sampler.batches):
        rows, starts, own = sampler.micro(*divmod(number, batches))
        drawn.update(rows.tolist())
        assert own.tolist() == np.minimum(frames[rows], frames_in(20.0)).tolist()
        assert (starts >= 0).all() and (starts + own <= frames[rows]).all()
        assert len(rows) == 1 or len(rows) * own.max() * HOP / RATE <= seconds + 1e-6
        assert own.min() >= ALIKE * own.max() - 1
    assert drawn == {i: 1 for i in range(len(frames)) if frames[i]}
    assert sampler.short.tolist() == [i for i, n in enumerate(lengths) if not n]
    assert sampler.coverage(-(-sampler.batches // batches)).distinct[""] == len(drawn)


def test_epochs_differ_and_a_step_is_the_same_whatever_came_before() -> None:
    frames = np.full(40, 100)
    one, second = Whole(frames, 20.0, 8.0, 2, 1), Whole(frames, 20.0, 8.0, 2, 1)
    first = [one.micro(step, m).items.tolist() for step in range(20) for m in range(2)]
    assert second.micro(7, 1).items.tolist() == first[15]
    epoch = one.batches
    assert first[:epoch] != first[epoch : 2 * epoch]
    assert one.seconds == pytest.approx(2 * 4 * 100 * HOP / RATE)


def test_of_a_long_utterance_a_new_piece_is_drawn_each_time() -> None:
    sampler = Whole(np.array([3000]), 10.0, 48.0, 1, 1)
    starts = {int(sampler.micro(step, 0).starts[0]) for step in range(8)}
    assert sampler.long == 1 and len(starts) > 4
    (dev,) = whole_once(np.array([3000, 0]), 10.0, 48.0)
    assert dev.starts.tolist() == [0] and dev.frames.tolist() == [frames_in(10.0)]


def test_a_set_without_a_frame_is_refused() -> None:
    with pytest.raises(UserError, match="no utterance is long enough"):
        Whole(np.zeros(3, np.int64), 10.0, 48.0, 1, 1)
