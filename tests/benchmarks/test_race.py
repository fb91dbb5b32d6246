"""Turns, medians and ratios of a race, and what it says of a contestant that dies."""

from pathlib import Path
from statistics import median

import numpy as np
import pytest

from benchmarks.race import Contestant, Worker, progress, race, ratios
from toolkit.core.errors import UserError


def contestant(kind: str, name: str, tmp_path: Path, seconds: float = 1.0) -> Contestant:
    arguments = {} if kind == "Unready" else {"name": name, "diary": str(tmp_path / "diary"), "seconds": seconds}
    return Contestant(name, f"tests.benchmarks.runners:{kind}", arguments)


def test_every_second_round_goes_backwards_and_the_warm_up_does_not_count(tmp_path: Path) -> None:
    three = [contestant("Diarist", name, tmp_path, seconds) for name, seconds in (("a", 1), ("b", 2), ("c", 6))]
    results, made = race(three, 3, threads=1)
    assert (tmp_path / "diary").read_text() == "cba" + "abc" + "cba" + "abc"
    assert results[0].values("seconds") == [2, 3, 4] and results[0].median("seconds") == median([2, 3, 4])
    assert ratios(results[0], results[2]) == [6, 6, 6]
    assert [array.tolist() for array in made] == [[1, 1], [2, 2], [6, 6]]


def test_without_warm_up_every_round_counts(tmp_path: Path) -> None:
    results, _ = race([contestant("Diarist", name, tmp_path) for name in "ab"], 2, threads=1, warm_up=False)
    assert (tmp_path / "diary").read_text() == "ab" + "ba"
    assert results[1].values("seconds") == [1, 2]


def test_the_peak_is_that_of_the_round_not_of_the_process(tmp_path: Path) -> None:
    [result], _ = race([contestant("Hoarder", "a", tmp_path)], 2, threads=1, warm_up=False)
    first, second = result.values("peak_mb")
    assert first - second == pytest.approx(200, abs=20)


@pytest.mark.parametrize(
    ("kind", "words"), [("Unready", ["b died with exit code 1", "no such corpus: قصة"]), ("Mortal", ["out of memory"])]
)
def test_a_contestant_that_dies_is_reported_in_its_own_words(tmp_path: Path, kind: str, words: list[str]) -> None:
    with pytest.raises(UserError) as told:
        race([contestant("Diarist", "a", tmp_path), contestant(kind, "b", tmp_path)], 3, threads=1)
    assert all(word in str(told.value) for word in words)


def test_a_contestant_that_is_killed_while_it_waits_is_reported(tmp_path: Path) -> None:
    worker = Worker(contestant("Diarist", "a", tmp_path), threads=1)
    worker.prepared()
    worker.process.kill()
    worker.process.wait()
    with pytest.raises(UserError, match="a died with exit code -9"):
        worker.ask("run")
    worker.end()


def test_all_workers_end_with_the_race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Worker] = []
    begin = Worker.__init__

    def noted(self: Worker, *arguments: object) -> None:
        begin(self, *arguments)  # type: ignore[arg-type]
        begun.append(self)

    monkeypatch.setattr(Worker, "__init__", noted)
    with pytest.raises(UserError):
        race([contestant("Diarist", "a", tmp_path), contestant("Unready", "b", tmp_path)], 1, threads=1)
    assert len(begun) == 2 and all(worker.process.poll() is not None for worker in begun)


def test_the_time_left_is_that_of_the_rounds_so_far() -> None:
    assert progress(0, 5, 10.0, warm_up=True) == "warm-up done, about 50 s left"
    assert progress(1, 5, 10.0, warm_up=True) == "round 1 of 5 done, about 20 s left"
    assert progress(5, 5, 60.0, warm_up=False) == "round 5 of 5 done"


def test_workers_hear_how_many_threads_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.race import environment

    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert environment(2)["OMP_NUM_THREADS"] == "2"
    assert np.array([environment(1)[f"{name}_NUM_THREADS"] == "1" for name in ("OMP", "MKL", "OPENBLAS")]).all()
