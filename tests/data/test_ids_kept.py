"""Names that can be ids as they are stay so."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.ids import SHORTENED, safe

LETTERS = st.characters(codec="utf-8", categories=("Lu", "Ll", "Lo", "Nd"))


@pytest.mark.parametrize("word", ["سجل", "مُشَكَّل", "Café", "日本", "ab_1", "٠١", "سجل-٠١", "a.b+c@d"])
def test_a_usable_name_is_kept_as_it_is(word: str) -> None:
    assert safe(word) == word


@given(st.text(LETTERS, min_size=1, max_size=SHORTENED // 4))
def test_letters_and_digits_of_any_script_are_kept_in_nfc(word: str) -> None:
    """As many as four bytes each, none of them is shortened."""
    word = unicodedata.normalize("NFC", word)
    if len(word.encode()) <= SHORTENED:
        assert safe(word) == word


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("مجلد/سجل ١.wav", "مجلد-سجل_١.wav"),
        ("a..b", "a.b"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("\u202bسجل\u202c", "سجل"),
        ("-_.a.-", "a"),
    ],
)
def test_what_cannot_be_in_an_id_is_replaced_and_the_rest_reads_the_same(name: str, id: str) -> None:
    assert safe(name) == id
