"""Arabic Speech Corpus in its true layout."""

import unicodedata
from collections import Counter

import pytest
from trees import speech, write_lines
from trees.arabic_speech_corpus import ARABIC, BUCKWALTER

from toolkit.data.audio import audio_info
from toolkit.data.checks import inspect
from toolkit.text.buckwalter import to_arabic

from .conftest import prepare

TRAIN, TEST = "arabic_speech_corpus_train", "arabic_speech_corpus_test"


def nfc(text: str) -> str:
    """Shadda and vowel sign in the one order that Unicode gives them: Buckwalter writes the shadda first."""
    return unicodedata.normalize("NFC", text)


def test_both_parts_are_in_arabic_letters_with_their_diacritics(prepared) -> None:
    made = prepared("arabic_speech_corpus")
    assert made.code == 0, made.output
    clips = speech()
    for name, part in ((TRAIN, [c for i, c in enumerate(clips) if i % 5]), (TEST, clips[::5])):
        tables = made.set(name).tables
        texts = [tables["text"][id] for id in sorted(tables["text"])]
        assert nfc(texts[0]) == ARABIC and texts[1:] == [*(" ".join(c.text.split()) for c in part[1:])]
        first = min(tables["text"])
        assert tables["text_buckwalter"][first] == BUCKWALTER
        assert tables["text_phonetic"][first].startswith("sil w a r a j ~")
        assert set(tables["utt2spk"].values()) == {"asc"} and set(tables["utt2lang"].values()) == {"MSA"}
        assert audio_info(tables["wav.scp"][first]).rate == 48000
        assert not inspect(made.out / name, audio=True).errors
    assert min(made.set(TRAIN).tables["text"]) == "asc-ARA_NORM_0000"
    assert min(made.set(TEST).tables["text"]) == "asc-test-ARA_NORM_0000"
    assert made.set(TRAIN).seconds > 60
    assert "against 1,813 published" in made.output and "against 100 published" in made.output


def test_what_is_left_out_is_in_the_ledger_with_its_reason(prepared) -> None:
    reasons = Counter(reason for _, reason in prepared("arabic_speech_corpus").dropped)
    assert reasons == {
        "duplicate path": 1,
        "missing": 1,
        "malformed row": 1,
        "path leaves the corpus": 1,
        "no transcript": 2,
    }


@pytest.mark.parametrize(("test", "crlf"), [("test set", True), ("Test-Set", False), ("test_set", True)])
def test_other_names_of_the_test_folder_and_other_line_ends_change_nothing(make_tree, tmp_path, test, crlf) -> None:
    made = prepare("arabic_speech_corpus", make_tree("arabic_speech_corpus", test, crlf, count=10), tmp_path / "data")
    assert made.code == 0, made.output
    assert len(made.set(TEST)) == 2 and len(made.set(TRAIN)) == 8
    assert ARABIC in map(nfc, made.set(TRAIN).tables["text"].values())


def test_a_dev_set_is_taken_out_of_train_only_where_it_is_asked_for(make_tree, tmp_path) -> None:
    corpus = make_tree("arabic_speech_corpus")
    whole = prepare("arabic_speech_corpus", corpus, tmp_path / "whole")
    made = prepare("arabic_speech_corpus", corpus, tmp_path / "data", "--dev-share", "0.25")
    dev, train = (set(made.set(f"arabic_speech_corpus_{p}").tables["utt2orig"].values()) for p in ("dev", "train"))
    assert not (whole.out / "arabic_speech_corpus_dev").exists()
    assert dev and not dev & train and dev | train == set(whole.set(TRAIN).tables["utt2orig"].values())
    assert made.set(TEST).tables["text"] == whole.set(TEST).tables["text"]


def test_recordings_and_lines_that_cannot_be_read_cost_themselves(make_tree, tmp_path) -> None:
    corpus = make_tree("arabic_speech_corpus", count=20)
    at = corpus / "arabic-speech-corpus"
    (at / "wav/ARA NORM  0001.wav").write_bytes(b"")
    (at / "wav/ARA NORM  0002.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    with open(at / "orthographic-transcript.txt", "ab") as f:
        f.write('"ARA NORM  0500.wav" "سلام"\n'.encode("cp1256") + b'"a.wav" "' + b"b" * (2 << 20) + b'"\n')
    made = prepare("arabic_speech_corpus", corpus, tmp_path / "data")
    assert made.code == 0 and "Traceback" not in made.output, made.output
    reasons = Counter(reason for _, reason in made.dropped)
    assert (reasons["empty"], reasons["unreadable"], reasons["encoding"], reasons["line too long"]) == (1, 1, 1, 1)
    assert len(made.set(TRAIN)) == 14


def test_a_folder_of_something_else_is_refused_with_what_was_looked_for(tmp_path) -> None:
    (tmp_path / "x").mkdir()
    made = prepare("arabic_speech_corpus", tmp_path / "x", tmp_path / "data")
    assert made.code == 1 and "orthographic-transcript.txt" in made.output and "Traceback" not in made.output


@pytest.mark.parametrize(("arabic", "line"), [(True, "OK"), (False, ARABIC)])
def test_a_transcript_is_buckwalter_only_if_most_of_its_file_are_and_a_mixed_file_is_told(
    make_tree, tmp_path, arabic: bool, line: str
) -> None:
    corpus = make_tree("arabic_speech_corpus", count=10)
    path = corpus / "arabic-speech-corpus/orthographic-transcript.txt"
    lines = [row for row in path.read_text(encoding="utf-8").splitlines() if row.startswith('"ARA NORM  000')]
    rows = {row.split('"')[1]: row.split('"')[3] for row in lines}
    texts = {name: to_arabic(text.replace("^", "v")) for name, text in rows.items()}
    first, *rest = rows
    written = {name: (texts if arabic else rows)[name] for name in rest} | {first: line}
    write_lines(path, *(f'"{name}" "{text}"' for name, text in written.items()))
    made = prepare("arabic_speech_corpus", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    train = made.set(TRAIN).tables
    assert {train["utt2orig"][id]: nfc(text) for id, text in train["text"].items()} == {
        " ".join(name.removesuffix(".wav").split()): nfc(text) for name, text in (texts | {first: line}).items()
    }
    stay = "stay in Latin letters: ARA NORM  0000.wav" if arabic else "are in Arabic script, the rest in Buckwalter's"
    assert (
        f"WARNING: arabic-speech-corpus/orthographic-transcript.txt: 1 of {len(rows)} transcripts {stay}" in made.output
    )


def test_a_line_of_three_texts_and_a_text_over_two_lines_are_malformed(make_tree, tmp_path) -> None:
    corpus = make_tree("arabic_speech_corpus", count=20)
    path = corpus / "arabic-speech-corpus/orthographic-transcript.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    names = [line.split('"')[1] for line in lines[:4]]
    lines[1], lines[2] = f'"{names[1]}" "qAla" "lA"', f'"{names[2]}" "qAla\nlA"'
    lines[3] = f'"{names[3]}" "qAla "lA" vum~a"'  # text between quotation marks in a text is text
    path.write_text("\n".join(lines), encoding="utf-8")
    made = prepare("arabic_speech_corpus", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    texts = {made.set(TRAIN).tables["utt2orig"][id]: t for id, t in made.set(TRAIN).tables["text_buckwalter"].items()}
    stems = [name.removesuffix(".wav") for name in names]
    assert texts[" ".join(stems[3].split())] == 'qAla "lA" vum~a'
    assert not {" ".join(stem.split()) for stem in stems[1:3]} & texts.keys()
    reasons = Counter(reason for _, reason in made.dropped)
    assert reasons["malformed row"] == 1 + 3 and reasons["no transcript"] == 2 + 2  # as many as the tree has, and these
