"""Transcripts in Arabic script or Buckwalter's: each line by its own letters, a file by most of its lines."""

import pytest
from trees import speech, write_lines
from trees.mgb2 import guid

from toolkit.data.corpora.mgb_tables import read_stm, read_texts
from toolkit.data.corpora.mgb_xml import Wanted, utterances
from toolkit.data.corpora.scripts import in_arabic, script_of
from toolkit.data.corpora.segments import Drop
from toolkit.data.corpora.sources import SourceError
from toolkit.text.diacritics import strip_diacritics

from .conftest import prepare


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("qAl lh", "latin"),
        ("قال له", "arabic"),
        ("قال lh", "both"),
        ("@@LAT@@BBC قال #ktb", "arabic"),
        ("@@LATfoundation", ""),
        ("qAl،", "latin"),  # a sign is no letter
        ("12 %", ""),
    ],
)
def test_the_script_is_that_of_letters_without_a_mark(text, script) -> None:
    assert script_of(text) == script


def test_one_arabic_letter_in_a_file_in_buckwalter_costs_its_line_and_an_arabic_line_stays(capsys) -> None:
    texts = {"a": "ktAb", "b": "@@LAT@@BBC qAl", "c": "قال nEm", "d": "نعم", "e": "lA", "f": "@@LAT@@BBC"}
    made = {"a": "كتاب", "b": "@@LAT@@BBC قال", "d": "نعم", "e": "لا", "f": "@@LAT@@BBC"}
    assert in_arabic(texts, "x.bw") == (made, ["c"])
    assert "x.bw: 1 of 6 transcripts are in Arabic script" in capsys.readouterr().out


def test_latin_words_in_a_file_in_arabic_script_stay_and_lines_of_them_alone_are_told(capsys) -> None:
    texts = {"a": "OK", "b": "كتاب", "c": "شركة Google"}
    assert in_arabic(texts, "x") == (texts, [])
    assert "WARNING: x: 1 of 3 transcripts stay in Latin letters: a" in capsys.readouterr().out


def test_a_test_set_in_buckwalter_with_one_arabic_word_is_in_arabic_script_but_for_that_line(
    make_tree, tmp_path
) -> None:
    corpus = make_tree("mgb5")
    path = corpus / "test/test.txt.bw"
    lines = path.read_text().splitlines()
    lines[1] = f"{lines[1].split()[0]} قال nEm"
    write_lines(path, *lines)
    done = prepare("mgb5", corpus, tmp_path / "data")
    texts = [strip_diacritics(clip.text) for clip in speech()[40:]]
    assert sorted(done.set("mgb5_test").tables["text"].values()) == sorted([texts[0], *texts[2:]])
    assert [id.rpartition("/")[2] for id, reason in done.dropped if reason == "malformed row"] == [
        "test.txt.bw, line 2"
    ]


def test_a_reference_and_a_programme_of_both_scripts_are_malformed(tmp_path) -> None:
    write_lines(tmp_path / "x.stm", "A 0 x 1 2 qAl", "A 0 x 3 4 nEm", "A 0 x 5 6 قال nEm")
    stm = read_stm(tmp_path / "x.stm")
    assert stm.words == {("A", 100, 200): "قال", ("A", 300, 400): "نعم"} and [*stm.unusable] == [3]
    segments = "".join(
        f'<segment starttime="{i}" endtime="{i + 1}"><element>{text}</element></segment>'
        for i, text in enumerate(("qAl", "قال nEm", "قال", "nEm", "lA"))
    )
    (tmp_path / "A.xml").write_text(f"<t><segments>{segments}</segments></t>", encoding="utf-8")
    mixed, one, two, three, *rest = utterances(tmp_path / "A.xml", "A.wav", Wanted("x_train", "ARA", buckwalter=True))
    assert [one.text, three.text, *(s.text for s in rest)] == ["قال", "قال", "نعم", "لا"]
    assert isinstance(two, Drop) and two.reason == "malformed row"
    assert (
        isinstance(mixed, Drop) and mixed.detail == "1 of 5 transcripts are in Arabic script, the rest in Buckwalter's"
    )


def test_the_rest_of_a_broken_line_in_buckwalter_is_no_id(tmp_path) -> None:
    name = guid(1)
    ids = [f"{name}_spk-0001_seg-{i:07d}:{i + 100:07d}" for i in (0, 100, 200, 300)]
    lines = [f"{ids[0]} rsAlp", "wktb Amh", f"{ids[1]} qAl", f"{ids[2]} sp", "2011 kAn", f"{ids[3]} nEm"]
    write_lines(tmp_path / "text", *lines)
    for known in (ids, ()):  # QASR has no table beside it
        bad: list[SourceError] = []
        assert read_texts(tmp_path / "text", bad=bad.append, ids=known) == {ids[1]: "قال", ids[3]: "نعم"}
        assert [e.where.rpartition(" ")[2] for e in bad] == ["1", "2", "4", "5"]


def test_a_line_break_in_a_transcript_of_test_leaves_no_part_of_it(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb5")
    path = corpus / "test/test.txt.bw"
    lines = path.read_text().splitlines()
    id, first, rest = lines[1].split(" ", 2)
    write_lines(path, lines[0], f"{id} {first}", rest, *lines[2:])
    done = prepare("mgb5", corpus, tmp_path / "data")
    assert done.code == 0, done.output
    test = done.set("mgb5_test").tables["text"]
    assert id not in test and len(test) == len(speech()[40:]) - 1
    assert [reason for _, reason in done.dropped].count("malformed row") == 2


def test_a_programme_of_the_folder_bw_in_arabic_script_keeps_its_latin_words_and_is_told(tmp_path) -> None:
    texts = ("قال له", "CNN", "شركة Google", "نعم")
    segments = "".join(
        f'<segment starttime="{i}" endtime="{i + 1}"><element>{text}</element></segment>'
        for i, text in enumerate(texts)
    )
    (tmp_path / "A.xml").write_text(f"<t><segments>{segments}</segments></t>", encoding="utf-8")
    mixed, *rest = utterances(tmp_path / "A.xml", "A.wav", Wanted("x_train", "ARA", buckwalter=True))
    assert [s.text for s in rest] == list(texts)
    assert isinstance(mixed, Drop) and (mixed.original, mixed.reason) == ("A", "mixed scripts")
    assert mixed.detail == "1 of 4 transcripts stay in Latin letters: 2"


@pytest.mark.parametrize(
    ("lines", "texts", "told"),
    [
        (["قال", "نعم", "OK", "12"], ["قال", "نعم", "OK", "12"], "1 of 4 transcripts stay in Latin letters: a_3"),
        (["qAl", "nEm", "لا", "12"], ["قال", "نعم", "لا", "12"], "1 of 4 transcripts are in Arabic script"),
        (["qAl", "نعم"], ["qAl", "نعم"], "1 of 2 transcripts stay in Latin letters: a_1"),  # as many: not most
        (["ﻗﺎﻝ", "ﻧﻌﻢ", "OK"], ["ﻗﺎﻝ", "ﻧﻌﻢ", "OK"], "1 of 3 transcripts stay in Latin letters: a_3"),
        (["qAl", "nEm"], ["قال", "نعم"], ""),
        (["قال", "نعم"], ["قال", "نعم"], ""),
    ],
)
def test_a_line_without_arabic_letters_is_buckwalter_only_if_most_lines_of_its_file_have_none(
    tmp_path, capsys, lines: list[str], texts: list[str], told: str
) -> None:
    ids = [f"a_{i}" for i in range(1, len(lines) + 1)]
    write_lines(tmp_path / "text", *(f"{id} {line}" for id, line in zip(ids, lines)))
    write_lines(tmp_path / "x.stm", *(f"A 0 x {i} {i + 1} {line}" for i, line in enumerate(lines)))
    assert list(read_texts(tmp_path / "text", ids=ids).values()) == texts
    output = capsys.readouterr().out
    assert told in output and bool(told) == ("WARNING" in output)
    assert list(read_stm(tmp_path / "x.stm").words.values()) == texts
    assert bool(told) == ("WARNING: x.stm" in capsys.readouterr().out)
