"""Samplers of an audio LLM's training against their definitions, written naively, and schedules of them."""

from collections import Counter

import numpy as np
import pytest

from toolkit.core.errors import UserError
from toolkit.core.seed import seed_of
from toolkit.train.samplers.config import CurriculumConfig, DiverseConfig, UniformConfig, check_schedule
from toolkit.train.samplers.diverse import Diverse, projection_of, unit
from toolkit.train.samplers.instructions import Pool, Schedule, staged

TASKS = ["asr"] * 40 + ["dialect"] * 15 + ["emotion"] * 9
LABELS = [""] * 40 + ["MSA"] * 9 + ["EGY"] * 4 + ["LEV"] * 2 + ["sad"] * 6 + ["angry"] * 3
N = len(TASKS)


def embedding(seed: int = 0, dim: int = 6) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((N, dim)).astype(np.float32))


def pool(**changes) -> Pool:
    return Pool(
        **{
            "tasks": TASKS,
            "labels": LABELS,
            "strata": LABELS,
            "lengths": np.arange(N),
            "embedding": embedding(),
            **changes,
        }
    )


def naive_ads(steps: int, size: int, pool_size: int, seed: int, emb: np.ndarray) -> list[list[int]]:
    """The definition, with lists: see diverse.py."""
    names = sorted(set(TASKS))
    strata = {t: sorted({label for task, label in zip(TASKS, LABELS) if task == t}) for t in names}
    queue: dict[tuple[str, str], list[int]] = {}
    rounds, turns = Counter(), Counter()
    every = []
    for step in range(steps):
        chosen: list[int] = []
        for slot in range(size):
            task = names[(slot + step * (size % len(names))) % len(names)]
            label = strata[task][turns[task] % len(strata[task])]
            turns[task] += 1
            key = (task, label)
            if not queue.get(key):
                items = np.array([i for i in range(N) if (TASKS[i], LABELS[i]) == key])
                order = np.random.default_rng(seed_of(seed, "diverse", task, label, rounds[key])).permutation(
                    len(items)
                )
                queue[key], rounds[key] = [int(i) for i in items[order]], rounds[key] + 1
            next_ones = queue[key][-pool_size:]
            place = len(next_ones) - 1
            if chosen and len(next_ones) > 1 and pool_size > 1:
                place = int(np.argmin([max(float(emb[c] @ emb[b]) for b in chosen) for c in next_ones]))
            at = len(queue[key]) - len(next_ones) + place
            item = queue[key][at]
            last = queue[key].pop()
            if at < len(queue[key]):
                queue[key][at] = last
            chosen.append(item)
        every.append(chosen)
    return every


@pytest.mark.parametrize(("size", "pool_size"), [(6, 8), (7, 3), (8, 1), (4, 64)])
def test_diverse_sampling_is_its_definition(size: int, pool_size: int) -> None:
    emb = embedding()
    ours = Diverse(TASKS, LABELS, size, pool_size, 3, emb)
    wanted = naive_ads(30, size, pool_size, 3, emb)
    assert [ours.step(s).tolist() for s in range(30)] == wanted
    again = Diverse(TASKS, LABELS, size, pool_size, 3, emb)
    assert again.step(29).tolist() == wanted[29], "a step far ahead is found by replaying"


def test_tasks_and_labels_have_equal_shares_and_no_item_comes_before_all_others_of_its_stratum() -> None:
    sampler = Diverse(TASKS, LABELS, 7, 8, 1, embedding())
    drawn = np.concatenate([sampler.step(s) for s in range(60)])
    tasks = Counter(TASKS[i] for i in drawn)
    assert max(tasks.values()) - min(tasks.values()) <= 1
    labels = Counter(LABELS[i] for i in drawn if TASKS[i] == "dialect")
    assert max(labels.values()) - min(labels.values()) <= 1
    for label in set(LABELS):
        uses = Counter(i for i in drawn.tolist() if LABELS[i] == label)
        assert max(uses.values()) - min(uses.get(i, 0) for i in range(N) if LABELS[i] == label) <= 1


def test_a_larger_pool_makes_the_items_of_a_step_less_alike() -> None:
    emb = embedding()

    def alike(pool_size: int) -> float:
        sampler = Diverse(TASKS, LABELS, 8, pool_size, 1, emb)
        steps = [emb[sampler.step(s)] for s in range(40)]
        return float(np.mean([np.triu(e @ e.T, 1).max() for e in steps]))

    assert alike(64) < alike(8) < alike(1)


def test_coverage_counts_what_was_drawn() -> None:
    sampler = Diverse(TASKS, LABELS, 5, 4, 1, embedding())
    drawn = np.concatenate([sampler.step(s) for s in range(11)]).tolist()
    coverage = sampler.coverage(11)
    for task, tally in coverage.tallies.items():
        counted = Counter(i for i in drawn if TASKS[i] == task)
        assert dict(zip(tally.items.tolist(), tally.times.tolist())) == counted


def test_a_random_projection_keeps_angles_and_zeros_stay() -> None:
    raw = np.random.default_rng(0).standard_normal((50, 300)).astype(np.float32)
    raw[7] = 0
    whole, projection = unit(raw), projection_of(300, 64, 1)
    assert np.linalg.norm(np.delete(whole, 7, 0), axis=1) == pytest.approx(1, abs=1e-5) and not whole[7].any()
    small = unit(raw @ projection)
    assert small.shape == (50, 64) and small.dtype == np.float32
    assert np.corrcoef((whole @ whole.T).ravel(), (small @ small.T).ravel())[0, 1] > 0.6
    assert projection_of(64, 64, 1) is None and projection_of(64, 0, 1) is None


def drawn_of(stages, steps: int = 40, size: int = 8, seed: int = 1, **changes) -> list[list[int]]:
    p = pool(**changes)
    schedule = Schedule(staged(stages, p, steps, size, seed), p, size, size)
    return [schedule.items(s).tolist() for s in range(steps)]


def test_uniform_is_a_shuffled_concatenation() -> None:
    flat = [i for step in drawn_of([UniformConfig()], 40, 8) for i in step]
    for epoch in range(5):
        assert sorted(flat[epoch * N : epoch * N + N]) == list(range(N)), "every item once before any comes again"
    assert flat[:N] != flat[N : 2 * N]


def test_task_uniform_gives_each_task_the_same_share() -> None:
    counts = Counter(TASKS[i] for step in drawn_of([UniformConfig(equal=True)], 30, 6) for i in step)
    assert set(counts.values()) == {60}


def test_a_curriculum_adds_tasks_and_replays_the_stated_share() -> None:
    order = (("asr",), ("dialect",), ("emotion",))
    steps = drawn_of([CurriculumConfig(order=order, shares=(0.5, 0.25, 0.25), replay=0.5)], 40, 8)
    parts = [steps[:20], steps[20:30], steps[30:]]
    shares = [Counter(TASKS[i] for step in part for i in step) for part in parts]
    assert shares[0] == {"asr": 160}
    assert shares[1]["dialect"] == shares[1]["asr"] == 40
    assert shares[2]["emotion"] == 40 and shares[2]["asr"] + shares[2]["dialect"] == 40
    assert shares[2]["asr"] == pytest.approx(40 * 40 / 55, abs=1.5), "replay is in proportion to the items"
    asr = [i for step in steps for i in step if TASKS[i] == "asr"]
    assert sorted(asr[:40]) == sorted(asr[160:200]) == list(range(40)), "the stream of a task goes on in later stages"


def test_a_strict_curriculum_replays_nothing() -> None:
    order = (("asr",), ("dialect", "emotion"))
    steps = drawn_of([CurriculumConfig(order=order, replay=0)], 20, 8)
    assert {TASKS[i] for step in steps[10:] for i in step} == {"dialect", "emotion"}


def test_tasks_without_items_may_be_left_out_of_a_curriculum() -> None:
    order = (("asr",), ("summary",), ("dialect", "country", "emotion"))
    loose = CurriculumConfig(order=order, shares=(0.4, 0.2, 0.4), absent="leave out")
    tight = CurriculumConfig(order=(("asr",), ("dialect", "emotion")), shares=(0.5, 0.5))
    assert drawn_of([loose]) == drawn_of([tight])


@pytest.mark.parametrize("rho", [0.25, 0.5, 0.75])
def test_a_hybrid_is_its_curriculum_and_then_diverse_sampling(rho: float) -> None:
    order = (("asr",), ("dialect",), ("emotion",))
    first = CurriculumConfig(order=order, replay=0.5)
    steps = drawn_of([CurriculumConfig(order=order, replay=0.5, share=rho), DiverseConfig(pool=8)], 40, 8)
    turn = round(40 * rho)
    assert steps[:turn] == drawn_of([first], turn, 8)
    assert steps[turn:] == drawn_of([DiverseConfig(pool=8)], 40 - turn, 8)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_micro_batches_are_of_one_task_and_hold_every_item_of_the_step_once(ranks: int) -> None:
    p = pool()
    stages = [CurriculumConfig(order=(("asr",), ("dialect",), ("emotion",)), replay=0.5)]
    schedule = Schedule(staged(stages, p, 20, 10, 1), p, 10, 3, ranks)
    for step in range(20):
        parts = schedule.parts(step)
        assert len(parts) == schedule.count(step) and len(parts) % ranks == 0
        assert sorted(i for part in parts for i in part.items.tolist()) == sorted(schedule.items(step).tolist())
        for part in parts:
            assert {TASKS[i] for i in part.items} <= {part.group} and len(part.items) <= 3
            assert sorted(p.lengths[part.items]) == p.lengths[part.items].tolist()


def test_coverage_of_a_schedule_has_draws_distinct_items_and_label_shares() -> None:
    p, stages = pool(), [UniformConfig()]
    schedule = Schedule(staged(stages, p, 16, 8, 1), p, 8, 8)
    covered = schedule.coverage(16)
    drawn = [i for s in range(16) for i in schedule.items(s).tolist()]
    for task in set(TASKS):
        own = [i for i in drawn if TASKS[i] == task]
        assert (covered[task]["draws"], covered[task]["distinct"]) == (len(own), len(set(own)))
    shares = Counter(LABELS[i] for i in drawn if TASKS[i] == "dialect")
    total = sum(shares.values())
    assert covered["dialect"]["labels"] == {k: pytest.approx(v / total, abs=1e-6) for k, v in shares.items()}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "at least one stage"),
        ([UniformConfig(share=0.5), DiverseConfig(share=0.4)], "shares add up to 0.9, not to 1"),
        ([UniformConfig(share=0.7), DiverseConfig(share=0.7)], "shares add up to 1.4"),
        ([UniformConfig(), DiverseConfig()], "only one stage may have no share"),
        ([UniformConfig(share=1.0), DiverseConfig()], "nothing is left for the stage without a share"),
    ],
)
def test_a_schedule_whose_shares_do_not_add_up_is_refused(stages, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_schedule(tuple(stages))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": ()}, "name the tasks of each stage"),
        ({"order": (("a",), ("a",))}, "a is in two stages"),
        ({"order": (("a",), ("b",)), "shares": (0.5, 0.4)}, "add up to 0.9"),
        ({"order": (("a",), ("b",)), "shares": (1.0,)}, "1 for 2 stages"),
        ({"order": (("a",),), "replay": 1.0}, "replay must be 0 to below 1"),
    ],
)
def test_a_wrong_curriculum_is_refused(changes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CurriculumConfig(**changes)


def test_tasks_that_the_items_and_the_curriculum_do_not_share_are_named() -> None:
    with pytest.raises(UserError, match="no item of the task summary"):
        drawn_of([CurriculumConfig(order=(("asr",), ("summary",)))])
    with pytest.raises(UserError, match="no stage has the task emotion"):
        drawn_of([CurriculumConfig(order=(("asr",), ("dialect",)))])
    with pytest.raises(UserError, match="2 steps are too few for 3 stages"):
        drawn_of([CurriculumConfig(order=(("asr",), ("dialect",), ("emotion",)))], steps=2)
