"""One function for each of many items, in processes: order, errors, a process that is killed."""

import os
import signal

import pytest

from toolkit.core.each import each
from toolkit.core.errors import UserError


def square(n: int) -> int:
    return n * n


def process(n: int) -> int:
    return os.getpid()


def fails_at_seven(n: int) -> int:
    if n == 7:
        raise UserError("seven", "items", "leave it out")
    return n


def dies_at_seven(n: int) -> int:
    if n == 7 and os.getpid() != PARENT:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


PARENT = os.getpid()


@pytest.mark.parametrize("nj", [1, 2, 5, 12])
def test_results_are_in_the_order_of_the_items_whatever_the_number_of_processes(nj, capsys):
    assert each(square, range(100), nj, "squares", "numbers") == [n * n for n in range(100)]
    assert "squares 100%" in (bar := capsys.readouterr().err) and "100/100 numbers" in bar


def test_the_work_is_done_in_other_processes():
    assert os.getpid() not in each(process, range(50), 2, "work", "items")
    assert {*each(process, range(50), 1, "work", "items")} == {os.getpid()}
    assert each(square, [], 4, "work", "items") == []


@pytest.mark.parametrize("nj", [1, 3])
def test_what_an_item_raises_is_raised(nj):
    with pytest.raises(UserError, match="seven"):
        each(fails_at_seven, range(20), nj, "work", "items")


def test_a_process_that_is_killed_ends_the_work_with_a_remedy():
    with pytest.raises(UserError, match="killed") as e:
        each(dies_at_seven, range(20), 2, "work", "items")
    assert e.value.where == "--nj" and e.value.remedy
