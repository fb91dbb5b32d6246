"""Words that stand for what is not known."""

import pytest

from toolkit.text.not_known import transcript_of


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "N/A", "NULL", "#N/A", "<NA>", " nan ", "", " "])
def test_a_transcript_of_a_word_that_a_program_writes_for_none_is_empty(word):
    assert transcript_of(word).strip() == ""


@pytest.mark.parametrize("text", ["نان", "none", "nan nan", "لا nan", "NA", "-", "غير معروف", "مجهول"])
def test_what_somebody_may_say_stays(text):
    assert transcript_of(text) == text
