"""Figures, claims, and the summary between its marks."""

import json
import math
from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.__main__ import PAGES
from benchmarks.table import Claim, Page, Section, between_marks, figure, spread, summary
from toolkit.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
PAGE = Page("PAGE.md", "Nothing is raced here.")
BEGIN, END = PAGE.begin, PAGE.end


def section(ratios: list[float], wanted: float = 2.5) -> Section:
    return Section(
        "MFCC", "1 thread.", ["", "seconds"], [["ours", "1.00"]], [Claim("MFCC", "peer", wanted, ratios)], ["so"]
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0077216, "0.00772"), (1, "1.00"), (12.34, "12.3"), (99.96, "100"), (1044.4, "1,040"), (2_345_678, "2,350,000")],
)
def test_figures_have_three_digits_and_no_exponent_where_they_are_large(value: float, words: str) -> None:
    assert figure(value) == words


def test_a_spread_is_the_median_the_least_and_the_most() -> None:
    assert spread([3.0, 1.0, 2.0, 10.0]) == "2.50 [1.00, 10.0]"
    assert spread([4.0]) == "4.00"


@pytest.mark.parametrize(
    ("ratios", "reached"), [([2.0, 2.5, 9.0], True), ([2.49, 2.49, 9.0], False), ([2.5], True), ([math.nan], False)]
)
def test_a_claim_is_reached_where_the_median_is_what_was_wanted(ratios: list[float], reached: bool) -> None:
    made = section(ratios)
    assert made.claims[0].reached is reached
    assert f"| {'yes' if reached else '**no**'} |" in summary([made])


def test_the_summary_has_a_row_for_every_claim() -> None:
    lines = summary([section([3.0, 4.0, 5.0]), section([1.0])]).splitlines()
    assert lines[2:] == ["| MFCC | peer | 2.5× | 4.00 [3.00, 5.00]× | yes |", "| MFCC | peer | 2.5× | 1.00× | **no** |"]


def test_a_section_outlives_json() -> None:
    made = section([3.0, 4.0])
    assert Section.from_tree(json.loads(json.dumps(made.tree()))) == made


def test_what_stands_around_the_marks_stays_and_publishing_twice_changes_nothing() -> None:
    text = f"# Sawt صوت\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    once = between_marks(PAGE, text, "| new |\n")
    assert once.startswith(f"# Sawt صوت\n\n{BEGIN}\n\n| new |") and once.endswith(f"{END}\n\nafter\n")
    assert "old" not in once and between_marks(PAGE, once, "| new |\n") == once


@pytest.mark.parametrize(
    "text", ["no marks", BEGIN, f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}", f"{BEGIN} {END} {END}"]
)
def test_without_a_pair_of_marks_nothing_is_published(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "ROOT", tmp_path)
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(UserError, match="no place"):
        table.publish(PAGE, "page", [section([1.0])], "2025-01-01")
    assert (tmp_path / "README.md").read_text() == text and not (tmp_path / "benchmarks").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.file)
def test_the_summary_of_the_readme_is_that_of_the_page(page: Page) -> None:
    published = ROOT / "benchmarks" / page.file
    if not published.is_file():
        pytest.skip("nothing was published yet")
    inside = (ROOT / "README.md").read_text(encoding="utf-8").partition(page.begin)[2].partition(page.end)[0]
    rows = [line for line in inside.splitlines() if line.startswith("|")]
    text = published.read_text(encoding="utf-8")
    assert len(rows) > 2 and "\n".join(rows) in text
    assert text.splitlines()[0].removeprefix("# Benchmarks, ") in inside
