"""Names of dialects and their codes."""

import re

import pytest

from toolkit.data.corpora.dialects import COUNTRIES, REGIONS, code_of

# as the paper of ADI-17 lists them
ADI17 = re.findall("...", "ALGEGYIRAJORKSAKUWLEBLIBMAUMOROMAPALQATSUDSYRUAEYEM")
CASABLANCA = ["Algeria", "Egypt", "Jordan", "Mauritania", "Morocco", "Palestine", "UAE", "Yemen"]


def test_every_code_of_adi17_and_adi5_is_its_own_code() -> None:
    for code in [*ADI17, "EGY", "GLF", "LAV", "MSA", "NOR", "ENG", "ARA"]:
        assert code_of(code) == code == code_of(code.lower())


def test_the_countries_of_casablanca_have_the_codes_of_adi17() -> None:
    assert [code_of(name) for name in CASABLANCA] == ["ALG", "EGY", "JOR", "MAU", "MOR", "PAL", "UAE", "YEM"]


ALGERIA = """الجزائر, الجَزَائِر, جزائري, الجزائرية, اللهجة الجزائرية, الجزاير
الجـــزائر, ar-DZ, ar_dz, Algerian Arabic, algerian dialect, DZA"""


@pytest.mark.parametrize("name", re.split(r", |\n", ALGERIA))
def test_diacritics_hamza_tatweel_article_and_the_word_dialect_do_not_count(name: str) -> None:
    assert code_of(name) == "ALG"


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (
            ("saudi arabia", "Saudi-Arabia", "SAUDI_ARABIA", "SaudiArabia", "السعودية", "المملكة العربية السعودية"),
            "KSA",
        ),
        (("الأردن", "الاردن", "أردني", "اردنية", "Jordanian"), "JOR"),
        (("الإمارات", "الامارات", "United Arab Emirates", "إماراتي", "AE"), "UAE"),
        (("MAR", "المغرب", "مغربي", "Darija", "ary"), "MOR"),
        (("مغاربي", "Maghrebi", "North Africa", "شمال إفريقيا", "شمال افريقيا"), "NOR"),
        (("IRQ", "iraqi", "العراقية"), "IRA"),
        (("Gulf", "Khaliji", "خليجي", "الخليجية"), "GLF"),
        (("Levantine", "LEV", "شامي", "بلاد الشام"), "LAV"),
        (("Modern Standard Arabic", "modern-standard", "الفصحى", "العربية الفصحى", "فُصْحَى"), "MSA"),
        (("Najdi", "نجدي"), "NAJ"),
        (("Hijazi", "Hejazi", "حجازية"), "HIJ"),
        (("ar_eg", "arz", "مِصر", "المصرية"), "EGY"),
        (("Arabic", "العربية", "ar"), "ARA"),
    ],
)
def test_names_of_one_dialect_have_one_code(names: tuple[str, ...], code: str) -> None:
    assert {name: code_of(name) for name in names} == dict.fromkeys(names, code)


@pytest.mark.parametrize(
    "name", ["", " ", "-", "Klingon", "Unknown", "More than 1 speaker", "1", "غير واضح", "ar-XX", "ar-US"]
)
def test_what_is_no_dialect_has_no_code(name: str) -> None:
    assert code_of(name) == ""


def test_codes_are_three_capitals_and_no_name_stands_for_two_of_them() -> None:
    table = REGIONS | COUNTRIES
    assert all(re.fullmatch("[A-Z]{3}", code) for code in table)
    for code, names in table.items():
        assert {name: code_of(name) for name in names.split()} == dict.fromkeys(names.split(), code)
