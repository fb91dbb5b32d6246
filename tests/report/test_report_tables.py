import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report.figures import ACCURACY, CER, figure, pair

from toolkit.core.results import Pair
from toolkit.report.render.html import html as to_html
from toolkit.report.render.markdown import markdown as to_markdown
from toolkit.report.render.markdown import plain
from toolkit.report.section import (
    Column,
    Facts,
    Folded,
    Heats,
    Pictures,
    Players,
    Table,
    Text,
    Texts,
    Written,
    listed,
    merged,
)
from toolkit.report.value import ABSENT, Value, difference, fixed, shown

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(str.strip)
HOSTILE = [
    "<script>alert(1)</script>",
    "a | b",
    "[x](javascript:alert(1))",
    "`code`",
    "**bold**",
    "_em_",
    "a\\|b",
    "</td>",
]


class Cells(HTMLParser):
    """Text of every th and td, by row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def markdown_cells(text: str) -> list[list[str]]:
    """Cells of a pipe table by the rule of GitHub's Markdown: a pipe splits unless a backslash stands before it."""
    rows = [line for line in text.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def unescaped(markdown: str) -> str:
    """What a reader sees of escaped Markdown."""
    text = re.sub(r"\\([\\`*|_(~])", r"\1", markdown)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_markdown_and_html_show_the_same_cells_whatever_they_hold(rows):
    table = Table("T", [Column("a", "left"), Column("b")], list(map(list, rows)))
    expected = [[" ".join(cell.split()) for cell in row] for row in rows]
    seen = Cells(to_html(table)).rows[1:]
    assert [[" ".join(cell.split()) for cell in row] for row in seen] == expected
    assert [[unescaped(cell) for cell in row] for row in markdown_cells(to_markdown(table))[2:]] == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_cells_stay_text(text):
    table = Table(text, [Column(text), Column(text)], [[text, text]], notes=[text])
    assert set(Cells(to_html(table)).tags) <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    assert "<" not in to_markdown(table)
    assert all(len(row) == 2 for row in markdown_cells(to_markdown(table)))
    assert "](" not in plain(text)


@settings(deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(0, 50), st.integers(0, 3))
def test_a_value_shows_its_figure_within_its_interval(value, half, digits):
    text = str(Value(value, value - half, value + half, digits=digits))
    seen = [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", text)]
    assert seen == [round(float(f"{x:.{digits}f}"), digits) for x in (value, value - half, value + half)]


def test_a_value_is_written_with_its_interval_and_its_mark():
    assert str(Value(61.2, 58.9, 63.4)) == "61.2 [58.9, 63.4]"
    assert str(Value(61.25, digits=2)) == "61.25"
    assert str(Value(61.2, 58.9, 63.4, outcome="ahead")) == "61.2 [58.9, 63.4] ▲"
    assert str(Value(61.2, outcome="behind", signed=True)) == "+61.2 ▼"


def test_the_best_of_a_column_is_bold_in_both_forms_and_a_mark_is_told_in_words():
    table = Table(
        "T", [Column("a", "left"), Column("b")], [["x", Value(2, 1, 3, "behind", best=True)], ["y", Value(1)]]
    )
    assert [row[1] for row in markdown_cells(to_markdown(table))[2:]] == ["**2.0** [1.0, 3.0] ▼", "1.0"]
    made = to_html(table)
    assert '<span class="figure best">2.0</span> <span class="behind" title="behind">▼</span>' in made
    assert made.count("best") == 1 and '<span class="ci">[1.0, 3.0]</span>' in made


def test_nothing_is_written_as_minus_0():
    assert str(Value(-0.04, -0.049, -0.0)) == "0.0 [0.0, 0.0]"
    assert str(Value(-0.04, signed=True)) == "+0.0"
    assert fixed(-0.04, sign="+") == "+0.0"


def test_where_all_that_was_drawn_scores_the_same_no_interval_is_shown():
    alike = figure(ACCURACY, 100.0, agreeing=True)
    assert str(shown(alike)) == "100.0" and str(shown(figure(ACCURACY, 100.0))) == "100.0 [97.7, 102.3]"
    assert str(difference(Pair("t", "a", "b", figure(ACCURACY, -9.0, agreeing=True)))) == "-9.0 ▼"
    assert shown(None) is None and difference(None) is None


ENDS = st.floats(-50, 50)


@settings(deadline=None)
@given(ENDS, st.floats(0, 20), st.sampled_from([ACCURACY, CER]))
def test_a_difference_has_a_mark_exactly_where_its_interval_does_not_contain_0(gap, half, metric):
    for turned in (False, True):
        tested = pair("a", "b", "t", gap, half, metric)
        value = difference(tested.turned if turned else tested)
        better = (gap > 0) == (metric is ACCURACY)
        decided = gap - half > 0 or gap + half < 0
        wanted = "" if not decided else "ahead" if better != turned else "behind"
        assert value.outcome == wanted and value.value == (-gap if turned else gap)


def test_a_test_without_an_interval_decides_nothing():
    bare = Pair("t", "a", "b", figure(ACCURACY, 9.0, 1.0)).difference
    assert difference(Pair("t", "a", "b", type(bare)(**{**vars(bare), "low": None, "high": None}))).outcome == ""


def test_an_absent_cell_is_a_dash_in_both_forms():
    table = Table("T", [Column("a", "left"), Column("b")], [["x", None]])
    assert markdown_cells(to_markdown(table))[2] == ["x", ABSENT]
    assert Cells(to_html(table)).rows[1] == ["x", ABSENT]


def test_the_source_of_a_markdown_table_lines_up_even_with_vowel_signs():
    table = Table("T", [Column("text", "left"), Column("n")], [["وَيْنْ", "1"], ["where", "22"]])
    lines = [line for line in to_markdown(table).split("\n") if line.startswith("|")]
    assert len({sum(not unicodedata.combining(c) for c in line) for line in lines}) == 1


def test_figures_stand_right_and_words_left():
    rule = to_markdown(Table("T", [Column("a", "left"), Column("b")], [["x", "1"]])).split("\n")[3]
    assert [cell.endswith(":") for cell in markdown_cells(rule)[0]] == [False, True]


def test_a_row_with_too_few_cells_is_refused():
    with pytest.raises(ValueError, match="1 cells under 2"):
        Table("T", [Column("a"), Column("b")], [["x"]])


def test_words_are_listed_as_in_a_sentence():
    assert [listed(w) for w in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_names_are_grouped_by_what_they_share():
    assert merged({"a": "8 speakers", "b": "8 speakers"}) == "8 speakers"
    assert merged({"a": "8", "b": "9", "c": "8"}) == "8 for a and c; 9 for b"
    assert merged({}) == ""


def test_every_block_has_both_forms_and_markdown_leaves_out_those_of_a_page_alone():
    blocks = [
        Text(HOSTILE[0]),
        Facts([(HOSTILE[0], HOSTILE[0])]),
        Texts([Written("id", "x", [("reference", "نعم"), ("a", HOSTILE[0])])]),
    ]
    for block in [*blocks, Folded("more", blocks)]:
        assert "<script" not in to_markdown(block) + to_html(block) and "alert" in to_markdown(block)
    for block in (Pictures([]), Heats([]), Players([], 0)):
        assert to_markdown(block) == "" and to_html(block)
    with pytest.raises(TypeError, match="no HTML for a int"):
        to_html(3)
