"""The filter of the WER against cases worked by hand, and error rates against jiwer."""

from __future__ import annotations

import jiwer
import pytest
from arabic_texts import sentences, texts
from hypothesis import given
from hypothesis import strategies as st
from pseudo.label_trees import hypothesis, measured

from toolkit.pseudo.criteria import parse, select
from toolkit.text.normalise import profile

# reference, label, word errors, words of the reference, all under sawt
WORKED = {
    "a label without the vowel signs of its reference is perfect": ("قَالَ المُعَلِّمُ", "قال المعلم", 0, 2),
    "a label with vowel signs that the reference has not is": ("قال المعلم", "قَالَ المُعَلِّمُ", 0, 2),
    "tatweel only lengthens a word": ("المكتبة كبيرة", "المكتبـــة كبيرـة", 0, 2),
    "presentation forms are the letters they show": ("لا بأس", "\ufefb \ufe91\ufe84\ufeb1", 0, 2),
    "Arabic-Indic digits are those of Latin": ("سنة ١٩٧٣", "سنة 1973", 0, 2),
    "Persian digits are, too": ("سنة ۱۹۷۳", "سنة ١٩٧٣", 0, 2),
    "hamza on its alef is no error": ("أحمد إلى آخر", "احمد الى اخر", 0, 3),
    "punctuation is no word": ("نعم، قال: لا!", "نعم قال لا", 0, 3),
    "marks of direction are nothing": ("\u200fنعم\u200e لا", "نعم لا", 0, 2),
    "one word of three": ("انا رحت السوق", "انا رحت المدرسة", 1, 3),
    "one of five, and one inserted": ("كان يا ما كان هنا", "كان يا ما قد كان هناك", 2, 5),
    "capitals of another script do not matter": ("نعم OK", "نعم ok", 0, 2),
    "a label of another text": ("انا رحت", "شكرا لكم على المشاهدة", 4, 2),
}


@pytest.mark.parametrize("case", WORKED)
def test_the_filter_decides_as_a_reader_would(case: str) -> None:
    reference, label, errors, words = WORKED[case]
    measures = measured([(reference, label)])
    assert (measures.words.edits[0], measures.words.lengths[0]) == (errors, words)
    assert measures.columns["wer"][0] == 100 * errors / words
    for limit in (0, 20, 40, 80, 200):
        kept = select(measures, "filtered", parse(f"wer <= {limit}")).kept
        assert kept[0] == (errors * 100 <= limit * words)


def test_every_arabic_label_equal_to_its_reference_is_kept_though_its_script_has_no_case() -> None:
    text = "هذا نص بلا حالة أحرف"
    assert text.upper() == text == text.lower()  # what a filter of capitals would take for shouting
    assert select(measured([(text, text)]), "filtered", parse("wer <= 0")).kept.all()


def test_whispers_own_normalisation_breaks_at_vowel_signs_and_is_to_be_asked_for() -> None:
    pairs = [("قَالَ", "قال")]
    assert measured(pairs).columns["wer"][0] == 0
    assert measured(pairs, "whisper-basic").columns["wer"][0] > 0


def test_the_papers_profile_deletes_what_is_not_arabic() -> None:
    pairs = [("افتح تطبيق google الآن", "افتح تطبيق الآن")]
    assert measured(pairs, "to-distill").columns["wer"][0] == 0
    assert measured(pairs).columns["wer"][0] == 25


def test_utterances_are_judged_one_by_one_and_not_as_they_are_joined() -> None:
    pairs = [("نعم يا سيدي العزيز", "نعم يا سيدي العزيز"), ("لا", "نعم")]
    joined = " ".join(a for a, _ in pairs), " ".join(b for _, b in pairs)
    measures = measured([*pairs, joined])
    assert select(measures, "filtered", parse("wer <= 20")).kept.tolist() == [True, False, True]


@pytest.mark.parametrize("limit", [20, 40, 60])
def test_a_rate_of_just_the_limit_is_kept(limit: int) -> None:
    words = ["كان", "يا", "ما", "كان", "هنا"]
    label = ["خطا" if i < limit // 20 else word for i, word in enumerate(words)]
    measures = measured([(" ".join(words), " ".join(label))])
    assert measures.columns["wer"][0] == limit
    assert select(measures, "at", parse(f"wer <= {limit}")).kept.all()
    assert not select(measures, "below", parse(f"wer <= {limit - 0.001}")).kept.any()


@given(st.lists(st.tuples(texts | sentences, texts | sentences), min_size=1, max_size=5))
def test_error_rates_are_jiwers(pairs: list[tuple[str, str]]) -> None:
    measures, spelt = measured(pairs), profile("sawt")
    for i, (reference, label) in enumerate(pairs):
        one, label_text = spelt(reference), spelt(label)
        if not one:
            assert measures.columns["wer"][i] != measures.columns["wer"][i]  # NaN
            continue
        assert measures.columns["wer"][i] == pytest.approx(100 * jiwer.wer(one, label_text))
        assert measures.columns["cer"][i] == pytest.approx(100 * jiwer.cer(one, label_text))


def test_an_empty_label_has_a_wer_of_100_and_is_never_kept() -> None:
    measures = measured([("انا رحت", ""), ("انا رحت", " … "), ("انا رحت", "انا رحت")])
    assert measures.columns["wer"].tolist() == measures.columns["cer"].tolist() == [100, 100, 0]
    for criterion in ("", "wer <= 120", "words <= 3", "repetition <= 9"):
        chosen = select(measures, "any", parse(criterion))
        assert chosen.kept.tolist() == [False, False, True]
        assert chosen.dropped() == {"empty label": 2}


def test_a_label_that_was_cut_off_is_no_label() -> None:
    measures = measured([("انا رحت", hypothesis("a", "انا رحت", ended=False)), ("انا رحت", "انا رحت")])
    assert measures.columns["wer"].tolist() == [0, 0]
    assert select(measures, "unfiltered", ()).dropped() == {"label cut off": 1}


def test_an_utterance_without_a_reference_is_dropped_by_a_filter_that_wants_one_for_a_reason_of_its_own() -> None:
    measures = measured([(None, "نعم"), ("؟!", "نعم"), ("نعم", "لا"), ("نعم", "نعم")])
    chosen = select(measures, "filtered", parse("wer <= 20"))
    assert chosen.kept.tolist() == [False, False, False, True]
    assert chosen.dropped() == {"no reference": 1, "empty reference": 1, "wer above 20": 1}
    assert select(measures, "unfiltered", ()).kept.all()
