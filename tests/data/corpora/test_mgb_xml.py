"""The XML of MGB-2 and QASR, and the marks in its texts."""

import os
import xml.etree.ElementTree as ElementTree

import pytest
from trees import speech, write_lines
from trees.mgb2 import programme, segment

from toolkit.data.corpora.id_times import Span, official
from toolkit.data.corpora.mgb_tables import (
    own_id,
    read_segments,
    read_stm,
    read_texts,
    spoken,
)
from toolkit.data.corpora.mgb_xml import Wanted, read_programme, speaker_number, utterances
from toolkit.data.corpora.segments import CorpusSegment, Drop
from toolkit.data.corpora.sources import SourceError, size_of, text_lines


def test_attributes_and_words_are_those_that_elementtree_reads(tmp_path) -> None:
    texts = [clip.text.split() for clip in speech()]
    texts[3] = ["<", "&", "AT&T", '"', "ﷲ", "\u200fكلمة"]  # escaped; a presentation form; a mark of direction
    path = tmp_path / "A-B.xml"
    path.write_text(programme("A-B", [segment("A-B", i, i, i + 1, words) for i, words in enumerate(texts)]))
    wanted = [
        (s.attrib, " ".join(e.text for e in s.iter("element") if e.text))
        for s in ElementTree.parse(path).iter("segment")
    ]
    assert [(dict(t.attributes), " ".join(t.text.split())) for t in read_programme(path).turns] == wanted


def test_words_in_one_line_stay_apart(tmp_path) -> None:
    (tmp_path / "A.xml").write_text(
        "<t><segments><segment><element>كلمة</element><element/><element>أخرى</element></segment></segments></t>"
    )
    assert read_programme(tmp_path / "A.xml").turns[0].text.split() == ["كلمة", "أخرى"]


def test_of_several_annotations_the_wanted_one_is_taken_and_the_other_is_a_row(tmp_path) -> None:
    blocks = "".join(
        f'<segments annotation_id="{name}"><segment starttime="0" endtime="1"><element>{word}</element></segment>'
        "</segments>"
        for name, word in (("transcript_asr", "خطأ"), ("transcript_align", "صواب"))
    )
    (tmp_path / "A.xml").write_text(f"<t>{blocks}</t>")
    drop, kept = utterances(tmp_path / "A.xml", "A.wav", Wanted("x_train", "ARA", "transcript_align"))
    assert isinstance(drop, Drop) and drop.reason == "other annotation"
    assert isinstance(kept, CorpusSegment) and kept.text == "صواب" and kept.speaker == "A_spk-unknown"
    assert len(list(utterances(tmp_path / "A.xml", "A.wav", Wanted("x_train", "ARA")))) == 2


@pytest.mark.parametrize(
    ("who", "number"),
    [
        ("AB_CD_speaker1_align", 1),
        ("AB-CD_speaker12_align", 12),
        ("AB_speaker12", None),  # the public pattern finds speaker 1 in it
        ("speaker1_align", None),
        ("narrator", None),
        ("", None),
        ("AB_speaker9999_x", 9999),
        ("AB_speaker10000_x", None),  # of five digits: its ids would stand before those of speaker 1000
        ("AB_speaker" + "9" * 5000 + "_x", None),
    ],
)
def test_a_speaker_has_the_number_between_the_words_around_it(who, number) -> None:
    assert speaker_number(who) == number


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  قال   @@LAT@@BBC ", "قال BBC"),
        ("@@LATfoundation مؤسسة", "foundation مؤسسة"),
        ("## كلمة #خطأ @@@ @@@موسيقى أخرى", "كلمة أخرى"),
        ("@@LAT@@ كلمة", "كلمة"),
        ("مع الـ# يعني", "مع الـ يعني"),
        ("@@@", ""),
    ],
)
def test_marks_are_taken_out_of_a_text(text, words) -> None:
    assert spoken(text) == words


def test_what_nobody_understood_is_taken_out_before_it_becomes_arabic(tmp_path) -> None:
    (tmp_path / "x.bw").write_text("a UNK ktAb UNK\nb UNK\n\nc  \n")
    assert read_texts(tmp_path / "x.bw", "UNK", ids="abc") == {"a": "كتاب", "b": "", "c": ""}


def test_an_official_id_says_recording_speaker_and_times() -> None:
    id = "01BE8E7B-C179-42E3-8521-109C2C732334_spk-0001_seg-0001345:0001695"
    parts = official(id)
    assert parts is not None
    assert (parts.recording, parts.speaker) == (id[:36], f"{id[:36]}_spk-0001")
    assert (parts.start, parts.end) == (13.45, 16.95)
    assert own_id(id) == f"{id[:36]}_spk-0001_seg-0001345-0001695"
    assert official("comedy_75_first_12min_0.000_8.190") is None


def test_a_reference_is_found_at_most_a_centisecond_off(tmp_path) -> None:
    (tmp_path / "x.stm").write_text(
        ";; CATEGORY\nA 1 UNKNOWN 1.00 2.00 <o,f0,male> كلمة\nA 0 overlap 3 4 مع الـ# يعني\n"
        "A 1 x 5 6 ignore_time_segment_in_scoring\nA 1 x nan 6 كلمة\nA 1 x\n"
    )
    stm = read_stm(tmp_path / "x.stm")
    assert (
        stm.words[("A", 100, 200)] == "كلمة" and stm.words[("A", 300, 400)] == "مع الـ# يعني"
    )  # as its makers wrote it
    assert stm.overlap == {("A", 300, 400)}
    assert stm.find(Span("A", 1.01, 1.99)) == ("A", 100, 200)
    assert stm.find(Span("A", 1.02, 2.0)) is None and stm.find(Span("B", 1.0, 2.0)) is None
    assert sorted(stm.unusable) == [4, 5, 6]


def test_a_reference_is_found_whether_its_recording_is_written_with_hyphens_or_underscores(tmp_path) -> None:
    (tmp_path / "x.stm").write_text("A_B-C 0 unknown 1.00 2.00 كلمة\nA-B-C 0 unknown 1.00 2.00  كلمة\n")
    stm = read_stm(tmp_path / "x.stm")
    for recording in ("A-B-C", "A_B_C"):
        key = stm.find(Span(recording, 1.0, 2.0))
        assert key and stm.words[key] == "كلمة"
    assert [*stm.unusable] == [2] and "second reference" in stm.unusable[2]


def test_two_references_of_one_time_with_other_words_are_none(tmp_path) -> None:
    (tmp_path / "x.stm").write_text("A 0 x 1 2 كلمة\nA 0 x 1 2 أخرى\nA 0 x 1 2 كلمة\nA 0 x 3 4 نعم\n")
    stm = read_stm(tmp_path / "x.stm")
    assert stm.words == {("A", 300, 400): "نعم"} and sorted(stm.unusable) == [1, 2, 3]


@pytest.mark.parametrize(
    ("start", "end"), [("1e308", "1e308"), ("0", "1e307"), ("-1e307", "1"), ("nan", "1"), ("0", "inf")]
)
def test_a_segment_whose_times_no_recording_has_is_a_row(tmp_path, start: str, end: str) -> None:
    (tmp_path / "A.xml").write_text(
        f'<t><segments><segment starttime="{start}" endtime="{end}"><element>كلمة</element></segment></segments></t>'
    )
    (drop,) = utterances(tmp_path / "A.xml", "A.wav", Wanted("x_train", "ARA"))
    assert isinstance(drop, Drop) and drop.reason == "bad times"


@pytest.mark.parametrize("encoding", ["utf-7", "big5", "nosuch", "hex", "idna", "undefined", "gb18030"])
def test_an_encoding_that_xml_is_not_read_in_is_named(tmp_path, encoding: str) -> None:
    (tmp_path / "A.xml").write_text(f'<?xml version="1.0" encoding="{encoding}"?><t>كلمة</t>', encoding="utf-8")
    with pytest.raises(SourceError, match="encoding") as e:
        read_programme(tmp_path / "A.xml")
    assert e.value.reason == "encoding"


def test_a_tag_of_megabytes_is_refused_at_once_and_a_text_of_megabytes_is_read(tmp_path) -> None:
    (tmp_path / "A.xml").write_bytes(b'<t a="' + b"x" * (8 << 20) + b'"/>')
    with pytest.raises(SourceError, match="a tag of more than"):
        read_programme(tmp_path / "A.xml")
    (tmp_path / "B.xml").write_bytes(b"<t><segment><element>" + b"x" * (8 << 20) + b"</element></segment></t>")
    assert len(read_programme(tmp_path / "B.xml").turns[0].text.strip()) == 8 << 20


def test_a_link_to_nothing_or_to_itself_a_pipe_and_a_folder_are_no_files_of_the_corpus(tmp_path) -> None:
    (tmp_path / "nothing.xml").symlink_to("gone.xml")
    (tmp_path / "itself.xml").symlink_to("itself.xml")
    (tmp_path / "folder.xml").mkdir()
    os.mkfifo(tmp_path / "pipe.xml")
    for path in sorted(tmp_path.iterdir()):
        assert size_of(path) >= 0
        for read in (read_programme, lambda path: list(text_lines(path))):
            with pytest.raises(SourceError) as e:
                read(path)
            assert e.value.reason == "missing", path


@pytest.mark.parametrize("digits", [13, 400, 5000])
def test_an_id_with_times_of_too_many_digits_is_no_official_one(digits: int) -> None:
    assert official("A_spk-0001_seg-" + "9" * digits + ":" + "9" * digits) is None


def test_a_line_of_an_stm_with_times_beyond_all_recordings_is_named(tmp_path) -> None:
    (tmp_path / "a.stm").write_text("rec 1 spk 1e308 1e308 كلمة\nrec 1 spk 1.00 2.00 كلمة\n")
    stm = read_stm(tmp_path / "a.stm")
    assert list(stm.unusable) == [1] and list(stm.words) == [("rec", 100, 200)]


def test_a_transcript_over_two_lines_and_a_segment_of_other_fields_are_malformed(tmp_path) -> None:
    lines = ["a_1 قال لي", "a_2 قال", "ثم ذهب", "a_3 نعم", ""]
    (tmp_path / "text").write_text("\n".join(lines), encoding="utf-8")
    bad: list[SourceError] = []
    assert read_texts(tmp_path / "text", bad=bad.append) == {"a_1": "قال لي", "a_3": "نعم"}
    assert [(e.reason, e.where.rpartition(" ")[2]) for e in bad] == [("malformed row", "2"), ("malformed row", "3")]
    with pytest.raises(SourceError, match="text, line 2: the line below has no id and may be its rest: a_2 قال"):
        read_texts(tmp_path / "text")
    write_lines(tmp_path / "segments", "a_1 a 0 1.5", "a_2 a 1", "a_3 a 1 2 3", "a_4 a one 2", "a_5\ta 2 3")
    bad.clear()
    assert read_segments(tmp_path / "segments", bad.append) == {"a_1": Span("a", 0, 1.5), "a_5": Span("a", 2, 3)}
    assert [e.where.rpartition(" ")[2] for e in bad] == ["2", "3", "4"]


def test_a_line_of_an_stm_file_that_is_none_takes_the_one_above_along(tmp_path) -> None:
    lines = ["a 0 unknown 0.00 1.00 قال لي", "a 0 unknown 1.00 2.00 قال", "ثم ذهب", "a 0 unknown 2.00 3.00 نعم"]
    write_lines(tmp_path / "x.stm", *lines)
    stm = read_stm(tmp_path / "x.stm")
    assert stm.words == {("a", 0, 100): "قال لي", ("a", 200, 300): "نعم"} and set(stm.unusable) == {2, 3}


def test_what_is_no_speech_leaves_a_reference_of_an_stm_and_its_own_conventions_stay(tmp_path) -> None:
    lines = [
        "A 0 x 1 2 <o,f0,male> [موسيقى] أهلًا >> المذيع: بكم",
        "A 0 x 3 4 ♪ يا ليل ♪",
        "A 0 x 5 6 (تصفيق)",
        "A 0 inter_segment_gap 7 8 <o,f0,>",
        "A 0 inter_segment_gap 9 10",
        "A 0 x 11 12 <unk> قال (يعني) { نعم / نعمم } <unk>",
        "A 0 excluded_region 13 14 <o> IGNORE_TIME_SEGMENT_IN_SCORING",
        "A 0 x 15 16 <O> <unk> قال",
    ]
    write_lines(tmp_path / "x.stm", *lines)
    stm = read_stm(tmp_path / "x.stm")
    texts = ["أهلًا بكم", "", "", "<unk> قال (يعني) { نعم / نعمم } <unk>", "<unk> قال"]
    assert list(stm.words.values()) == texts
    assert stm.unusable == {
        2: "no speech: ♪ يا ليل ♪",
        3: "no speech: (تصفيق)",
        7: "its makers say that it is not scored",
    }


def test_captions_of_a_programme_lose_what_is_no_speech(tmp_path) -> None:
    texts = ["أهلًا [يعني] بكم", "[فاصل إعلاني]", "شكرًا [تصفيق]", "(قل هو الله أحد)", "♪ ♪", "قال [غير مسموع] نعم"]
    (tmp_path / "A-B.xml").write_text(
        programme("A-B", [segment("A-B", i, i, i + 1, t.split()) for i, t in enumerate(texts)])
    )
    items = list(utterances(tmp_path / "A-B.xml", "A.wav", Wanted("x_train", "ARA")))
    assert [s.text for s in items if isinstance(s, CorpusSegment)] == [texts[0], "شكرًا", texts[3]]
    rows = [(d.reason, d.detail) for d in items if isinstance(d, Drop)]
    assert rows == [("no words", "[فاصل إعلاني]"), ("no words", "♪ ♪"), ("words not understood", texts[5])]
