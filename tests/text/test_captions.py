"""What stands in captions and is not speech is taken out; what may be speech stays."""

import time

import pytest

from toolkit.text.caption_codes import untagged
from toolkit.text.captions import described, in_doubt, in_round, speech_of, sung, why_silent
from toolkit.text.unheard import unheard


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
        "[موسيقى",
        "{موسيقى}",
        "[[موسيقى]]",
        "[ضحك] (تصفيق)",
        "{an8}{y:i}♪",
        "[باب يغلق]",
        "«موسيقى»",
        "-موسيقى-",
        "<موسيقى>",
        "[00:12:30]",
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
        ("نعم [كلام غير مفهوم] لا", "نعم [كلام غير مفهوم] لا"),
        ("[باب يغلق]\nمن هناك؟", "من هناك؟"),
        ("أهلًا ♪ يا ليل ♪ بكم", "أهلًا بكم"),
        ("تعال\n# يا ليل #\n¶ يا عين ¶\nيا سمرا ♪", "تعال"),
        ("{\\p1}m 0 0 l 100 0 100 100{\\p0}أهلًا", "أهلًا"),
        ("{ \\an8 }أهلًا|بكم", "أهلًا\nبكم"),
        ("\\an8أهلًا", "أهلًا"),
        ("[المذيع الأول] تعال هنا\n[سارة]: لا أريد", "تعال هنا\nلا أريد"),
        ("[د. أحمد] تعال\n[رجل ٢] لا\n(المذيع) نعم", "تعال\nلا\nنعم"),
        ("[بصوت عالٍ] تعال\n(همسًا) لا", "تعال\nلا"),
        ("(بكاء طفل) أين أمي؟\n(موسيقى تصويرية) هنا", "أين أمي؟\nهنا"),
        ("(بالإنجليزية) hello", "hello"),
        ("【المذيع】 نعم （ضحك）\n［رجل］ لا", "نعم\nلا"),
        ("[HES] قال <breath> نعم", "قال نعم"),
        ("[أحمد:] تعال\n(سارة:) لا\n[قال:] نعم", "تعال\nلا\n[قال:] نعم"),
        ("[0:05] كان [2:1] و[2:255] [01:02.500 --> 01:03.000]", "كان [2:1] و[2:255]"),
        ("[00:12:30] قال (00:12:31) نعم", "قال نعم"),
        ("[ال]كتاب الذي كتب[ت] والكت[ا]ب", "الكتاب الذي كتبت والكتاب"),
        ("- أ.د. محمد العريفي: نعم\n>> أ.د. سارة: لا", "نعم\nلا"),
        (">>[NARRATOR] تعال", "تعال"),
        ("[SPEAKER_01] تعال\nSPEAKER_00: نعم", "تعال\nنعم"),
        (">> د. محمد العريفي: السلام عليكم", "السلام عليكم"),
        (">> Dr. Ahmed: مرحبا", "مرحبا"),
        ("- المذيع: مرحبا\n- قالت: لا\n- النتيجة: نعم", "مرحبا\nقالت: لا\nالنتيجة: نعم"),
        ("قال ﴿إنا أعطيناك الكوثر﴾ [الكوثر: 1]\nفصل", "قال ﴿إنا أعطيناك الكوثر﴾\nفصل"),
        ("أهلًا بكم\n♪ يا ليل", "أهلًا بكم"),
        ("{\\an8}أهلًا {\\i1}بكم{\\i0}", "أهلًا بكم"),
        ("{\\pos(190,210)\\fs20}أهلًا\\Nبكم", "أهلًا\nبكم"),
        (">> المذيع: أهلًا بكم", "أهلًا بكم"),
        (">> المُذيعُ الأوّل: أهلًا", "أهلًا"),
        (">>> Speaker 2: مرحبا", "مرحبا"),
        (">> أهلًا بكم", "أهلًا بكم"),
        ("نعم. >> لا\n>> بلى", "نعم. لا\nبلى"),
        ("[المذيع]: أهلًا بكم", "أهلًا بكم"),
        ("(المذيع): أهلًا بكم", "أهلًا بكم"),
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
        "(الموسيقى حرام)",
        "[إن] العلم نور",
        "[لقد] ذهبت",
        "[قال الله تعالى] وقل رب زدني علما",
        "[رجل صالح] كان هنا",
        "قال «موسيقى»",
        "(غناء) في المعهد",
        "أ.د. محمد العريفي",
        "(لا صوت)",
        "(أصوات الانتخابات)",
        "كتاب [الكوثر: 1] جديد",
        "قال [نعم] ثم ذهب",
        "الفنون (الموسيقى والرسم) في المدارس",
        "تعلّم (غناء) في المعهد",
        "يحب الفنون (الموسيقى) كثيرًا",
        "(غير المغضوب عليهم ولا الضالين)",
        "(واضح)",
        "(س) تساوي خمسة",
        "(س)",
        "(س): ما هو البحر؟",
        "[1]: ما هو البحر؟",
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
        ("<ruby>كتاب<rt>kitab</rt></ruby> جديد", "كتاب جديد"),
        ("<ruby>كتاب<rp>(</rp><rt>kitab<rp>)</rp></ruby>", "كتاب"),
        ("12] مرحبا", "مرحبا"),
        ("١٢] مرحبا", "مرحبا"),
        ("<c>3]</c> نعم", "نعم"),
        ("في [12] نعم", "في [12] نعم"),
        ("٥ < ٦ و 7 > 6", "٥ < ٦ و 7 > 6"),
        ("<i>&lt;صوت&gt;</i>&nbsp;", "<صوت>"),
        ("&lt;i&gt;نعم&lt;/i&gt; &amp;amp; &amp;quot;لا&amp;quot;", 'نعم & "لا"'),
        ('<font color="yellow"\nsize="3">نعم</font>\n12] لا', "نعم\nلا"),
        ("قال <unk> نعم", "قال <unk> نعم"),
        ("السلام<00:00:00.960><c> عليكم</c>", "السلام عليكم"),
        ('<font color="#fff">نعم</font>', "نعم"),
    ],
)
def test_tags_and_numbers_of_cues_are_no_text(line: str, text: str) -> None:
    assert untagged(line) == text


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("قال لي [غير مسموع] ثم ذهب", "[غير مسموع]"),
        ("قال لي (غير واضح) ثم ذهب", "(غير واضح)"),
        ("قال [inaudible 00:12:30] ثم", "[inaudible 00:12:30]"),
        ("قال [كلام متداخل] ثم", "[كلام متداخل]"),
        ("نعم [يتحدث بالفرنسية] لا", "[يتحدث بالفرنسية]"),
        ("هذا الرجل [\u00a0__\u00a0] لا يفهم", "[ __ ]"),
        ("أنت [bleep] يا رجل", "[bleep]"),
        ("يا ابن ال[صفير] تعال", "ال[صفير]"),
        ("هذا *** كلام", "***"),
        ("هذا xxx كلام", "xxx"),
        ("UNK كلام", "UNK"),
        ("قال <unk> نعم", "<unk>"),
        ("مرحبا بكم [cut off]", "[cut off]"),
        ("قال لي [؟] ثم ذهب", "[؟]"),
        ("(؟؟) نعم", "(؟؟)"),
        ("قال [xx] ثم", "[xx]"),
        ("[...] ثم ذهب", "[...]"),
        ("ذهبنا إلى ـــــ ثم رجعنا", "ـــــ"),
        ("يا ابن ال*** تعال", "ال***"),
        ("يا شيط[صفير]", "ط[صفير]"),
        ("[foreign]\nنعم", "[foreign]"),
        ("(بالإنجليزية) أهلًا", "(بالإنجليزية)"),  # it is not what is said
    ],
)
def test_words_that_nobody_understood_stay_marked_and_are_told(text: str, mark: str) -> None:
    assert unheard(speech_of(text)) == mark


@pytest.mark.parametrize(
    "text",
    [
        "قال [نعم] ثم",
        "شكرًا[تصفيق]جميعًا [12]",
        "2*3*4 يساوي",
        "*محمد* جاء",
        "(واضح)",
        "في (لغة) العرب",
        "[مسموع] نعم",
        "w*hb h*A",
        "**مهم** جدا",
        "هل هذا ؟؟؟ غريب",
        "جميـــل جدًا",
    ],
)
def test_sounds_and_words_in_brackets_leave_no_words_out(text: str) -> None:
    assert unheard(speech_of(text)) == ""


@pytest.mark.parametrize(
    "text", ["[إن] العلم نور", "نعم\n[لقد] ذهبت", "[أحمد] تعال", "[يقصد المدير] تعال", ">> [أحمد] نعم"]
)
def test_words_in_brackets_before_speech_that_nobody_knows_as_a_label_are_in_doubt(text: str) -> None:
    mark = text[text.index("[") : text.index("]") + 1]
    assert in_doubt(speech_of(text)) == ("brackets before speech", mark)
    assert in_doubt("[ضحك] أهلًا") == in_doubt("[LAUGHTER] yeah [BREATHING]") == ("", "")  # as a corpus may write them
    assert in_doubt(speech_of("[المذيع] أهلًا [نعم] [س] [1]")) == ("", "")


def test_a_line_in_brackets_that_leaves_a_caption_is_named_unless_it_is_known() -> None:
    assert described("[باب يغلق]\nمن هناك؟") == "[باب يغلق]"
    assert described("[موسيقى]\n[المذيع]\n[foreign]\nمن هناك؟") == described("[باب يغلق]") == ""


@pytest.mark.parametrize("text", ["[foreign]", "[ __ ]", "[...]", "(كلام غير مفهوم)"])
def test_a_caption_of_what_nobody_understood_alone_was_speech(text: str) -> None:
    assert speech_of(text) == "" and why_silent(text) == "words not understood"
    assert why_silent("[موسيقى]") == "no speech"


def test_a_song_lasts_from_the_note_that_opens_it_to_the_one_that_closes_it_in_a_later_caption() -> None:
    song = ["♪ طلع البدر علينا", "من ثنيات الوداع", "وجب الشكر علينا ♪"]
    assert sung(["مرحبا بكم", *song, "ثم نعود"]) == {1, 2, 3}
    assert sung(["♪ يا ليل", "نعم", "♪ يا عين", "لا"]) == set()  # each has a note of its own
    assert sung(["♪ يا ليل ♪", "نعم", "يا عين ♪"]) == set()
    assert sung(["♪ يا ليل", *["نعم"] * 30, "لا ♪"]) == set()


@pytest.mark.parametrize(("text", "aside"), [("(باب يُغلق)", True), ("(DOOR SLAMS)", True), ("قال (نعم)", False)])
def test_a_caption_in_round_brackets_as_a_whole_is_known(text: str, aside: bool) -> None:
    assert speech_of(text) == text and in_round(text) == aside


@pytest.mark.parametrize(
    "unit", ["[", "(", "♪", "♪ ", "[ا", "[.", "*", "{\\", "> ", ">> ا ", "- ", "\u200f", "]: ", "<a"]
)
def test_long_line_of_marks_is_read_at_once(unit: str) -> None:
    text = unit * (200_000 // len(unit)) + "ا"
    begin = time.monotonic()
    in_doubt(speech_of(untagged(text)))
    described(f"{text}\nا")
    sung([text])
    assert time.monotonic() - begin < 3
