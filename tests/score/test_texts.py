from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.score.texts import LONGEST_LINE, read_labels, read_texts


def read(path: Path) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Texts, and (line, reason) of what was left out."""
    left_out: list[tuple[int, str]] = []
    texts = read_texts(path, lambda number, id, reason, detail: left_out.append((number, reason)))
    return texts.text, left_out


def file(tmp_path: Path, data: str | bytes) -> Path:
    path = tmp_path / "hyp"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_kaldi_and_json_lines_say_the_same(tmp_path: Path) -> None:
    kaldi, left_out = read(file(tmp_path, "a قال لي\nb\nc\tthe 10\r\n\nd   \n"))
    assert kaldi == {"a": "قال لي", "b": "", "c": "the 10", "d": ""}
    assert left_out == []
    lines = '{"id": "a", "text": "قال\\nلي"}\n{"text": "", "id": "b"}\n{"id": "c", "text": "the 10", "score": 1}\n'
    assert read_texts(file(tmp_path, lines + '{"id": "d", "text": null}\n')).text == kaldi


def test_a_byte_order_mark_is_no_part_of_the_first_id(tmp_path: Path) -> None:
    assert read_texts(file(tmp_path, b"\xef\xbb\xbfa \xd9\x86\xd8\xb9\xd9\x85\n")).text == {"a": "نعم"}


def test_of_an_utterance_with_two_texts_none_is_taken(tmp_path: Path) -> None:
    assert read(file(tmp_path, "a one\nb x\na two\na one\nc y\n")) == (
        {"b": "x", "c": "y"},
        [(3, "id given twice"), (4, "id given twice")],
    )
    assert read_texts(file(tmp_path, "a 1 2 3\nb 1.5 2.5 m\n")).text == {"a": "1 2 3", "b": "1.5 2.5 m"}  # no CTM


@pytest.mark.parametrize("names", ["id text", "\ufeffutt_id\tText", "utt  hyp"])
def test_names_of_columns_are_no_utterance(tmp_path: Path, names: str) -> None:
    sign = "\t" if "\t" in names else " "
    lines = f"{names}\na{sign}نعم\nid{sign}text\n"  # where lines stand above it, it is an utterance
    assert read_texts(file(tmp_path, lines)).text == {"a": "نعم", "id": "text"}


def test_control_characters_are_taken_out(tmp_path: Path) -> None:
    assert read_texts(file(tmp_path, "a نعم\x07 لا\n")).text == {"a": "نعم لا"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("z نعم".encode("cp1256"), "encoding"),
        (b"a  one", "id given twice"),
        (b"z \0", "encoding"),
        ("z نعم\ry لا".encode(), "encoding"),
        (b"../../etc/passwd x", "unusable id"),
        (b"z " + b"x" * 2 * LONGEST_LINE + b" tail", "line too long"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_the_others_are_read(tmp_path: Path, line: bytes, reason: str) -> None:
    path = file(tmp_path, b"a one\n" + line + b"\nc three\n")
    assert read(path) == ({"a": "one", "c": "three"}, [(2, reason)])


def test_a_line_that_cannot_be_used_is_an_error_where_nobody_takes_note_of_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as e:
        read_texts(file(tmp_path, b"a one\nz " + "نعم".encode("cp1256") + b"\n"))
    assert "line 2" in e.value.where and "UTF-8" in e.value.what


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[1]",
        '{"text": "x"}',
        '{"id": "z"}',
        '{"id": true, "text": ""}',
        '{"id": "z", "text": 1}',
        pytest.param("[" * 50_000, id="deep"),
    ],
)
def test_json_without_an_id_and_a_text_is_named(tmp_path: Path, line: str) -> None:
    assert read(file(tmp_path, '{"id": "a", "text": "x"}\n' + line + "\n")) == ({"a": "x"}, [(2, "no id and text")])


def test_half_a_surrogate_pair_is_no_text(tmp_path: Path) -> None:
    lines = '{"id": "a", "text": "x"}\n{"id": "b", "text": "\\ud83d نعم"}\n'
    assert read(file(tmp_path, lines)) == ({"a": "x"}, [(2, "encoding")])


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_a_file_of_no_text_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UserError, match="no utterance"):
        read_texts(file(tmp_path, data))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_texts(tmp_path / "none")


@pytest.mark.parametrize("seconds", ["9" * 400, "1e308", "-1", "NaN", "Infinity", "true"])
def test_a_time_that_nothing_takes_is_named(tmp_path: Path, seconds: str) -> None:
    line = f'{{"id": "b", "text": "", "decode_seconds": {seconds}, "audio_seconds": 1}}\n'
    assert read(file(tmp_path, '{"id": "a", "text": "x"}\n' + line)) == ({"a": "x"}, [(2, "no number")])


TABLE = "a\tقال لي\nb\t\n"


@pytest.mark.parametrize(
    ("rest", "kept", "lines"),
    [
        ("c\tنعم\tزائد\nd\tلا\n", {"d": "لا"}, [3]),
        ("c\tقال\nلي\nd\tلا\n", {"d": "لا"}, [3, 4]),  # a line break inside a text: neither half is one
        ("c\nd\tلا\n", {"d": "لا"}, [2, 3]),  # c is an id without a text, or the text of b
    ],
)
def test_a_row_of_a_table_with_other_fields_is_malformed(tmp_path: Path, rest: str, kept: dict, lines: list) -> None:
    texts = {"a": "قال لي", "b": ""} if 2 not in lines else {"a": "قال لي"}
    path = file(tmp_path, TABLE + rest)
    assert read(path) == (texts | kept, [(line, "malformed row") for line in lines])
    with pytest.raises(UserError, match=rf"hyp, line {lines[0]}: .*field"):
        read_texts(path)


def test_a_further_column_of_a_single_line_is_no_text(tmp_path: Path) -> None:
    assert read(file(tmp_path, "a قال\nb\tنعم\t0.9\nc\tلا\n")) == ({"a": "قال", "c": "لا"}, [(2, "malformed row")])


def test_a_name_that_stands_twice_in_a_line_of_json_is_named(tmp_path: Path) -> None:
    line = '{"id": "b", "text": "نعم", "text": "لا"}\n'
    assert read(file(tmp_path, '{"id": "a", "text": "x"}\n' + line)) == ({"a": "x"}, [(2, "malformed row")])


def test_a_table_of_one_value_has_one_and_it_loses_what_nobody_sees(tmp_path: Path) -> None:
    (tmp_path / "utt2lang").write_text("a \u200fEGY\nb EGY\n", encoding="utf-8")
    assert read_labels(tmp_path / "utt2lang") == {"a": "EGY", "b": "EGY"}
    (tmp_path / "utt2lang").write_text("a EGY\nb EGY KSA\n", encoding="utf-8")
    with pytest.raises(UserError, match="b has more than one value: EGY KSA"):
        read_labels(tmp_path / "utt2lang")
    (tmp_path / "utt2accent").write_text("a Egyptian Arabic\n", encoding="utf-8")
    assert read_labels(tmp_path / "utt2accent") == {"a": "Egyptian Arabic"}
