"""One function for each of many items, in processes: order, errors, a process that is killed."""

import os
import subprocess
import sys

import pytest

from toolkit.core.each import each
from toolkit.core.errors import UserError

APART = """
import os, signal
from toolkit.core.each import each
from toolkit.core.errors import UserError

PARENT = os.getpid()

def process(n):
    return os.getpid()

def dies_at_seven(n):
    if n == 7 and os.getpid() != PARENT:
        os.kill(os.getpid(), signal.SIGKILL)
    return n

"""


def square(n: int) -> int:
    return n * n


def fails_at_seven(n: int) -> int:
    if n == 7:
        raise UserError("seven", "items", "leave it out")
    return n


def apart(code: str) -> str:
    """What a process prints that has no threads, and so can be forked."""
    words = [sys.executable, "-c", APART + code]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    return subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout.strip()


@pytest.mark.parametrize("nj", [1, 2, 5, 12])
def test_results_are_in_the_order_of_the_items_whatever_the_number_of_processes(nj, capsys):
    assert each(square, range(100), nj, "squares", "numbers") == [n * n for n in range(100)]
    assert "squares 100%" in (bar := capsys.readouterr().err) and "100/100 numbers" in bar
    assert each(square, [], nj, "squares", "numbers") == []


def test_the_work_is_done_in_other_processes():
    code = "print(PARENT in each(process, range(50), 2, 'work', 'items'))"
    assert apart(code) == "False"
    assert apart(code.replace(", 2,", ", 1,")) == "True"


@pytest.mark.parametrize("nj", [1, 3])
def test_what_an_item_raises_is_raised(nj):
    with pytest.raises(UserError, match="seven"):
        each(fails_at_seven, range(20), nj, "work", "items")


def test_a_process_that_is_killed_ends_the_work_with_a_remedy():
    code = """
try:
    each(dies_at_seven, range(20), 2, "work", "items")
except UserError as e:
    print("killed" in e.what, e.where, bool(e.remedy))
"""
    assert apart(code) == "True --nj True"
