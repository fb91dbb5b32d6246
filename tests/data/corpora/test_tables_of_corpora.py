"""Tables as corpora bring them along: one bad row costs that row, and says so."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.core.record import Ledger, read_ledger
from toolkit.core.step import Step
from toolkit.data.corpora.gather import Headers, path_of
from toolkit.data.corpora.segments import CorpusSegment, Drop, Take, drop
from toolkit.data.corpora.sets import tables_of, with_ids
from toolkit.data.corpora.sources import (
    LONGEST_LINE,
    MalformedRow,
    SourceError,
    check_inside,
    table_rows,
    text_lines,
)
from toolkit.data.malformed import MALFORMED

SPOKEN = (("a", "W AH1 N"), ("b", ""))


def rows(path: Path, **options: object) -> tuple[list[tuple[int, dict[str, str]]], list[tuple[str, str]]]:
    bad: list[SourceError] = []
    parsed = list(table_rows(path, bad=bad.append, **options))
    return parsed, [(e.reason, e.where.rpartition(", ")[2]) for e in bad]


def test_rows_that_cannot_be_read_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = [
        b"path\tsentence",
        "1\tمرحبا".encode(),
        "2\tسلام".encode("cp1256"),
        b"3\t" + b"x" * 2 * LONGEST_LINE,
    ]
    lines += [b"4\tx\0y", b"5\ta\tb", "6\tوداعا".encode()]
    (tmp_path / "t.tsv").write_bytes(b"\n".join(lines))
    parsed, bad = rows(tmp_path / "t.tsv")
    assert parsed == [(2, {"path": "1", "sentence": "مرحبا"}), (7, {"path": "6", "sentence": "وداعا"})]
    assert bad == [("encoding", "line 3"), ("line too long", "line 4"), ("encoding", "line 5"), (MALFORMED, "line 6")]


def test_without_somebody_to_tell_a_bad_row_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes("path\tsentence\n1\tأ\tب\n".encode())
    with pytest.raises(SourceError, match=r"(?s)3 fields where 2 belong.*line 2"):
        list(table_rows(tmp_path / "t.tsv"))
    (tmp_path / "t.txt").write_bytes("سلام".encode("cp1256"))
    with pytest.raises(SourceError, match=r"(?s)no UTF-8.*line 1"):
        list(text_lines(tmp_path / "t.txt"))


def test_quotation_marks_are_text_a_carriage_return_inside_a_row_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes("path\tsentence\r\n1\t\"قال: 'نعم'\r\n2\ta\rb\r\n3\t\"\r\n".encode())
    parsed, bad = rows(tmp_path / "t.tsv")
    assert [row["sentence"] for _, row in parsed] == ["\"قال: 'نعم'", '"']
    assert bad == [(MALFORMED, "line 3")]


def test_a_quoted_field_of_a_csv_may_hold_commas_and_lines(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n"x, y","one\ntwo"\n3,4\n', encoding="utf-8-sig")
    parsed, bad = rows(tmp_path / "t.csv", delimiter=",", quotes=True, lines_in_quotes=True)
    assert parsed == [(2, {"a": "x, y", "b": "one\ntwo"}), (4, {"a": "3", "b": "4"})] and not bad
    parsed, bad = rows(tmp_path / "t.csv", delimiter=",", quotes=True)  # where the file's dialect does not say so
    assert parsed == [(4, {"a": "3", "b": "4"})] and bad == [(MALFORMED, "line 2"), (MALFORMED, "line 3")]


def test_a_name_that_no_table_can_hold_is_not_opened(tmp_path: Path) -> None:
    for rel, reason in (("a\udcff.wav", "unusable name"), ("../a.wav", "path leaves the corpus")):
        with pytest.raises(SourceError) as caught:
            check_inside(tmp_path, rel)
        assert caught.value.reason == reason
    check_inside(tmp_path, "صوت.wav")


def test_a_recording_of_the_corpus_is_never_taken_for_one_below_the_output(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("corpus/data/a.wav", "data/audio/b.wav", "secret.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    corpus, out = Path("corpus"), Path("data")
    assert path_of(corpus, out, "data/a.wav") == "corpus/data/a.wav"
    assert path_of(corpus, out, "data/audio/b.wav") == "data/audio/b.wav"
    assert path_of(corpus, tmp_path / "data", f"{tmp_path}/data/audio/b.wav") == f"{tmp_path}/data/audio/b.wav"
    (tmp_path / "data/link.wav").symlink_to(tmp_path / "secret.wav")
    reasons = {"data/../secret.wav": "path leaves the corpus", "data/link.wav": "link out of the corpus"}
    for audio, reason in reasons.items():
        with pytest.raises(SourceError) as caught:
            path_of(corpus, out, audio, follow_links=False)
        assert caught.value.reason == reason


def test_a_corpus_of_two_folders_names_recordings_of_the_second_with_their_folder(tmp_path: Path) -> None:
    for name in ("one/a.wav", "two/a.wav", "secret.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "two/link.wav").symlink_to(tmp_path / "secret.wav")
    one, two, out = (tmp_path / name for name in ("one", "two", "out"))
    assert path_of(one, out, "a.wav", also=[two]) == f"{one}/a.wav"
    assert path_of(one, out, f"{two}/a.wav", also=[two]) == f"{two}/a.wav"
    odd = {f"{two}/../secret.wav": "path leaves the corpus", f"{two}/link.wav": "link out of the corpus"}
    for audio, reason in {**odd, f"{tmp_path}/secret.wav": "path leaves the corpus"}.items():
        with pytest.raises(SourceError) as caught:
            path_of(one, out, audio, follow_links=False, also=[two])
        assert caught.value.reason == reason


def test_a_further_table_names_an_empty_value_unknown_but_phones_leave_it_out(tmp_path: Path) -> None:
    part = {
        id: segment("x", id, more=dict.fromkeys(("utt2band", "text_a", "utt2phones"), phones)) for id, phones in SPOKEN
    }
    tables = tables_of(tmp_path, tmp_path / "out", part)
    assert tables["utt2band"] == {"a": "W AH1 N", "b": "unknown"} and tables["text_a"] == {"a": "W AH1 N", "b": ""}
    assert tables["utt2phones"] == {"a": "W AH1 N"}


def segment(set: str, original: str, **fields: object) -> CorpusSegment:
    return CorpusSegment(set, original, f"{original}.wav", seconds=1.0, **fields)


def test_an_id_depends_on_no_other_utterance_unless_two_sets_have_its_name(tmp_path: Path) -> None:
    step = Step(None, [], tmp_path, ["x"], ledger=Ledger("x"))
    segments = [segment("x_train", "a/1", speaker="س"), segment("x_train", "a/1", speaker="س"), segment("x_dev", "b")]
    segments += [segment("x_train", "c"), segment("x_test", "c"), segment("x_dev", "d-e"), segment("x_dev", "d_e")]
    ids = with_ids(step, segments)
    assert set(ids) >= {"س-a-1", "b", "x_train_c", "x_test_c"} and len(ids) == 6
    assert all(id.startswith(s.speaker) for id, s in ids.items()) and len({s.speaker for s in ids.values()}) == 6
    assert [row[2] for row in step.ledger.rows] == ["duplicate id"]


def test_words_that_say_a_name_is_not_known_name_nobody_and_what_may_be_one_is_told(tmp_path: Path, capsys) -> None:
    step = Step(None, [], tmp_path, ["x"], ledger=Ledger("x"))
    words = ["nan", "N/A", "غير معروف", "-", "nan"]
    segments = [segment("x_train", f"a{i}", speaker=w, dialect=w, programme=w) for i, w in enumerate(words)]
    segments += [
        segment("x_train", f"b{i}", speaker=w, gender=g) for i, (w, g) in enumerate([("3", "m"), ("3.0", "m")])
    ]
    segments += [segment("x_train", f"c{i}", speaker="سعاد", gender=g) for i, g in enumerate("mf")]
    ids = with_ids(step, segments)
    assert {id: s.speaker for id, s in ids.items() if id.startswith("a")} == {f"a{i}": f"a{i}" for i in range(5)}
    assert {(s.dialect, s.programme) for s in ids.values()} == {("", "")} and step.counts["speakers_unknown"] == 5
    assert capsys.readouterr().out.splitlines() == [
        "WARNING: speaker: 3, 3.0 are one number and stay apart",
        "WARNING: gender: 1 speakers are m in one place and f in another, and get none: سعاد",
    ]


def test_a_name_with_line_breaks_is_one_row_of_the_ledger(tmp_path: Path) -> None:
    step = Step(None, [], tmp_path, ["x"], ledger=Ledger("x"))
    drop(step, "ا\u2028ب\tج\n\udcff", "missing", "no such file: \udcff\x85")
    step.ledger.write(tmp_path / "dropped.tsv")
    rows = read_ledger(tmp_path / "dropped.tsv")
    assert rows == [("ا\\u2028ب\\tج\\n\\xff", "x", "missing", "no such file: \\xff\\x85")]


def test_times_are_rounded_once_and_never_past_the_recording(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones(22051, np.float32) * 0.1, 22050)  # 1.00004535 s
    headers = Headers(tmp_path, tmp_path / "out", Take())
    times = {(0.25, 0.5552): (0.25, 0.5552), (0.00004, 1.3): (0.0, 1.0), (0.1, None): (0.1, None)}
    for (start, end), wanted in times.items():
        held = headers.held(CorpusSegment("x_test", "a", "a.wav", start=start, end=end))
        assert isinstance(held, CorpusSegment) and (held.start, held.end) == wanted
        assert held.seconds == pytest.approx(((end and wanted[1]) or 22051 / 22050) - wanted[0], abs=6e-5)
    for start, end in ((0.5, 0.50001), (0.9999999, 1.0), (1.00001, 1.2), (0.5, 0.4), (float("nan"), 0.4)):
        assert isinstance(headers.held(CorpusSegment("x_test", "a", "a.wav", start=start, end=end)), Drop)


def test_an_original_of_control_characters_alone_is_a_row(tmp_path: Path) -> None:
    step = Step(None, [], tmp_path, ["x"], ledger=Ledger("x"))
    assert list(with_ids(step, [segment("x_test", "\x07"), segment("x_test", "\ufeff"), segment("x_test", "أ")])) == [
        "أ"
    ]
    assert [(row[0], row[2]) for row in step.ledger.rows] == [("\\x07", "id"), ("\\ufeff", "id")]


def test_a_table_whose_lines_end_in_carriage_returns_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes("path\tsentence\r1\tمرحبا\r".encode())
    with pytest.raises(SourceError, match="no header of a table"):
        list(table_rows(tmp_path / "t.tsv"))


def test_an_offset_behind_a_link_does_not_lead_out_of_the_corpus(tmp_path: Path) -> None:
    (tmp_path / "outside.ark").write_bytes(b"x")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/x.ark").symlink_to(tmp_path / "outside.ark")
    (tmp_path / "corpus/y.ark").write_bytes(b"x")
    with pytest.raises(SourceError, match="link out of the corpus"):
        check_inside(tmp_path / "corpus", "x.ark:15")
    check_inside(tmp_path / "corpus", "x.ark:15", follow_links=True)
    check_inside(tmp_path / "corpus", "y.ark:1")


def test_marks_that_nobody_sees_leave_names_and_labels_but_no_transcript(tmp_path: Path) -> None:
    step = Step(None, [], tmp_path, ["x"], ledger=Ledger("x"))
    names = {"speaker": "أحمد", "programme": "برنامج", "dialect": "مصري", "emotion": "sad", "gender": "male"}
    more = {"utt2accent": "قاهري", "text_Ali": "نعم", "utt2summary": "تقرير"}
    hidden = {field: f"\u200f{value[:1]}\u202b\ufeff{value[1:]}\u00ad" for field, value in {**names, **more}.items()}
    segments = [segment("x", "a", **names, more=more, text="نعم")]
    segments += [
        segment("x", "b", **{f: hidden[f] for f in names}, more={f: hidden[f] for f in more}, text="\u200fنعم")
    ]
    tables = tables_of(tmp_path, tmp_path / "out", with_ids(step, segments))
    one, two = tables["utt2spk"]
    for table in ("utt2spk", "utt2lang", "utt2emotion", "utt2prog", "utt2accent"):
        assert tables[table][one] == tables[table][two] in ("أحمد", "مصري", "sad", "برنامج", "قاهري")
    assert tables["spk2gender"] == {"أحمد": "m"}
    assert tables["text"][two] == "\u200fنعم" and tables["text_Ali"][two] == hidden["text_Ali"].replace("\ufeff", "")
    assert [s.programme for s in segments] == ["برنامج"] * 2  # as tell_recurring compares them


@pytest.mark.parametrize(("rows", "broken", "refused"), [(0, 1, True), (1, 9, False), (9, 10, True), (10, 10, False)])
def test_a_table_is_refused_if_no_line_or_less_than_half_of_many_are_rows(tmp_path, rows, broken, refused) -> None:
    lines = ["path\tsentence\tage", *["1\tنعم\t"] * rows, *["2\tلا"] * broken]
    (tmp_path / "t.tsv").write_text("\n".join(lines), encoding="utf-8")
    bad: list[SourceError] = []
    read = table_rows(tmp_path / "t.tsv", bad=bad.append)
    if refused:
        message = (
            f"{broken} of {rows + broken} lines are no rows of this table: t.tsv, line {rows + 2}: 2 fields where 3"
        )
        with pytest.raises(SourceError, match=message):
            list(read)
    else:
        assert len(list(read)) == rows and len(bad) == broken


@pytest.mark.parametrize("quotes", [False, True])
def test_lines_that_end_in_a_delimiter_and_a_header_that_does_not_are_told_as_such(tmp_path, quotes: bool) -> None:
    (tmp_path / "t.csv").write_text("path,sentence\n1.wav,نعم,\n2.wav,لا,\n", encoding="utf-8")
    with pytest.raises(SourceError) as e:
        list(table_rows(tmp_path / "t.csv", ",", quotes=quotes, bad=lambda e: None))
    assert e.value.reason == "columns" and "the line ends in ','" in e.value.remedy


def test_a_malformed_row_tells_the_fields_before_its_fault(tmp_path: Path) -> None:
    lines = ["id,path,text,age", '1,a.wav,"نعم,2', "2,b.wav,نعم", "3,c.wav,نعم,2,3", "4,d.wav,نعم,2"]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    bad: list[SourceError] = []
    assert [row["id"] for _, row in table_rows(tmp_path / "t.csv", ",", quotes=True, bad=bad.append)] == ["4"]
    told = [e.row for e in bad if isinstance(e, MalformedRow)]
    assert [row["path"] for row in told] == ["a.wav", "b.wav", "c.wav"]
    assert "text" not in told[0] and "age" not in told[1]


def test_two_columns_of_one_name_are_refused_and_those_without_a_name_are_not(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(",path,,Pa\u200fth\n0,a,b,c\n", encoding="utf-8")
    with pytest.raises(SourceError, match="two columns of one name: path"):
        list(table_rows(tmp_path / "t.csv", ","))
    (tmp_path / "t.csv").write_text("\u200f,path,\n0,a,b\n", encoding="utf-8")
    assert [row["path"] for _, row in table_rows(tmp_path / "t.csv", ",")] == ["a"]


def test_a_header_that_cannot_be_read_is_an_error_and_the_first_row_no_header(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes("مسار\tنص\n".encode("cp1256") + b"a\tb\nc\td\n")
    with pytest.raises(SourceError, match=r"(?s)no UTF-8.*line 1"):
        list(table_rows(tmp_path / "t.tsv", bad=lambda e: None))
