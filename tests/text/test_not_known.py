"""Words that stand for what is not known."""

import pytest

from toolkit.text.not_known import is_not_known, label_of, transcript_of


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "N/A", "NULL", "#N/A", "<NA>", " nan ", "", " "])
def test_a_transcript_of_a_word_that_a_program_writes_for_none_is_empty(word):
    assert transcript_of(word).strip() == ""


@pytest.mark.parametrize("text", ["نان", "none", "nan nan", "لا nan", "NA", "-", "غير معروف", "مجهول"])
def test_what_somebody_may_say_stays(text):
    assert transcript_of(text) == text


SPELLINGS = (
    "unknown|UNK|<unk>|nan|None|N/A|n.a.|#N/A|-|--|?|???|_|.|[unknown]|(Unknown)|\"unknown\"|'nan'|unknown.|ｕｎｋｎｏｗｎ|un\u00adknown|"
    "not specified|not_available|unspecified|missing|unlabeled|und|غير معروف|غير_معروف|غير-معروف|غيرمعروف|غير معروفة|"
    'غير معروفه|غَيْر مَعروف|غـير معروف|مَجهول|«مجهول»|(غير محدد)|لا يوجد|""|()|'
    "not_applicable|Unknown_dialect|Dialect unknown|TBD|unsure|Not sure|لم يحدد|لم_يحدد|لا_يعرف|None_of_these|"
    "none of the above|لهجة غير معروفة|اللهجة_غير_محددة|zxx|MUL|mis|und"
)


@pytest.mark.parametrize("word", SPELLINGS.split("|"))
def test_a_word_that_says_nobody_knows_is_no_label_however_it_is_spelt(word: str) -> None:
    assert label_of(word) == "unknown"


MEANT = "no|other|unclear|Mulki|أخرى|معروف|غير|لا|:)|C+|s1|0|الغير|Unkel|null-1|MSA|Mali|_unknown_"


@pytest.mark.parametrize("word", MEANT.split("|"))
def test_a_label_that_somebody_may_mean_stays(word: str) -> None:
    assert not is_not_known(word) and label_of(word) == word
