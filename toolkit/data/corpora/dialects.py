"""Names of Arabic dialects, countries and regions, in English and Arabic -> codes of three capitals.

Countries go by the codes of ADI-17 (and of ADI-20, which adds BAH and TUN), regions by those of ADI-5:
  ALG BAH EGY IRA JOR KSA KUW LEB LIB MAU MOR OMA PAL QAT SUD SYR TUN UAE YEM
  GLF LAV NOR MSA; of Saudi Arabia NAJ (Najd), HIJ (Hijaz), SOU (south), NTH (north); CLA (classical Arabic);
  ARA, Arabic of which nobody says the dialect, and ENG.
Beside the names, the codes of ISO 3166 (DZ, DZA), ISO 639-3 (arq) and tags such as ar-DZ and ar_eg are known.
"""

from __future__ import annotations

import re
import unicodedata

COUNTRIES = {  # code: two and three letters of ISO 3166, of ISO 639-3 where it has one; names
    "ALG": "dz dza arq Algeria Algerian الجزائر جزائري جزائرية",
    "BAH": "bh bhr Bahrain Bahraini البحرين بحريني بحرينية",
    "EGY": "eg egy arz Egypt Egyptian Masri Cairene مصر مصري مصرية قاهري قاهرية",
    "IRA": "iq irq acm Iraq Iraqi Mesopotamian Baghdadi العراق عراقي عراقية بغدادي بغدادية",
    "JOR": "jo jor Jordan Jordanian الأردن أردني أردنية",
    "KSA": "sa sau Saudi Saudi-Arabia Saudi-Arabian السعودية سعودي سعودية المملكة-العربية-السعودية",
    "KUW": "kw kwt Kuwait Kuwaiti الكويت كويتي كويتية",
    "LEB": "lb lbn Lebanon Lebanese لبنان لبناني لبنانية",
    "LIB": "ly lby ayl Libya Libyan ليبيا ليبي ليبية",
    "MAU": "mr mrt mey Mauritania Mauritanian Hassaniya Hassani موريتانيا موريتاني موريتانية حساني حسانية",
    "MOR": "ma mar ary Morocco Moroccan Darija المغرب مغربي مغربية دارجة",
    "OMA": "om omn acx Oman Omani عمان عماني عمانية سلطنة-عمان",
    "PAL": "ps pse Palestine Palestinian فلسطين فلسطيني فلسطينية",
    "QAT": "qa qat Qatar Qatari قطر قطري قطرية",
    "SUD": "sd sdn apd Sudan Sudanese السودان سوداني سودانية",
    "SYR": "sy syr Syria Syrian Damascene سوريا سورية سوري شامي-سوري دمشقي",
    "TUN": "tn tun aeb Tunisia Tunisian تونس تونسي تونسية",
    "UAE": "ae are Emirates Emirati United-Arab-Emirates الإمارات إماراتي إماراتية الإمارات-العربية-المتحدة",
    "YEM": "ye yem acq ayn ayh Yemen Yemeni Yemenite Sanaani Adeni اليمن يمني يمنية صنعاني صنعانية",
}
REGIONS = {
    "GLF": "afb Gulf Gulf-Arabic Khaliji Khaleeji Arabian-Gulf الخليج خليجي خليجية الخليج-العربي",
    "LAV": "LEV ajp apc Levant Levantine Shami بلاد-الشام الشام شامي شامية",
    "NOR": "NAF Maghreb Maghrebi Maghribi North-Africa North-African شمال-أفريقيا شمال-إفريقيا مغاربي مغاربية",
    "NAJ": "ars Najd Najdi Nejd Nejdi نجد نجدي نجدية",
    "HIJ": "acw Hijaz Hijazi Hejaz Hejazi الحجاز حجازي حجازية",
    "SOU": "Janubi Southern-Saudi جنوبي جنوبية",
    "NTH": "Shamali Northern-Saudi شمالي شمالية",
    "MSA": "arb Modern-Standard Standard Fusha Fus-ha الفصحى فصحى فصيح عربية-فصحى الفصحى-الحديثة",
    "CLA": "Classical Quranic الفصحى-التراثية تراثية قرآني",
    "ARA": "ar arab Arabic العربية عربي عربية",
    "ENG": "en en-us en-gb English إنجليزي إنجليزية",
}

_LETTERS = str.maketrans("أإآٱىئؤة", "ااااييوه", "ءـ")
_SAID_BESIDES = re.compile(r"\b(dialects?|accents?|variety|language|لهجه|لهجات|لغه)\b")
_LOCALE = re.compile(r"(?:ar|ara) ([a-z]{2,3})")


def plain(name: str) -> str:
    """The words of a name as they are compared: no case, diacritics, hamza, tatweel, article or punctuation.

    Words are joined by single spaces, without those that only say that it is a dialect.
    """
    text = unicodedata.normalize("NFKC", name).translate(_LETTERS)
    text = unicodedata.normalize("NFKD", text).casefold()
    text = "".join(" " if not c.isalnum() else c for c in text if unicodedata.category(c) not in ("Mn", "Cf"))
    words = (re.sub(r"^ال(?=\w{3})", "", word) for word in text.split())
    return " ".join(_SAID_BESIDES.sub(" ", " ".join(words)).split())


_CODES = {plain(word): code for code, names in (REGIONS | COUNTRIES).items() for word in (code, *names.split())}
_JOINED = {name.replace(" ", ""): code for name, code in _CODES.items()}


def code_of(name: str) -> str:
    """The code of the dialect, country or region that `name` means; an empty string where it is none of the table.

    Case, spaces, hyphens, diacritics, the forms of alif and hamza, the Arabic article and words such as "dialect" or
    "Arabic" beside the name do not count: `الجَزائر`, `جزائري`, `Algerian Arabic`, `DZA` and `ar-DZ` are ALG.
    """
    words = plain(name)
    if locale := _LOCALE.fullmatch(words):
        words = locale[1]
    known = _JOINED.get(words.replace(" ", ""))
    if known or not words:
        return known or ""
    bare = re.sub(r"\b(modern standard arabic)\b", "msa", words)
    bare = " ".join(word for word in bare.split() if word not in ("arabic", "arab", "عربيه", "عربي"))
    return _JOINED.get(bare.replace(" ", ""), "")
