from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.score.texts import LONGEST_LINE, read_texts


def file(tmp_path: Path, data: str | bytes) -> Path:
    path = tmp_path / "hyp"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_kaldi_and_json_lines_say_the_same(tmp_path: Path) -> None:
    kaldi = read_texts(file(tmp_path, "a قال لي\nb\nc\tthe 10\r\n\nd   \n"))
    assert kaldi.texts == {"a": "قال لي", "b": "", "c": "the 10", "d": ""}
    assert kaldi.unusable == []
    lines = '{"id": "a", "text": "قال\\nلي"}\n{"text": "", "id": "b"}\n{"id": "c", "text": "the 10", "score": 1}\n'
    assert read_texts(file(tmp_path, lines + '{"id": "d", "text": null}\n')).texts == kaldi.texts


def test_a_byte_order_mark_is_no_part_of_the_first_id(tmp_path: Path) -> None:
    assert read_texts(file(tmp_path, b"\xef\xbb\xbfa \xd9\x86\xd8\xb9\xd9\x85\n")).texts == {"a": "نعم"}


def test_control_characters_are_taken_out(tmp_path: Path) -> None:
    assert read_texts(file(tmp_path, "a نع\0م\x07 لا\n")).texts == {"a": "نعم لا"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("z نعم".encode("cp1256"), "encoding"),
        (b"a again", "id given twice"),
        (b"../../etc/passwd x", "unusable id"),
        (b"z " + b"x" * 2 * LONGEST_LINE + b" tail", "too long"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_the_others_are_read(tmp_path: Path, line: bytes, reason: str) -> None:
    found = read_texts(file(tmp_path, b"a one\n" + line + b"\nc three\n"))
    assert found.texts == {"a": "one", "c": "three"}
    assert [(number, why) for number, _, why, _ in found.unusable] == [(2, reason)]


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
    found = read_texts(file(tmp_path, '{"id": "a", "text": "x"}\n' + line + "\n"))
    assert list(found.texts) == ["a"]
    assert [(number, why) for number, _, why, _ in found.unusable] == [(2, "no id and text")]


def test_half_a_surrogate_pair_becomes_a_question_mark(tmp_path: Path) -> None:
    assert read_texts(file(tmp_path, '{"id": "a", "text": "\\ud83d نعم"}\n')).texts == {"a": "? نعم"}


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xff\xfe\n"])
def test_a_file_of_no_text_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UserError, match="no text"):
        read_texts(file(tmp_path, data))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_texts(tmp_path / "none")
