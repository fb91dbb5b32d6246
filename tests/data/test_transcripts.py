"""Tables of transcripts, and which recording a row means."""

import unicodedata

import pytest

from toolkit.core.errors import UserError
from toolkit.data.transcripts import Row, find_table, match, read_transcripts


def table(tmp_path, text):
    path = tmp_path / "t.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_transcripts(path)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_are_found_by_name_in_any_order(tmp_path, mark, end):
    lines = ["client_id\tSentence\t file\tlang\tage\tgender\temotion", 'س1\tقال: "نعم"\tأ.wav\tEGY\t20\tm\tsad', ""]
    found = table(tmp_path, mark + end.join(lines))
    assert found.rows == [Row(2, "أ.wav", 'قال: "نعم"', "س1", "EGY", "m", "sad")]
    assert found.columns == {"path", "text", "speaker", "dialect", "gender", "emotion"} and found.bad == []


def test_quotation_marks_are_text_even_one_alone(tmp_path):
    found = table(tmp_path, 'path\ttext\na.wav\t"مفتوح\nb.wav\tنص"\n')
    assert [r.text for r in found.rows] == ['"مفتوح', 'نص"']


def test_a_missing_column_of_paths_is_refused_with_the_columns_there_are(tmp_path):
    with pytest.raises(UserError, match="paht, text") as e:
        table(tmp_path, "paht\ttext\na\tb\n")
    assert "'paht'" in e.value.remedy


def test_rows_that_cannot_be_used_are_told_with_their_line(tmp_path):
    text = "path\ttext\na.wav\tنص\tزائد\n\tنص\nb.wav\nc.wav\t".encode() + "نص".encode("cp1256") + b"\n\nd.wav\tx"
    found = table(tmp_path, text)
    assert [(r.path, r.text) for r in found.rows] == [("b.wav", ""), ("d.wav", "x")]
    assert [(line, reason) for line, reason, _ in found.bad] == [(2, "columns"), (3, "columns"), (5, "encoding")]


def test_a_path_may_be_written_in_several_ways():
    recordings = ["clips/أحمد.wav", "clips/b.mp3", "x/same.wav", "y/same.wav", "c.d.flac"]
    ways = {
        "clips/b.mp3": [
            "clips/b.mp3",
            "./clips/b.mp3",
            "b.mp3",
            "b",
            "clips\\b.mp3",
            "/my corpus/clips/b.mp3",
            "clips/b",
        ],
        "clips/أحمد.wav": ["clips/أحمد.wav", unicodedata.normalize("NFD", "clips/أحمد.wav"), "أحمد"],
        "x/same.wav": ["x/same.wav", "x/same"],
        "c.d.flac": ["c.d", "c.d.flac"],
    }
    for rel, said in ways.items():
        for path in said:
            found, bad = match([Row(2, path)], recordings, "/my corpus")
            assert list(found) == [rel] and bad == [], path


def test_a_decomposed_file_name_is_found_by_its_composed_path():
    rel = unicodedata.normalize("NFD", "أحمد.wav")
    assert list(match([Row(2, "أحمد.wav")], [rel], "")[0]) == [rel]


def test_rows_without_a_recording_of_their_own_are_told_why():
    rows = [Row(2, "same.wav"), Row(3, "x/same.wav"), Row(4, "x/same"), Row(5, "غائب.wav")]
    found, bad = match(rows, ["x/same.wav", "y/same.wav"], "")
    assert found == {"x/same.wav": rows[1]}
    assert [(r.line, reason) for r, reason, _ in bad] == [
        (2, "ambiguous path"),
        (4, "duplicate row"),
        (5, "transcript without audio"),
    ]


def test_the_only_table_is_taken_and_several_are_asked_about(tmp_path):
    assert find_table(tmp_path, "auto") is None
    (tmp_path / "a.tsv").touch()
    assert find_table(tmp_path, "auto") == tmp_path / "a.tsv" and find_table(tmp_path, "none") is None
    (tmp_path / "b.tsv").touch()
    with pytest.raises(UserError, match=r"a\.tsv, b\.tsv"):
        find_table(tmp_path, "auto")
    assert find_table(tmp_path, "b.tsv") == tmp_path / "b.tsv"
    with pytest.raises(UserError, match="no such table"):
        find_table(tmp_path, "c.tsv")
