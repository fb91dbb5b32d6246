"""What stands in captions and is not speech is taken out; what may be speech stays."""

import time

import pytest

from toolkit.text.captions import speech_of, untagged


@pytest.mark.parametrize(
    "text",
    [
        "[موسيقى]",
        "[مُوسِيقَى]",
        "[ موسيقي ]",
        "[الموسيقى]",
        "\u200f[موسيقى]\u200f",
        "[Music]",
        "[MUSIC PLAYING]",
        "(applause)",
        "(Audience laughing)",
        "(تصفيق)",
        "(تصفيق حار من الجمهور)",
        "(ضحك وتصفيق).",
        "(صوت الرياح)",
        "( يضحك )",
        "*ضحك*",
        "]موسيقى[",
        ")تصفيق(",
        "(كلام غير مفهوم)",
        "[فاصل إعلاني]",
        "[باب يغلق]",
        "[المذيع]",
        "- [ضحك]\n- [تصفيق]",
        "[موسيقى\nهادئة]",
        "♪",
        "♪ … ♪",
        "♪♪ يا ليل يا عين ♪♪",
        "♪ يا ليل ♪\n♪ يا عين ♪",
        "♪ ♪ يا ليل ♪ ♪",
        "♪ يا ليل\nيا عين",
        "♫ ليلة العيد ♫",
        "🎵 يا ليل 🎶",
        "{\\an8}",
        "{\\an8}[موسيقى]",
        ">>",
        ">> المذيع:",
        "-",
        "…",
        "؟!",
        "[ __ ]",
        "\u200f",
        "",
    ],
)
def test_a_caption_of_sounds_songs_and_marks_alone_has_no_speech(text: str) -> None:
    assert speech_of(text) == ""


@pytest.mark.parametrize(
    ("text", "speech"),
    [
        ("[موسيقى] أهلًا بكم", "أهلًا بكم"),
        ("شكرًا لكم [تصفيق] جميعًا", "شكرًا لكم جميعًا"),
        ("شكرًا (تصفيق) لكم", "شكرًا لكم"),
        ("نعم [كلام غير مفهوم] لا", "نعم لا"),
        ("[باب يغلق]\nمن هناك؟", "من هناك؟"),
        ("أهلًا ♪ يا ليل ♪ بكم", "أهلًا بكم"),
        ("أهلًا بكم ♪", "أهلًا بكم"),
        ("أهلًا بكم\n♪ يا ليل", "أهلًا بكم"),
        ("{\\an8}أهلًا {\\i1}بكم{\\i0}", "أهلًا بكم"),
        ("{\\pos(190,210)\\fs20}أهلًا\\Nبكم", "أهلًا\nبكم"),
        (">> المذيع: أهلًا بكم", "أهلًا بكم"),
        (">> المُذيعُ الأوّل: أهلًا", "أهلًا"),
        (">>> Speaker 2: مرحبا", "مرحبا"),
        (">> أهلًا بكم", "أهلًا بكم"),
        ("نعم. >> لا\n>> بلى", "نعم. لا\nبلى"),
        ("[المذيع]: أهلًا بكم", "أهلًا بكم"),
        ("- كيف حالك؟\n- بخير", "كيف حالك؟\nبخير"),
        ("\u200f– كيف حالك؟\n\u200f-بخير", "كيف حالك؟\nبخير"),
        ("- [ضحك]\n- نعم", "نعم"),
    ],
)
def test_marks_leave_a_caption_and_its_words_stay(text: str, speech: str) -> None:
    assert speech_of(text) == speech


@pytest.mark.parametrize(
    "text",
    [
        "قال [نعم] ثم ذهب",
        "الفنون (الموسيقى والرسم) في المدارس",
        "تعلّم (غناء) في المعهد",
        "يحب الفنون (الموسيقى) كثيرًا",
        "(غير المغضوب عليهم ولا الضالين)",
        "(واضح)",
        "(س) تساوي خمسة",
        "(س)",
        "[س]",
        "في [12] نعم",
        "(12)",
        "(قل هو الله أحد)",
        "(يعني) هذا صحيح",
        "٥ < ٦ و 7 > 6",
        "7 >> 6",
        "قال لي: تعال",
        "المذيع: أهلًا بكم",
        "الساعة 5:30 مساءً",
        "-5 درجات",
        "- 5 درجات",
        "جدة-مكة - المدينة",
        "{ كلمة / كلمه } <unk> (كلم-)",
        "خمسة * ستة * سبعة",
        "مع الـ# يعني @@@",
        "الموسيقى هادئة",
        "a < b\u200e",
    ],
)
def test_what_may_be_said_stays_as_it_is(text: str) -> None:
    assert speech_of(text) == text


@pytest.mark.parametrize(
    ("text", "speech"),
    [
        (">> قال لي صديقي: تعال", "قال لي صديقي: تعال"),
        (">> وقالت: لا", "وقالت: لا"),
        (">> الساعة 5:30 مساءً", "الساعة 5:30 مساءً"),
        (">> هذا هو الكتاب الأول: اقرأه", "هذا هو الكتاب الأول: اقرأه"),
    ],
)
def test_after_a_mark_of_a_speaker_a_sentence_with_a_colon_is_no_name(text: str, speech: str) -> None:
    assert speech_of(text) == speech


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("12] مرحبا", "مرحبا"),
        ("١٢] مرحبا", "مرحبا"),
        ("<c>3]</c> نعم", "نعم"),
        ("في [12] نعم", "في [12] نعم"),
        ("٥ < ٦ و 7 > 6", "٥ < ٦ و 7 > 6"),
        ("<i>&lt;صوت&gt;</i>&nbsp;", "<صوت>"),
        ("السلام<00:00:00.960><c> عليكم</c>", "السلام عليكم"),
        ('<font color="#fff">نعم</font>', "نعم"),
    ],
)
def test_tags_and_numbers_of_cues_are_no_text(line: str, text: str) -> None:
    assert untagged(line) == text


@pytest.mark.parametrize(
    "unit", ["[", "(", "♪", "♪ ", "[ا", "[.", "*", "{\\", "> ", ">> ا ", "- ", "\u200f", "]: ", "<a"]
)
def test_long_line_of_marks_is_read_at_once(unit: str) -> None:
    text = unit * (200_000 // len(unit)) + "ا"
    begin = time.monotonic()
    speech_of(untagged(text))
    assert time.monotonic() - begin < 3
