import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.report.tables import ABSENT, Column, Estimate, Judged, Table, fixed, listed, plain, to_html, to_markdown

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


def shown(markdown: str) -> str:
    """What a reader sees of escaped Markdown."""
    text = re.sub(r"\\([\\`*|_(~])", r"\1", markdown)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_markdown_and_html_show_the_same_cells_whatever_they_hold(rows):
    table = Table("T", [Column("a", "left"), Column("b")], rows)
    expected = [[" ".join(cell.split()) for cell in row] for row in rows]
    seen = Cells(to_html(table)).rows[1:]
    assert [[" ".join(cell.split()) for cell in row] for row in seen] == expected
    assert [[shown(cell) for cell in row] for row in markdown_cells(to_markdown(table))[2:]] == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_cells_stay_text(text):
    table = Table(text, [Column(text), Column(text)], [[text, text]], notes=[text])
    assert set(Cells(to_html(table)).tags) <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    assert "<" not in to_markdown(table)
    assert all(len(row) == 2 for row in markdown_cells(to_markdown(table)))
    assert "](" not in plain(text)


@settings(deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(0, 50), st.integers(0, 3))
def test_an_estimate_shows_its_value_within_its_interval(value, half, digits):
    seen = [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", str(Estimate(value, value - half, value + half, digits)))]
    assert seen == [round(float(f"{x:.{digits}f}"), digits) for x in (value, value - half, value + half)]


def test_an_estimate_is_written_as_in_the_paper():
    assert str(Estimate(61.2, 58.9, 63.4)) == "61.2 [58.9, 63.4]"
    assert str(Estimate(61.25, digits=2)) == "61.25"


def test_nothing_is_written_as_minus_0():
    assert str(Estimate(-0.04, -0.049, -0.0)) == "0.0 [0.0, 0.0]"
    assert str(Judged("not told apart", Estimate(-0.04, -2.0, 1.0))) == "not told apart +0.0 [-2.0, 1.0]"
    assert fixed(-0.04, sign="+") == "+0.0"


def test_where_all_that_was_drawn_scores_the_same_no_interval_is_shown_and_a_note_says_why():
    alike = Estimate(100.0, 54.1, 100.0, agreeing=True)
    columns = [Column("a", "left"), Column("b")]
    for cell, text in ((alike, "100.0"), (Judged("ahead", alike.negated), "ahead -100.0")):
        table = Table("T", columns, [["x", cell]], ["A note."])
        assert markdown_cells(to_markdown(table))[2] == ["x", text]
        for form in (to_markdown(table), to_html(table)):
            assert form.count("No interval: all speakers (utterances) score the same there") == 1
    assert "No interval" not in to_markdown(Table("T", columns, [["x", Estimate(1, 0, 2)]]))


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
