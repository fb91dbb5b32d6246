from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.data.corpora.mini_arabic import LEXICONS
from toolkit.data.corpora.mini_text import sentences, skeleton
from toolkit.score.categories import CATEGORIES, ORDER, RULES, Case, Thresholds, Verdict, categorise
from toolkit.score.dialect import Lexicon

LEXICON = Lexicon(lambda text: text)


def judge(reference: str, hypothesis: str, msa: str | None = None, **limits: float) -> Verdict:
    words = None if msa is None else msa.split()
    return categorise(Case(reference.split(), hypothesis.split(), LEXICON, words, Thresholds(**limits)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "category"),
    [
        ("ذهبت إلى السوق", "ذهبت إلى السوق", "correct"),
        ("", "", "correct"),
        ("ذهبت إلى السوق", "", "empty"),
        ("", "اشتركوا في القناة", "hallucination"),
        ("الراجل اللي جه امبارح", "شكرا لكم شكرا لكم شكرا لكم شكرا لكم", "deterioration"),
        ("أنا مش عارف ليه راح هناك", "أنا لا أعرف لماذا ذهب هناك", "MSA translation"),
        ("الراجل اللي جه امبارح", "الرجل الذي جاء أمس", "MSA translation"),
        ("وش تبي تسوي اليوم في البيت", "ترجمة نانسي قنقر على القناة الرسمية", "hallucination"),
        ("نراكم غدا", "نراكم غدا لا تنسوا الاشتراك في القناة", "hallucination"),  # fluent words at the end
        ("ذهبت إلى السوق مع أخي الصغير أمس", "ذهبت إلى السوق مع", "incomplete"),
        ("ذهبت إلى السوق مع أخي", "مع أخي", "incomplete"),
        ("شو بدك تاكل اليوم", "شور بدك تاكل اليوم", "dialectal inaccuracy"),
        ("شو بدك تاكل اليوم", "بدك تاكل اليوم", "dialectal inaccuracy"),
        ("ذهبت إلى السوق", "ذهبت إلى السور", "other"),
        ("اسمه عبد الله", "اسمه عبدالله", "other"),  # two words run into one: nothing is missing
    ],
)
def test_cases_that_a_reader_would_put_there(reference: str, hypothesis: str, category: str) -> None:
    assert judge(reference, hypothesis).category == category


def test_evidence_names_the_words_in_pairs() -> None:
    assert judge("أنا مش عارف ليه", "أنا لا أعرف لماذا").evidence == (("مش", "لا"), ("ليه", "لماذا"))
    assert judge("شو بدك تاكل اليوم", "بدك تاكل اليوم").evidence == (("شو", ""),)


def test_a_speakers_own_repetition_is_no_deterioration() -> None:
    said = "نعم " * 8
    assert judge(said + "تعال", said + "تعالى").category == "other"
    assert judge("لا تعال", "لا لا لا تعال").category == "other"  # three words, fewer than loop_words
    assert judge("نعم تعال", said + "تعال").category == "deterioration"


def test_a_loop_with_something_between_shows_in_the_letters() -> None:
    loop = " ".join(f"شكرا لكم على المشاهدة {i % 10}" for i in range(40))
    assert judge("شكرا لكم على المشاهدة", loop).category == "deterioration"


def test_by_an_msa_reference_the_nearer_text_decides() -> None:
    said, msa = "الراجل جه البيت وقعد", "الرجل أتى إلى المنزل وجلس"
    assert judge(said, "الرجل أتى إلى المنزل وجلس").category == "hallucination"  # nothing of it is in the lexicon
    assert judge(said, "الرجل أتى إلى المنزل وجلس", msa).category == "MSA translation"
    assert judge(said, "الراجل جه البيت وقعدت", msa).category == "dialectal inaccuracy"
    assert judge(said, "الرجل أتى البيت وقعد", msa, msa_reach=0.1).category != "MSA translation"


def test_words_that_the_msa_reference_has_too_are_no_dialect_words() -> None:
    case = Case(["الراجل", "راح", "السوق"], [], LEXICON, ["الرجل", "ذهب", "إلى", "السوق"])
    assert case.dialect_words == ["الراجل", "راح"]
    assert not Case(["السوق"], [], LEXICON, ["السوق"]).judged


def test_one_dialect_word_of_three_in_msa_is_no_translation() -> None:
    said, heard = "شو بدك تاكل هلق يا سامي", "ماذا بدك تاكل هلق يا سامي"
    assert judge(said, heard).category == "dialectal inaccuracy"
    assert judge(said, heard, msa_share=0.3).category == "MSA translation"


def mini(dialect: str) -> list[str]:
    drawn = sentences(LEXICONS[dialect], np.random.default_rng(1), set())[:200]
    return [skeleton(sentence) for sentence in drawn]


def test_sentences_of_another_speaker_are_hallucination_far_more_often_than_not() -> None:
    said, other = mini("JOR"), mini("MSA")
    found = [judge(a, b).category for a, b in zip(said, other)]
    assert found.count("hallucination") > 0.85 * len(found)


def test_one_letter_in_five_misheard_is_no_hallucination_and_no_loop() -> None:
    rng, letters = np.random.default_rng(1), list("ابتجحدرسعفقكلمنهوي")
    found = []
    for sentence in mini("MSA"):
        heard = [str(rng.choice(letters)) if c != " " and rng.random() < 0.2 else c for c in sentence]
        found.append(judge(sentence, "".join(heard)).category)
    assert set(found) <= {"correct", "other", "incomplete"}
    assert found.count("other") > 0.9 * len(found)


@given(
    *[st.lists(st.sampled_from(["اللي", "الذي", "مش", "لا", "ليه", "لماذا", "كتاب", "ولد"]), max_size=7).map(" ".join)]
    * 2
)
def test_every_utterance_gets_one_category_and_is_correct_only_where_the_words_are_the_same(r: str, h: str) -> None:
    verdict = judge(r, h)
    assert verdict.category in CATEGORIES
    assert (verdict.category == "correct") == (r == h)


@given(*[st.lists(st.sampled_from(["اللي", "الذي", "مش", "لا", "ليه", "لماذا", "كتاب", "ولد"]), max_size=7)] * 2)
def test_the_first_rule_of_the_order_that_fits_decides(r: list[str], h: list[str]) -> None:
    case = Case(r, h, LEXICON)
    fitting = [name for name in ORDER if r != h and RULES[name](case)]
    assert categorise(case).category == next(iter(fitting), "correct" if r == h else "other")


def test_every_rule_says_what_it_cannot_see() -> None:
    assert all("Cannot see: " in (rule.__doc__ or "") for rule in RULES.values())


@pytest.mark.parametrize(("name", "value"), [("msa_share", "1.5"), ("loop_count", "0"), ("likeness", "-0.1")])
def test_thresholds_out_of_reach_are_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(UserError, match=name):
        load_config(Thresholds, overrides={name: value})
