"""Length against transcript, and against the length that a corpus's own table states."""

import random

import pytest

from toolkit.data import pace
from toolkit.data.corpora.segments import Take
from toolkit.data.pace import Pace, differs, fault_of, letters_of, stated

SENTENCE = "قَالَ الرَّاوِي إِنَّ الشَّمْسَ طَلَعَتْ"  # 20 letters, 17 marks


def test_letters_are_counted_without_diacritics_tatweel_and_punctuation():
    assert letters_of(SENTENCE) == (20, 20)
    assert letters_of("السـلام، عليكم!") == letters_of("السلام عليكم") == (11, 11)
    assert letters_of("ا\u0653") == letters_of("آ") == (1, 1)  # NFC: one letter, however it is written
    assert letters_of("«؟» ...") == (0, 0)


def test_a_number_stands_for_words_that_are_not_written():
    """1446 is read as ألف وأربعمائة وستة وأربعون, 23 letters."""
    fewest, most = letters_of("1446")
    assert fewest <= 23 <= most
    for text in ("1446", "١٤٤٦", "۱۴۴۶"):
        assert letters_of(text) == (fewest, most)
        assert fault_of(text, 2.5) == fault_of(text, 6.0) == ""
    assert letters_of("123456789") == (18, 72) and letters_of("1000000") == (2, 56)
    assert fault_of("في 2003 و2004 و2005 و2006", 1.5) == ""
    assert fault_of("٪ 5", 5.5) == "" and fault_of("$ 5", 5.5) == ""


@pytest.mark.parametrize(
    ("text", "seconds", "words"),
    [
        ("كلمة " * 10, 0.1, "40 letters in 0.10 s: 400.0 a second, more than 35"),
        ("نعم", 8.0, "3 letters in 8.00 s: 0.38 a second, fewer than 1"),
        (SENTENCE, 60.0, "20 letters in 60.00 s: 0.33 a second, fewer than 1"),
        (SENTENCE, 0.5, "20 letters in 0.50 s: 40.0 a second, more than 35"),
        ("... ؟", 2.0, "0 letters in 2.00 s: 0.00 a second, fewer than 1"),
        ("1234567890" * 3, 1.0, "54 letters in 1.00 s: 54.0 a second, more than 35"),
        ("1446", 40.0, "32 letters in 40.00 s: 0.80 a second, fewer than 1"),
    ],
)
def test_a_pace_that_nobody_speaks_at_is_a_fault_that_names_the_values(text, seconds, words):
    assert fault_of(text, seconds) == words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(SENTENCE, 20.0), (SENTENCE, 20 / 35), ("لا", 3.0), ("نعم", 5.0), ("", 9.0), (" ", 0.1), ("hello, world", 1.0)],
)
def test_what_may_have_been_said_is_no_fault(text, seconds):
    assert fault_of(text, seconds) == ""


def test_a_limit_of_zero_is_none():
    assert fault_of("نعم", 1000.0, Pace(0.0, 35.0)) == fault_of("كلمة " * 50, 0.1, Pace(1.0, 0.0)) == ""
    with pytest.raises(ValueError, match=r"take\.min_letters_per_second"):
        Take(min_letters_per_second=40.0)


def test_a_stated_length_is_told_from_the_true_one_within_its_last_digit():
    (samples,) = stated("num_samples", "161280", 16000)
    assert samples.seconds == 10.08
    assert differs(samples, 0.84) == "num_samples 161280, 10.08 s, where it has 0.84 s"
    assert differs(samples, 9.58) == "" != differs(samples, 9.57)
    (minute,) = stated("video_duration", "60", recording=True)
    assert differs(minute, 61.4) == "" != differs(minute, 61.7)  # whole seconds: half a second more is none
    assert differs(minute, 30.0) == "video_duration 60, 60.00 s, where its recording has 30.00 s"
    (hours,) = stated("FullFileLength", "1:02:03.5")
    assert hours.seconds == 3723.5 and differs(hours, 3700.0) == ""  # one in a hundred


def test_what_is_no_positive_number_is_no_length_and_an_empty_column_states_none():
    for value in ("", "  ", "nan", "None", "N/A"):
        assert stated("column", value) == ()
        assert differs(stated("column", value, count=True)[0], 1.0) == f"column '{value.strip()}' is no length"
    for value in ("x", "0", "-3", "inf", "1:2:3:4", "57,600"):
        for count in (False, True):
            assert differs(stated("column", value, count=count)[0], 1.0) == f"column '{value}' is no length"
    for value, seconds in (("57600", 3.6), ("٥٧٦٠٠", 3.6), ("57600.0", 3.6), ("5.76E+04", 3.6)):
        assert stated("num_samples", value, 16000, count=True)[0].seconds == seconds
    assert "no length" in differs(stated("num_samples", "57600.5", 16000, count=True)[0], 3.6)


def test_what_is_clear_at_once_is_what_counting_finds(monkeypatch):
    draw = random.Random(1)
    texts = ["".join(draw.choices("ابت  َُ12ـ.,%", k=draw.randint(1, 60))) for _ in range(3000)]
    rows = [(text, draw.choice((0.1, 0.5, 1.0, 3.0, 6.0, 20.0, 60.0))) for text in texts]
    quick = [fault_of(*row) for row in rows]
    monkeypatch.setattr(pace, "_is_usual", lambda *_: False)
    assert quick == [fault_of(*row) for row in rows] and {bool(fault) for fault in quick} == {True, False}
