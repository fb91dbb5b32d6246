"""Transcripts in Arabic script or Buckwalter's: each line by its own letters, a file by most of its lines."""

from xml.sax.saxutils import escape

import pytest
from trees import speech, write_lines
from trees.mgb2 import guid

from toolkit.data.corpora.masc import Video, by_script
from toolkit.data.corpora.mgb_tables import read_stm, read_texts
from toolkit.data.corpora.mgb_xml import Wanted, utterances
from toolkit.data.corpora.scripts import BOTH, in_arabic, mostly_latin, script_of
from toolkit.data.corpora.segments import Drop
from toolkit.data.corpora.sources import SourceError
from toolkit.data.corpora.vtt import Cue
from toolkit.text.buckwalter import to_arabic
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
    assert in_arabic(texts, "x.bw") == (made, {"c": BOTH})
    assert "x.bw: 1 of 6 transcripts are in Arabic script" in capsys.readouterr().out


def test_latin_words_in_a_file_in_arabic_script_stay_and_lines_of_them_alone_are_told(capsys) -> None:
    texts = {"a": "OK", "b": "كتاب", "c": "شركة Google"}
    assert in_arabic(texts, "x") == (texts, {})
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
    mixed, one, two, three, *rest = utterances(tmp_path / "A.xml", "A.wav", Wanted("x_train", "ARA"))
    assert [one.text, three.text, *(s.text for s in rest)] == ["قال", "قال", "نعم", "لا"]
    assert isinstance(two, Drop) and two.reason == "malformed row"
    assert (
        isinstance(mixed, Drop) and mixed.detail == "1 of 5 transcripts are in Arabic script, the rest in Buckwalter's"
    )


def programme_of(tmp_path, *texts: str):
    """The rows and utterances of a programme in which each of these is a segment."""
    segments = "".join(
        f'<segment starttime="{i}" endtime="{i + 1}"><element>{escape(text)}</element></segment>'
        for i, text in enumerate(texts)
    )
    (tmp_path / "A.xml").write_text(f"<t><segments>{segments}</segments></t>", encoding="utf-8")
    return list(utterances(tmp_path / "A.xml", "A.wav", Wanted("x_train", "ARA")))


def test_words_that_are_no_buckwalter_stay_in_a_file_in_it_and_are_told_with_their_ids(tmp_path, capsys) -> None:
    lines = ["a_1 mrHbA CNN International", "a_2 facebook mzyAn", "a_3 OK yA", "a_4 <unk> nEm", "a_5 قال BBC", "a_6 lA"]
    write_lines(tmp_path / "t.bw", *lines)
    assert read_texts(tmp_path / "t.bw", ids=["a_1"]) == {
        "a_1": "مرحبا CNN International",
        "a_2": "facebook مزيان",
        "a_3": "OK يا",
        "a_4": "<unk> نعم",
        "a_5": "قال BBC",  # its Latin word is no Buckwalter, so that its script can be told
        "a_6": "لا",
    }
    message = (
        "5 words are no Buckwalter, and stay in Latin letters: CNN (a_1), International (a_1), facebook (a_2), ..."
    )
    assert message in capsys.readouterr().out


def test_a_latin_word_that_looks_like_buckwalter_is_told_in_a_file_without_vowel_signs(capsys) -> None:
    plain = {f"a_{i}": "mrHbA bkm jmyEA" for i in range(10)}
    made, _ = in_arabic(plain | {"b_1": "Salut bkm"}, "x")
    assert made["b_1"] == "صَلُت بكم"  # what the alphabet cannot tell
    message = "WARNING: x: 1 words may be Latin ones, read as Arabic"
    assert f"{message}: Salut (b_1)" in capsys.readouterr().out
    vowelled = {f"a_{i}": "marHabAF bikumo jamiyEFA ^um~a" for i in range(10)}
    in_arabic(vowelled, "x")
    assert capsys.readouterr().out == ""
    in_arabic(vowelled | {"b_1": "foundation"}, "x")
    assert f"{message}: foundation (b_1)" in capsys.readouterr().out


def test_a_letter_of_the_corpus_own_begins_a_word_of_buckwalter() -> None:
    texts = {"a": "^um~a qAla", "b": "lA"}
    made, _ = in_arabic(texts, "x", lambda text: to_arabic(text.replace("^", "v")))
    assert made == {"a": "ثُمّ\u064e قالَ", "b": "لا"}


def test_a_typing_error_in_each_line_makes_no_file_in_buckwalter_a_latin_one() -> None:
    words = ["qAle", "mrHbA", "bkm"]  # one in three has a letter that is none
    made, malformed = in_arabic({i: " ".join(words) for i in range(5)}, "x")
    assert (set(made.values()), malformed) == ({"qAle مرحبا بكم"}, {})


def test_a_programme_in_buckwalter_is_converted_whichever_folder_it_is_in(tmp_path) -> None:
    texts = [segment.text for segment in programme_of(tmp_path, "mrHbA bkm", "kyf HAlk", "<lY Al|n", "*hb")]
    assert texts == ["مرحبا بكم", "كيف حالك", "إلى الآن", "ذهب"]


def test_a_programme_in_english_stays_and_is_told(tmp_path) -> None:
    told, *rest = programme_of(tmp_path, "hello and welcome to the news", "this is CNN", "مرحبا")
    assert [segment.text for segment in rest] == ["hello and welcome to the news", "this is CNN", "مرحبا"]
    assert isinstance(told, Drop) and told.detail.startswith("2 of 3 transcripts are in Latin letters, no Buckwalter")


def test_a_transcript_that_an_encoding_garbled_is_malformed_in_every_reader(tmp_path) -> None:
    odd = "مرحبا بكم".encode().decode("cp1252", "ignore")
    write_lines(tmp_path / "text", "a_1 نعم", f"a_2 {odd}", "a_3 لا")
    bad: list[SourceError] = []
    assert read_texts(tmp_path / "text", bad=bad.append, ids=["a_1"]) == {"a_1": "نعم", "a_3": "لا"}
    assert [e.where.rpartition(" ")[2] for e in bad] == ["2"]
    assert "garbled: UTF-8 that was read as Windows-1252" in bad[0].what
    write_lines(tmp_path / "x.stm", "A 0 x 1 2 نعم", f"A 0 x 3 4 {odd}")
    assert [*read_stm(tmp_path / "x.stm").unusable] == [2]
    _, row = programme_of(tmp_path, "نعم", odd)
    assert isinstance(row, Drop) and row.reason == "malformed row" and row.detail.startswith("garbled")
    cue, row = by_script(Video("clean_test", "v", {}), [Cue(1, 0, 1, "نعم"), Cue(2, 1, 2, odd)])
    assert cue == Cue(1, 0, 1, "نعم")
    assert isinstance(row, Drop) and row.reason == "malformed row" and row.detail.startswith("line 2: garbled")


def test_a_video_with_mostly_latin_captions_is_told_with_its_share_and_keeps_them() -> None:
    cues = [Cue(i, i, i + 1, text) for i, text in enumerate(["hello", "and welcome", "to all", "مرحبا"])]
    told, *rest = by_script(Video("clean_train", "v", {}), cues)
    assert rest == cues and isinstance(told, Drop) and told.original == "v"
    assert told.detail.startswith("3 of 4 (75 %) have more Latin words than Arabic ones")
    assert mostly_latin(["hello", "نعم", "12"]) == ""
    assert mostly_latin(["Bonjour les amis", "on va parler de السيارات", "merci خويا"]).startswith("2 of 3 (67 %)")


def test_texts_lose_what_is_no_speech_as_references_by_time_do(tmp_path) -> None:
    for texts in (["[موسيقى] نعم", "لا (تصفيق)"], ["[mwsyqY] nEm", "lA (tSfyq)"], ["[HES] nEm", "lA <breath>"]):
        write_lines(tmp_path / "text", *(f"a_{i} {text}" for i, text in enumerate(texts)))
        write_lines(tmp_path / "x.stm", *(f"A 0 x {i} {i + 1} {text}" for i, text in enumerate(texts)))
        assert list(read_texts(tmp_path / "text", ids=["a_0"]).values()) == ["نعم", "لا"]
        assert list(read_stm(tmp_path / "x.stm").words.values()) == ["نعم", "لا"]


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
    mixed, *rest = utterances(tmp_path / "A.xml", "A.wav", Wanted("x_train", "ARA"))
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


def test_words_in_buckwalter_that_are_cut_into_clitics_are_joined_and_told(capsys) -> None:
    texts = {"a": "Al+ktAb w+ Al+qlm", "b": "mdrsp +hA l+ Al+ wld 1 + 1", "c": "w+b+ktAb+hm", "d": "qAl C+ nEm"}
    made = {"a": "الكتاب والقلم", "b": "مدرستها للولد 1 + 1", "c": "وبكتابهم", "d": "قال C+ نعم"}
    assert in_arabic(texts, "x.bw") == (made, {})
    assert "x.bw: 3 transcripts have words cut at +, which are joined: a, b, c" in capsys.readouterr().out


PERSIAN = ["یہ ایک کتاب ہے", "من به خانه می\u200cروم", "گفتم چرا", "ئەوە باش"]
DIALECTS = ["شلونك چا وين راح", "گال لي پاسپورت", "این انت يا محمد", "کیف حالک", "على البرايا مي باردة"]


def test_a_file_in_persian_urdu_or_kurdish_is_told_and_loan_words_and_keyboards_are_none(capsys) -> None:
    texts = dict(enumerate([*PERSIAN, *DIALECTS]))
    assert in_arabic(texts, "x") == (texts, {})
    message = "WARNING: x: 4 of 9 (44 %) seem to be in Persian, Urdu or Kurdish, first: 0"
    assert message in capsys.readouterr().out
    assert in_arabic(few := dict(enumerate([PERSIAN[0], *DIALECTS])), "x") == (few, {})
    assert capsys.readouterr().out == ""
    cues = [Cue(3 * i, i, i + 1, text) for i, text in enumerate(PERSIAN, 1)]
    row, *rest = by_script(Video("clean_train", "v", {}), cues)
    assert rest == cues and isinstance(row, Drop) and row.reason == "another language"
    assert row.detail == "4 of 4 (100 %) seem to be in Persian, Urdu or Kurdish, first: line 3"
