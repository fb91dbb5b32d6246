"""Lines of tables: whole rows as a reader of CSV has them, malformed ones with their reason, and no row shifted."""

import csv
import io
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.malformed import RETURN, Form, Malformed, read_line
from toolkit.data.quoted import BEHIND, UNCLOSED, cut_quoted
from toolkit.data.rows import FEW, led_rows, of_another_kind, rows_of
from toolkit.data.tables import LONGEST_LINE


def read(text: str, form: Form) -> tuple[dict[int, list[str]], list[int]]:
    """(line -> fields of the rows, malformed lines)."""
    rows, malformed = {}, []
    for row in rows_of(list(enumerate(text.split("\n"), 1)), form):
        if isinstance(row, Malformed):
            malformed.append(row.line)
        else:
            rows[row[0]] = row[1]
    return rows, malformed


def written(rows: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


FIELD = st.text('ab",، نع\u200f\t', max_size=6)


@given(st.lists(FIELD, min_size=2, max_size=5))
def test_a_row_that_a_writer_of_csv_wrote_is_read_back(fields: list[str]) -> None:
    assert cut_quoted(written([fields]).removesuffix("\n"), ",") == (fields, "")


LINES = st.text('a"\nن', min_size=1, max_size=6)


@given(st.lists(st.tuples(st.text('a"ن', min_size=1), LINES, LINES), min_size=1, max_size=4))
def test_rows_over_several_lines_are_read_back_where_the_dialect_has_them(rows: list[tuple[str, ...]]) -> None:
    read_rows, malformed = read(written(rows), Form(3, ",", quotes=True, lines_in_quotes=True))
    assert [*map(tuple, read_rows.values())] == rows and malformed == []


@pytest.mark.parametrize(
    ("line", "fault", "before"),
    [
        ('أ,"قال نعم,قال نعم', UNCLOSED, ["أ"]),
        ('أ,"قال "لا",قال لا', BEHIND, ["أ"]),
        ('أ,"بداية,"بداية', BEHIND, ["أ"]),
        ('أ,"ب" ,ج', BEHIND, ["أ"]),
        ('"', UNCLOSED, []),
        ('أ,"""', UNCLOSED, ["أ"]),
        ('أ,"قال \\"نعم\\"",ب', BEHIND, ["أ"]),
        ("أ,ب\rج", RETURN, []),
    ],
)
def test_a_quotation_mark_that_does_not_fit_is_a_fault_of_its_line(line: str, fault: str, before: list[str]) -> None:
    assert cut_quoted(line, ",") == (before, fault)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('أ,قال "لا",ج', ["أ", 'قال "لا"', "ج"]),
        ('أ,لا",ج', ["أ", 'لا"', "ج"]),
        ('أ, "ب",ج', ["أ", ' "ب"', "ج"]),  # a space before it: the field does not begin with it
        ('"أ","ب،""ب""",', ["أ", 'ب،"ب"', ""]),
        ('"","",""', ["", "", ""]),
        (",,", ["", "", ""]),
    ],
)
def test_a_quotation_mark_matters_only_where_a_field_begins_with_one(line: str, fields: list[str]) -> None:
    assert cut_quoted(line, ",") == (fields, "")


def test_a_quoted_field_at_the_end_of_a_row_has_no_rest_below() -> None:
    for last in ('"ab"', '""', '"a\nb"'):
        rows, malformed = read(f"1,{last}\nx\n2,c", Form(2, ",", True, True))
        assert [fields[0] for fields in rows.values()] == ["1", "2"] and len(malformed) == 1, last


def test_an_empty_line_of_a_table_of_one_column_is_no_row() -> None:
    for quotes in (False, True):
        assert read("a\n\nb\n", Form(1, quotes=quotes)) == ({1: ["a"], 3: ["b"]}, [])


def test_an_open_quotation_mark_costs_its_own_row_and_no_other() -> None:
    rows, malformed = read('a,"b,c\nd,e,f\n"g,h",i,j\nk,"l,m\nn,"o",p', Form(3, ",", quotes=True))
    assert rows == {2: ["d", "e", "f"], 3: ["g,h", "i", "j"], 5: ["n", "o", "p"]} and malformed == [1, 4]


@pytest.mark.parametrize("lines_in_quotes", [False, True])
def test_a_line_that_may_be_the_rest_of_a_quoted_field_is_in_doubt(lines_in_quotes: bool) -> None:
    """Line 2 is a row of three fields, and also closes the field that line 1 opens, which makes one row of three."""
    rows, malformed = read('a,b,"c\nd,e,f"\ng,h,i', Form(3, ",", True, lines_in_quotes))
    assert rows == {3: ["g", "h", "i"]} and malformed == [1, 2]


def test_a_quoted_field_has_several_lines_only_where_the_dialect_says_so() -> None:
    text = 'a,"b\n\nc ""d""\ne",f\ng,h,i'
    assert read(text, Form(3, ",", True, True)) == ({1: ["a", 'b\n\nc "d"\ne', "f"], 5: ["g", "h", "i"]}, [])
    assert read(text, Form(3, ",", True)) == ({5: ["g", "h", "i"]}, [1, 3, 4])


def test_an_open_quotation_mark_swallows_no_row_even_where_fields_may_have_several_lines() -> None:
    rows, malformed = read('a,"b,c\nd,e,f\ng,h,i\nj,"k",l', Form(3, ",", True, True))
    assert list(rows) == [2, 3, 4] and malformed == [1]


def test_both_halves_of_a_broken_row_are_malformed_wherever_the_break_is() -> None:
    whole = ["m.wav", "قال لي", "s1 b"]
    for column in range(3):
        broken = [*whole[:column], whole[column][:2] + "\n" + whole[column][2:], *whole[column + 1 :]]
        rows, malformed = read("\n".join(("1\t2\t3", "\t".join(broken), "4\t5\t6")), Form(3, text_first=column == 0))
        assert rows == {1: ["1", "2", "3"], 4: ["4", "5", "6"]} or column == 0
        assert malformed == ([1, 2, 3] if column == 0 else [2, 3])  # of column 0 line 2 may as well be the rest of 1


def test_a_line_of_one_field_takes_the_row_above_along_over_an_empty_line() -> None:
    assert read("a\tb\n\nc\nd\te", Form(2)) == ({4: ["d", "e"]}, [1, 3])
    assert read('a,"b"\nc\nd,e', Form(2, ",", True)) == ({1: ["a", "b"], 3: ["d", "e"]}, [2])  # "b" is closed


UNREADABLE = {"encoding": "نعم".encode("cp1256"), "NUL": "نعم\0".encode(), "long": b"x" * (LONGEST_LINE + 1)}


@pytest.mark.parametrize("quotes", [False, True])
@pytest.mark.parametrize("rest", UNREADABLE.values(), ids=UNREADABLE)
def test_a_rest_that_cannot_be_read_takes_the_row_above_along(rest: bytes, quotes: bool) -> None:
    """A line without a delimiter is the rest of the row above, whatever its bytes; one with a delimiter is a row."""
    lines = [b"a\tb", "قال\tلي".encode(), rest, b"c\td"]
    rows = list(rows_of((read_line(n, line) for n, line in enumerate(lines, 1)), Form(2, quotes=quotes)))
    taken_along = rest != UNREADABLE["long"]  # nobody knows the fields of that
    assert [row[0] for row in rows if isinstance(row, tuple)] == ([1, 4] if taken_along else [1, 2, 4])
    rows = list(
        rows_of((read_line(n, b"e\t" + line if line == rest else line) for n, line in enumerate(lines, 1)), Form(2))
    )
    assert [row[0] for row in rows if isinstance(row, tuple)] == [1, 2, 4]


def test_a_rest_that_cannot_be_read_takes_the_line_above_along_below_ids() -> None:
    lines = ["a1 قال".encode(), "ثم".encode("cp1256"), b"a2 x", b"a3 \xe3", b"a4 y"]
    rows = list(led_rows((read_line(n, line) for n, line in enumerate(lines, 1)), str.isascii))
    assert [row[1] for row in rows if isinstance(row, tuple)] == ["a2", "a4"]
    assert [(row.line, row.fields) for row in rows if isinstance(row, Malformed)] == [
        (1, ("a1",)),
        (2, ()),
        (4, ("a3",)),
    ]


def test_a_line_that_cannot_be_read_is_shown_with_its_bytes() -> None:
    (row,) = rows_of([read_line(3, "نعم\t".encode() + "نعم".encode("cp1256"))], Form(2))
    assert isinstance(row, Malformed)
    assert row.detail("t.tsv") == "t.tsv, line 3: no UTF-8: byte 0xE4 at column 8: نعم\\t\\xe4\\xda\\xe3"


def test_a_malformed_line_is_shown_with_what_nobody_sees_and_cut_in_the_middle() -> None:
    (row,) = rows_of([(7, "أ\u200f\tب\tج")], Form(2))
    assert isinstance(row, Malformed)
    assert row.detail("t.tsv") == "t.tsv, line 7: 3 fields where 2 belong: أ\\u200f\\tب\\tج"
    (row,) = rows_of([(7, "x" * 5000 + "نهاية")], Form(2))
    assert isinstance(row, Malformed) and len(row.detail("t.tsv")) < 250 and row.detail("t.tsv").endswith("نهاية")


def test_lines_of_ids_and_words_lose_both_halves_of_a_broken_one() -> None:
    lines = list(enumerate(["a1 قال لي", "a2 قال", "ثم ذهب", "", "a3", "a4 نعم "], 1))
    rows = list(led_rows(lines, str.isascii))
    assert [row for row in rows if not isinstance(row, Malformed)] == [
        (1, "a1", "قال لي"),
        (5, "a3", ""),
        (6, "a4", "نعم"),
    ]
    assert [(row.line, row.fields) for row in rows if isinstance(row, Malformed)] == [(2, ("a2",)), (3, ())]
    rows = list(led_rows([(1, "a1 \u200fقال"), (2, "\u200f\ufeffa2 نعم"), (3, "a3 قال\rلي")], str.isascii))
    assert rows[:2] == [(1, "a1", "\u200fقال"), (2, "a2", "نعم")] and isinstance(rows[2], Malformed)


def test_a_file_is_of_another_kind_if_no_line_or_less_than_half_of_them_are_rows() -> None:
    assert of_another_kind(0, 1) and of_another_kind(FEW - 1, FEW)
    assert not of_another_kind(0, 0) and not of_another_kind(FEW, FEW) and not of_another_kind(1, FEW - 1)


def test_a_second_line_of_columns_is_no_row_and_rows_below_other_columns_are_none_of_this_table() -> None:
    form = Form(3, header=("path", "text", "speaker"))
    assert read("a\tb\tc\n\ufeffPath\ttext\tspeaker\nd\te\tf", form) == (
        {1: ["a", "b", "c"], 3: ["d", "e", "f"]},
        [2],
    )
    assert read("a\tb\tc\npath\tspeaker\ttext\nd\te\tf\ng\th\ti", form) == ({1: ["a", "b", "c"]}, [2, 3, 4])
    assert read("path\tb\tc", form) == ({1: ["path", "b", "c"]}, [])


@pytest.mark.parametrize("quotes", [False, True])
def test_a_break_in_the_very_first_row_costs_it_as_in_any_other(quotes: bool) -> None:
    """Lines are numbered from 2: the header is read before."""
    form = Form(2, text_first=True, quotes=quotes)
    rows = list(rows_of(enumerate(["كلمة", "أولى\tclips/00.wav", "نعم\tclips/01.wav"], 2), form))
    assert [row.line if isinstance(row, Malformed) else row for row in rows] == [2, 3, (4, ["نعم", "clips/01.wav"])]
