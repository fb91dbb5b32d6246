"""Arabic garbled by a wrong encoding: the codecs of Python garble it here."""

import pytest

from toolkit.text.mojibake import garbled

TEXTS = ["مرحبا بكم في النشرة", "قال: لا، أفهم", "فهمت؟ نعم", "شكراً جزيلاً"]


@pytest.mark.parametrize(
    ("written", "read", "names"),
    [
        ("utf-8", "cp1252", "UTF-8 that was read as Windows-1252"),
        ("utf-8", "latin-1", "UTF-8 that was read as Windows-1252"),
        ("utf-8", "cp1256", "UTF-8 that was read as Windows-1256"),
        ("cp1256", "cp1252", "Windows-1256 that was read as Windows-1252"),
    ],
)
@pytest.mark.parametrize("text", TEXTS)
def test_what_a_wrong_encoding_made_of_arabic_is_known_and_its_first_word_named(text, written, read, names) -> None:
    made = "".join(bytes([byte]).decode(read, "ignore") or chr(byte) for byte in text.encode(written))
    why = garbled(f"12 {made}")
    assert names in why
    word = why.rpartition(" was ")[2]
    assert len(word) >= 2 and word in text


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS,
        "",
        "À bientôt, naïveté",
        "Ø Ùa ÅÄÖ",
        "ÉCOLE ÇA",
        "ظ، ط؟ ع…",
        "عکس گۆڕانکاری طعظغ",
        "Größe straße",
        "🎵 ؟؟",
    ],
)
def test_real_text_of_arabic_and_other_languages_is_not_garbled(text) -> None:
    assert garbled(text) == ""
