"""Captions that roll give each word once, in its order, at its time; those of people lose nothing."""

from collections import Counter

import pytest
from trees import speech, write_lines
from trees.masc import Said, rolled, write_audio

from toolkit.core.record import read_ledger
from toolkit.data.corpora.rolling import Unrolled, unrolled
from toolkit.data.corpora.segments import Drop
from toolkit.data.corpora.spoken_cues import spoken_cues
from toolkit.data.corpora.vtt import Cue, read_cues

from .conftest import prepare

LINES = ["السلام عليكم ورحمة الله", "نعم نعم", "نعم", "أهلًا بكم في برنامجنا", "برنامجنا اليوم عن البحر", "نعم"]


def cues_of(*texts: str, seconds: float = 1.0, apart: float = 1.0) -> list[Cue]:
    """A cue for each text, `apart` seconds after the one before."""
    return [Cue(i, i * apart, i * apart + seconds, text) for i, text in enumerate(texts)]


def texts_of(roll: Unrolled) -> list[str]:
    return [cue.text for cue in roll.cues]


def test_automatic_captions_of_two_lines_give_each_line_once_at_its_own_time(tmp_path) -> None:
    spoken = [Said(2.0 * i, 2.0 * (i + 1), text) for i, text in enumerate(LINES)]
    write_lines(tmp_path / "a.vtt", *rolled(spoken, hold=0.125))
    cues = list(read_cues(tmp_path / "a.vtt", pytest.fail))
    assert len(cues) == 2 * len(LINES) and sum(len(cue.text.split()) for cue in cues) > 2 * len(" ".join(LINES).split())
    roll = unrolled(cues)
    assert [(cue.start, cue.end, cue.text) for cue in roll.cues] == [(s.start, s.end - 0.125, s.text) for s in spoken]
    assert [cue.text for cue in roll.held] == LINES and [words for _, words in roll.taken] == LINES[:-1]


def test_a_cue_that_stays_on_the_screen_ends_where_the_next_one_repeats_it() -> None:
    texts = ["السلام عليكم", "السلام عليكم\nأهلًا بكم", "أهلًا بكم\nفي برنامجنا", "في برنامجنا\nاليوم"]
    roll = unrolled(cues_of(*texts, seconds=2.5))
    assert texts_of(roll) == ["السلام عليكم", "أهلًا بكم", "في برنامجنا", "اليوم"]
    assert [(cue.start, cue.end) for cue in roll.cues] == [(0, 1), (1, 2), (2, 3), (3, 5.5)]


def test_words_that_are_added_to_one_line_are_kept_once() -> None:
    texts = [
        "أهلًا",
        "أهلًا بكم",
        "أهلًا بكم في",
        "أهلًا بكم في برنامجنا",
        "برنامجنا اليوم عن البحر",
        "اليوم عن البحر والسفن",
    ]
    assert " ".join(texts_of(unrolled(cues_of(*texts[:4], seconds=0.5, apart=0.5)))) == "أهلًا بكم في برنامجنا"
    assert texts_of(unrolled(cues_of(*texts)))[-1] == "والسفن"


@pytest.mark.parametrize(
    "texts",
    [
        ["نعم", "نعم نعم"],
        ["قال نعم", "نعم قالها", "قالها ثم ذهب", "ذهب إلى البيت"],  # one word each
        ["سبحان الله"] * 33 + ["الحمد لله"] * 33,
        ["الله أكبر", "الله أكبر", "لا إله إلا الله", "الله أكبر"],
        ["هل تريد ماء؟ نعم", "نعم نعم", "نعم أريد", "أريد ماء"],
        ["كيف حالك", "كيف حالك أنت", "بخير", "وأنت", "أنا بخير", "أنا بخير والحمد لله", "متى جئت", "اليوم"],
    ],
)
def test_a_speaker_who_says_a_word_again_keeps_it(texts: list[str]) -> None:
    cues = cues_of(*texts)
    roll = unrolled(cues)
    assert roll.cues == cues and not roll.held and not roll.taken


VERSES = ["قل هو الله أحد", "قل هو الله أحد الله الصمد", "قل هو الله أحد الله الصمد لم يلد ولم يولد"]
CHANTS = ["الشعب يريد", "الشعب يريد إسقاط النظام", "الشعب يريد", "الشعب يريد إسقاط النظام"]


@pytest.mark.parametrize(("texts", "seconds"), [(VERSES, 5.0), (CHANTS, 2.5)])
def test_who_has_the_time_to_say_a_line_again_says_it_and_the_row_counts_such_captions(texts, seconds: float) -> None:
    cues = cues_of(*texts, seconds=seconds, apart=seconds)
    roll = unrolled(cues)
    assert roll.cues == cues and not roll.taken and len(roll.kept) == 2
    assert len(unrolled(cues, "yes").taken) == 2 and unrolled(cues, "no") == Unrolled(cues, kept=roll.kept)


def test_captions_that_roll_here_and_there_or_after_pauses_are_kept_and_told() -> None:
    typed = ["أول كلام مكتوب باليد", "والثاني كذلك", "والثالث هكذا أيضا", "والرابع غيره", "والخامس مثله"]
    automatic = [f"سطر من التعرف {i}\nسطر من التعرف {i + 1}" for i in range(4)]
    half = unrolled(cues_of(*typed, *automatic))
    assert len(half.cues) == 9 and [cue.text for cue in half.kept] == automatic[1:] and not half.taken
    paused = unrolled(cues_of(*automatic, apart=3.0))
    assert len(paused.cues) == 4 and len(paused.kept) == 3


def test_a_file_that_rolls_by_lines_loses_no_part_of_a_line() -> None:
    texts = ["قال نعم", "قال نعم\nنعم ثم ذهب", "نعم ثم ذهب\nذهب إلى البيت", "البيت بعيد"]
    assert texts_of(unrolled(cues_of(*texts))) == ["قال نعم", "نعم ثم ذهب", "ذهب إلى البيت", "البيت بعيد"]


def test_two_automatic_captions_with_music_after_them_are_seen_to_roll_by_the_short_cues_between() -> None:
    texts = ["السلام عليكم", "السلام عليكم", "السلام عليكم\nأهلًا بكم", "أهلًا بكم", "أهلًا بكم", "نعم نعم"]
    times = [(0, 2), (2, 2.01), (2.01, 4), (4, 4.01), (4.01, 8), (8.01, 10)]
    cues = [Cue(i, start, end, text) for i, ((start, end), text) in enumerate(zip(times, texts))]
    assert [(c.start, c.end, c.text) for c in unrolled(cues).cues] == [
        (0, 2, "السلام عليكم"),
        (2.01, 4, "أهلًا بكم"),
        (8.01, 10, "نعم نعم"),
    ]


def test_after_a_pause_a_line_is_taken_off_only_if_another_one_follows() -> None:
    texts = ["السلام عليكم", "السلام عليكم\nأهلًا بكم", "أهلًا بكم\nفي برنامجنا"]
    alone, rolling = Cue(9, 60.0, 62.0, "في برنامجنا"), Cue(10, 90.0, 92.0, "في برنامجنا\nضيف")
    assert texts_of(unrolled([*cues_of(*texts), alone, rolling]))[-2:] == ["في برنامجنا", "ضيف"]


def test_after_a_pause_words_of_one_line_are_kept() -> None:
    texts = ["السلام", "السلام عليكم", "السلام عليكم ورحمة الله", "ورحمة الله وبركاته"]
    later = Cue(9, 60.0, 62.0, "ورحمة الله وبركاته وصلواته")
    assert texts_of(unrolled([*cues_of(*texts), later]))[-2:] == ["وبركاته", later.text]


def test_cues_of_a_megabyte_are_compared_at_once() -> None:
    text = "كلمة " * 100_000
    cues = cues_of(text, text + "أخرى", "كلمة\n" * 100_000)
    assert len(unrolled(cues).cues) == 3


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_video_of_masc_with_automatic_captions_is_used_and_said_to_roll(make_tree, tmp_path, part: str) -> None:
    corpus, id = make_tree("masc", count=21), {"train": "-Ab_0000000", "test": "-Ab_0000005"}[part]
    spoken = write_audio(corpus / "audios" / f"{id}.wav", speech()[:3])
    lines = [Said(s.start, after.start if after else s.end, s.text) for s, after in zip(spoken, [*spoken[1:], None])]
    write_lines(corpus / "subtitles" / f"{id}.ar.vtt", *rolled(lines))
    made = prepare("masc", corpus, tmp_path / "data", "--take.stated-lengths", "false")
    assert made.code == 0, made.output
    tables = made.set(f"masc_clean_{part}").tables
    ids = sorted(u for u, original in tables["utt2orig"].items() if original.startswith(id))
    assert [tables["text"][u] for u in ids] == [" ".join(s.text.split()) for s in spoken]
    starts = [float(tables["segments"][u].split()[1]) for u in ids]
    assert starts == pytest.approx([s.start for s in spoken], abs=2e-3)
    reasons = Counter(reason for original, reason in made.dropped if original.startswith(id))
    assert reasons == {"rolling captions": 1}
    detail = next(row[3] for row in read_ledger(made.out / "dropped.tsv") if row[2] == "rolling captions")
    assert (
        detail.startswith("2 cues repeat") and "3 more hold" in detail and detail.endswith(f"line 13: {lines[0].text}")
    )
    taken = made.output.count("words that the caption before ends with are taken off")
    assert taken == {"train": 0, "test": 2}[part]


def test_a_timed_table_of_masc_that_rolls_gives_each_word_once_and_captions_without_speech_are_rows(
    make_tree, tmp_path
) -> None:
    corpus = make_tree("masc", count=21)
    rows = [
        "video_id,start,end,text",
        "-Ab_0000000,0.2,1.2,السلام عليكم",
        '-Ab_0000000,0.9,1.9,"السلام عليكم',
        'أهلًا <i>بكم</i>"',
        '-Ab_0000000,1.6,2.6,"أهلًا بكم',
        'في برنامجنا"',
        "-Ab_0000000,2.6,3.4,>> المذيع: اليوم موعدنا",
        "-Ab_0000000,2.4,3.4,[موسيقى]",
    ]
    (corpus / "subsets/clean_train.csv").write_text("\n".join(rows), encoding="utf-8")
    made = prepare("masc", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    train = made.set("masc_clean_train").tables
    times = {tuple(train["segments"][id].split()[1:]): text for id, text in train["text"].items()}
    assert times == {
        ("0.2000", "0.9000"): "السلام عليكم",
        ("0.9000", "1.6000"): "أهلًا بكم",
        ("1.6000", "2.6000"): "في برنامجنا",
        ("2.6000", "3.4000"): "اليوم موعدنا",
    }
    assert [reason for id, reason in made.dropped if id == "-Ab_0000000_00002400-00003400"] == ["no speech"]


def test_a_line_with_a_word_that_nobody_understood_costs_no_other_line_of_captions_that_roll() -> None:
    lines = ["هذا الرجل [ __ ] لا يفهم", "يا رجل تعال هنا الآن", "قلت لك تعال يا ولد"]
    texts = [lines[0], "\n".join(lines[:2]), "\n".join(lines[1:])]
    items = list(spoken_cues("a", cues_of(*texts), lambda cue: str(cue.line), True, "auto"))
    assert [item.text for item in items if isinstance(item, Cue)] == lines[1:]
    assert [item.reason for item in items if isinstance(item, Drop)] == ["rolling captions", "words not understood"]
