"""Tables of transcripts, and which recording a row means."""

import csv
import subprocess
import unicodedata
from dataclasses import replace

import pytest

from toolkit.core.errors import UserError
from toolkit.data.malformed import MALFORMED
from toolkit.data.match_rows import match, spoilt
from toolkit.data.transcripts import LostRow, TranscriptRow, find_table, read_transcripts, speaker_of


def table(tmp_path, text):
    path = tmp_path / "t.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_transcripts(path)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_are_found_by_name_in_any_order(tmp_path, mark, end):
    lines = ["client_id\tSentence\t file\tlang\tage\tgender\temotion", 'س1\tقال: "نعم"\tأ.wav\tEGY\t20\tm\tsad', ""]
    transcripts = table(tmp_path, mark + end.join(lines))
    assert transcripts.rows == [TranscriptRow(2, "أ.wav", 'قال: "نعم"', "س1", "EGY", "m", "sad")]
    assert transcripts.columns == {"path", "text", "speaker", "dialect", "gender", "emotion"} and transcripts.bad == []


def test_quotation_marks_are_text_even_one_alone(tmp_path):
    transcripts = table(tmp_path, 'path\ttext\na.wav\t"مفتوح\nb.wav\tنص"\n')
    assert [r.text for r in transcripts.rows] == ['"مفتوح', 'نص"']


def test_a_missing_column_of_paths_is_refused_with_the_columns_there_are(tmp_path):
    with pytest.raises(UserError, match="paht, text") as e:
        table(tmp_path, "paht\ttext\na\tb\n")
    assert "'paht'" in e.value.remedy


def test_rows_that_cannot_be_used_are_told_with_their_line(tmp_path):
    text = "path\ttext\na.wav\tنص\tزائد\n\tنص\nb.wav\t\nc.wav\t".encode() + "نص".encode("cp1256") + b"\n\nd.wav\tx"
    transcripts = table(tmp_path, text)
    assert [(r.path, r.text) for r in transcripts.rows] == [("b.wav", ""), ("d.wav", "x")]
    wanted = [(2, MALFORMED), (3, "columns"), (5, "encoding")]
    assert [(line, reason) for line, reason, _ in transcripts.bad] == wanted
    assert transcripts.bad[0][2] == "t.tsv, line 2: 3 fields where 2 belong: a.wav\\tنص\\tزائد"


def test_columns_that_are_used_and_those_that_are_not_are_told(tmp_path, capsys):
    table(tmp_path, "path\tsentence\tage\tsentence_id\t\nأ.wav\tنص\t20\t7\t\n")
    output = capsys.readouterr().out
    assert output == (
        "table t.tsv: uses path, sentence as text; ignores age, sentence_id (like sentence), one without a name\n"
    )


def test_a_misspelt_column_is_refused_with_what_was_meant(tmp_path):
    with pytest.raises(UserError) as e:
        table(tmp_path, "path\ttranscrpt\tspeker\tdialekt\nأ.wav\tنص\tس\tمصري\n")
    for name, meant in (("transcrpt", "transcript"), ("speker", "speaker"), ("dialekt", "dialect")):
        assert f"{name} (did you mean {meant}?)" in str(e.value)
    assert e.value.where.endswith("t.tsv, line 1")


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(UserError, match="two columns of one name: text"):
        table(tmp_path, "path\ttext\tText\nأ.wav\tنص\tآخر\n")


ARABIC = "path\ttext\n" + "".join(f"{i}.wav\tصباح الخير\n" for i in range(3)) + "a.wav\tplain\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ARABIC.encode("cp1256"), "3 of the 3 rows"),
        (ARABIC.encode("utf-16"), "UTF-16"),
        (ARABIC.encode("utf-16-le"), "UTF-16"),
        (ARABIC.encode("utf-16-be"), "UTF-16"),
        (ARABIC.replace("\n", "\r").encode(), "carriage return"),
        (ARABIC.replace("\t", ",").encode(), "without tabs"),
        (("\ufeff" + ARABIC).replace("\t", ";").encode(), "without tabs"),
    ],
)
def test_a_table_of_another_making_is_refused_once_and_the_remedy_mends_it(tmp_path, data, message):
    with pytest.raises(UserError, match=message) as e:
        table(tmp_path, data)
    subprocess.run(["bash", "-c", e.value.remedy], check=True)
    rows = read_transcripts(tmp_path / "t.tsv").rows
    assert [r.text for r in rows] == ["صباح الخير"] * 3 + ["plain"]


@pytest.mark.parametrize("text", ["path\ttext\n", "path\ttext", "", "path\ttext\n\n"])
def test_a_table_without_rows_is_refused(tmp_path, text):
    with pytest.raises(UserError, match="without a row"):
        table(tmp_path, text)


def test_a_lone_csv_is_told_with_a_command_that_makes_a_table_of_it(tmp_path, capsys):
    (tmp_path / "جدول.csv").write_text('\ufeff"path","text"\nأ.wav,"نعم، ""لا"", ربما"\n', encoding="utf-8")
    assert find_table(tmp_path, "auto") is None
    output, _, command = capsys.readouterr().out.partition("To make one: ")
    assert "not read: جدول.csv" in output
    subprocess.run(["bash", "-c", command], check=True)
    assert read_transcripts(find_table(tmp_path, "auto")).rows == [TranscriptRow(2, "أ.wav", 'نعم، "لا", ربما')]


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
    for rel, paths in ways.items():
        for path in paths:
            matched, bad = match([TranscriptRow(2, path)], recordings, "/my corpus")
            assert list(matched) == [rel] and bad == [], path


def test_a_decomposed_file_name_is_found_by_its_composed_path():
    rel = unicodedata.normalize("NFD", "أحمد.wav")
    assert list(match([TranscriptRow(2, "أحمد.wav")], [rel], "")[0]) == [rel]


def test_rows_without_a_recording_of_their_own_are_told_why():
    rows = [
        TranscriptRow(2, "same.wav"),
        TranscriptRow(3, "x/same.wav"),
        TranscriptRow(4, "x/same"),
        TranscriptRow(5, "غائب.wav"),
    ]
    matched, bad = match(rows, ["x/same.wav", "y/same.wav"], "")
    assert matched == {"x/same.wav": rows[1]}
    assert [(r.line, reason) for r, reason, _ in bad] == [
        (2, "ambiguous path"),
        (4, "duplicate row"),
        (5, "transcript without audio"),
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_a_row_never_takes_the_recording_of_another_folder(order):
    """a/1.wav is lost: its words are not those of b/1.wav, whose own row stands, whichever comes first."""
    rows = [
        TranscriptRow(2, "أ/1.wav", "ضاع"),
        TranscriptRow(3, "ب/1.wav", "هنا"),
        TranscriptRow(4, "2.wav", "أيهما"),
        TranscriptRow(5, "ج/2.wav", "هذا"),
    ][::order]
    matched, bad = match(rows, ["ب/1.wav", "ج/2.wav", "top.wav"], "/corpus")
    assert {rel: row.text for rel, row in matched.items()} == {"ب/1.wav": "هنا", "ج/2.wav": "هذا"}
    assert [(r.line, reason) for r, reason, _ in bad] == [(2, "transcript without audio"), (4, "duplicate row")]
    assert match([TranscriptRow(2, "ب/1.wav")], ["أ/1.wav"], "/corpus")[0] == {}


@pytest.mark.parametrize("path", ["/elsewhere/clips/b.wav", "clips/b.wav", "b.wav", "day1/clips/b"])
def test_the_end_of_a_path_is_enough(path):
    assert list(
        match([TranscriptRow(2, path)], ["day1/clips/b.wav" if "day1" in path else "clips/b.wav"], "/corpus")[0]
    )


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


@pytest.mark.parametrize("spelling", ["\u0627\u0654\u062d\u0645\u062f", "\u200f\u0623\u062d\u0645\u062f"])
def test_a_name_is_one_speaker_however_it_is_written(spelling):
    """Hamza as a mark of its own, as Macs have it, and a mark of direction in front."""
    name = "\u0623\u062d\u0645\u062f"
    assert speaker_of("x.wav", TranscriptRow(2, "x.wav", speaker=spelling), "folder") == name
    assert speaker_of(f"{spelling}/x.wav", None, "folder") == speaker_of(f"{name}/y.wav", None, "folder") == name


def test_a_row_without_as_many_fields_as_the_header_is_malformed_and_never_filled_up(tmp_path):
    transcripts = table(tmp_path, "path\ttext\tspeaker\na.wav\tنعم\nb.wav\tنعم\tس\t1\nc.wav\tنعم\tس\n")
    assert [row.path for row in transcripts.rows] == ["c.wav"]
    assert [(line, reason) for line, reason, _ in transcripts.bad] == [(2, MALFORMED), (3, MALFORMED)]
    assert [(row.path, row.fields) for row in transcripts.lost] == [
        ("a.wav", ("a.wav", "نعم")),
        ("b.wav", ("b.wav", "نعم", "س", "1")),
    ]


@pytest.mark.parametrize(
    ("text", "kept", "malformed"),
    [
        ("path\ttext\na.wav\tقال\nلي\nb.wav\tنعم\n", ["b.wav"], [2, 3]),
        ("path\ttext\na.wav\tقال\n\nلي\nb.wav\tنعم\n", ["b.wav"], [2, 4]),
        ("text\tpath\nنعم\tb.wav\nقال\nلي\ta.wav\nلا\tc.wav\n", ["c.wav"], [2, 3, 4]),  # the rest, or the beginning
        ("path\tspeaker\ttext\na.wav\tس\tقال\nلي\nb.wav\tس\tنعم\n", ["b.wav"], [2, 3]),
        ("path\ttext\tspeaker\na.wav\tقال\nلي\tس\nb.wav\tنعم\tس\n", ["b.wav"], [2, 3]),
        ("path\ttext\na.wav\tقال\rلي\nb.wav\tنعم\n", ["b.wav"], [2]),
    ],
)
def test_a_line_break_inside_a_text_leaves_no_half_of_it(tmp_path, text, kept, malformed):
    transcripts = table(tmp_path, text)
    assert [row.path for row in transcripts.rows] == kept
    assert [(line, reason) for line, reason, _ in transcripts.bad] == [(line, MALFORMED) for line in malformed]


def test_a_table_of_which_most_lines_are_no_rows_is_refused_with_the_first(tmp_path):
    with pytest.raises(
        UserError, match=r"(?s)10 of 19 lines are no rows of this table: t\.tsv, line 2: 1 field .*as many"
    ):
        table(tmp_path, "path\ttext\n" + "a.wav\n" * 10 + "b.wav\tنعم\n" * 9)
    assert len(table(tmp_path, "path\ttext\n" + "b.wav\tنعم\n" * 9 + "a.wav\n" * 8).rows) == 8


def test_marks_that_nobody_sees_leave_names_and_labels_and_paths_are_compared_without_them(tmp_path):
    head = "\u200fpath\ttext\tspeaker\tdialect\tgender\temotion"
    transcripts = table(tmp_path, f"{head}\n\u202aأ.wav\t\u200fنعم\t\u200fس\tم\u00adصري\t\ufeffm\tsad\u2069\n")
    (row,) = transcripts.rows
    assert (row.text, row.speaker, row.dialect, row.gender, row.emotion) == ("\u200fنعم", "س", "مصري", "m", "sad")
    assert match([row], ["x/أ.wav"], "")[0] == {"x/أ.wav": row}


def test_recordings_that_a_lost_row_may_mean_are_named_if_they_have_no_row_of_their_own():
    lost = [
        LostRow(2, MALFORMED, "", "clips/a.wav", ("clips/a.wav", "قال")),
        LostRow(3, MALFORMED, "", "لي", ("نعم", "لي", "b.wav")),  # shifted: its path is in another column
        LostRow(4, MALFORMED, "", "c.wav", ("c.wav",)),
        LostRow(5, "ambiguous path", "", "d.wav"),
        LostRow(6, MALFORMED, "", "e.wav", ("e.wav", "", "")),
    ]
    recordings = ["clips/a.wav", "clips/b.wav", "c.wav", "x/d.wav", "y/d.wav", "f.wav"]
    rows = spoilt(lost, {"c.wav"}, recordings, "/corpus")
    assert {rel: row.line for rel, row in rows.items()} == {
        "clips/a.wav": 2,
        "clips/b.wav": 3,
        "x/d.wav": 5,
        "y/d.wav": 5,
    }


@pytest.mark.parametrize(
    ("another", "reason"),
    [
        ({"text": "لا"}, "another text"),
        ({"speaker": "سعاد"}, "another speaker"),
        ({"speaker": "سعاد", "dialect": "MSA"}, "another speaker and another dialect"),
    ],
)
@pytest.mark.parametrize("path", ["a.wav", "x/a.wav"])
def test_of_rows_that_contradict_none_is_believed_and_their_recording_is_not_used(another, reason, path):
    first = TranscriptRow(2, path, "نعم", "أحمد", "EGY")
    rows = [first, replace(first, line=3), replace(first, line=4, **another), TranscriptRow(5, "b.wav")]
    recordings = ["x/a.wav", "x/b.wav"]
    matched, bad = match(rows, recordings, "")
    assert matched == {"x/b.wav": rows[3]}
    assert [(row.line, why) for row, why, _ in bad] == [(n, "contradiction") for n in (2, 3, 4)]
    assert [detail for _, _, detail in bad] == [f"x/a.wav has {reason} in line {n}" for n in (4, 4, 2)]
    lost = [LostRow(row.line, why, detail, row.path) for row, why, detail in bad]
    assert list(spoilt(lost, matched, recordings, "")) == ["x/a.wav"]


def test_a_field_that_says_nothing_contradicts_nothing_and_is_filled_from_the_row_that_says_it():
    first = TranscriptRow(2, "a.wav", "نعم", "أحمد", "")
    rows = [first, replace(first, line=3, dialect="MSA"), replace(first, line=4, speaker="")]
    matched, bad = match(rows, ["a.wav"], "")
    assert matched == {"a.wav": replace(first, dialect="MSA")}
    assert [(row.line, reason) for row, reason, _ in bad] == [(3, "duplicate row"), (4, "duplicate row")]
    matched, bad = match([*rows, replace(first, line=5, dialect="EGY")], ["a.wav"], "")
    assert matched == {} and len(bad) == 4
    assert bad[0][2] == "a.wav has one dialect in line 3, another in line 5"
    assert bad[1][2] == "a.wav has another dialect in line 5"


def test_of_rows_that_say_the_same_the_first_counts():
    first = TranscriptRow(2, "a.wav", "نعم", "أحمد", "EGY")
    rows = [first, replace(first, line=3, text="\u200fنعم"), replace(first, line=4, path="x/a.wav")]
    matched, bad = match(rows, ["x/a.wav"], "")
    assert matched == {"x/a.wav": rows[2]}
    assert [(row.line, reason) for row, reason, _ in bad] == [(2, "duplicate row"), (3, "duplicate row")]


@pytest.mark.parametrize(
    "word", ["nan", "NaN", "N/A", "-", "?", "NULL", "None", "غير معروف", "UNKNOWN", "مجهول", " \u200f"]
)
def test_a_word_that_says_a_name_is_not_known_is_an_empty_field(tmp_path, word):
    head = "path\ttext\tspeaker\tdialect\tgender\temotion\n"
    (row,) = table(tmp_path, f"{head}س/أ.wav\t{word}\t{word}\t{word}\t{word}\t{word}\n").rows
    text = "" if word in ("nan", "NaN", "N/A", "NULL", "None") else word.strip()  # the others somebody may have written
    assert (row.text, row.speaker, row.dialect, row.gender, row.emotion) == (text, "", "", "", "")
    assert speaker_of("س/أ.wav", row, "recording") == "س/أ"
    assert speaker_of(f"{word}/أ.wav", None, "folder").endswith("/أ")


def test_a_name_that_begins_like_such_a_word_is_a_name(tmp_path):
    (row,) = table(tmp_path, "path\tspeaker\tdialect\nأ.wav\tNancy\tنان\n").rows
    assert (row.speaker, row.dialect) == ("Nancy", "نان")


def test_fields_as_pandas_and_spreadsheets_quote_them_are_told_with_their_number_and_line(tmp_path, capsys):
    texts = ["نعم", 'قال "نعم" ثم عاد', '"نعم"', 'قال "لا"', '"لا" ثم "نعم"']
    with open(tmp_path / "t.tsv", "w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, delimiter="\t", lineterminator="\n")
        writer.writerow(["path", "text"])
        writer.writerows([f"{i}.wav", text] for i, text in enumerate(texts))
    read_transcripts(tmp_path / "t.tsv")
    warnings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 1 and "t.tsv: 4 fields" in warnings[0] and "first in line 3" in warnings[0]
    table(tmp_path, 'path\ttext\n"a.wav"\t"نعم"\n"b.wav"\tلا\nc.wav\t"نعم" قال "لا"\n')
    warnings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 1 and "2 paths stand in quotation marks, the first in line 2" in warnings[0]
