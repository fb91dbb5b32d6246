"""LibriSpeech in its true layout."""

import os
import shutil
from collections import Counter
from pathlib import Path

from trees import record, tones, write_lines

from .conftest import prepare


def test_every_subset_becomes_a_set_of_its_own(prepared) -> None:
    made = prepared("librispeech", english=True)
    assert made.code == 0, made.output
    train = made.set("librispeech_train_clean_100")
    assert {"librispeech_dev_clean", "librispeech_test_clean"} <= {p.name for p in made.out.iterdir()}
    assert set(train.tables["utt2lang"].values()) == {"ENG"}
    assert all(id.startswith(f"{train.tables['utt2spk'][id]}-198-") for id in train.tables["text"])
    assert all(text == text.lower() for text in train.tables["text"].values())
    assert set(train.tables["spk2gender"].values()) == {"m", "f"}
    assert "against 28,539 published" in made.output


def test_audio_without_transcript_and_transcript_without_audio_are_in_the_ledger(prepared) -> None:
    reasons = {reason for _, reason in prepared("librispeech", english=True).dropped}
    assert reasons == {"no transcript", "missing"}


def test_another_folder_is_refused_with_what_was_looked_for(prepared, tmp_path) -> None:
    (tmp_path / "x").mkdir()
    made = prepare("librispeech", tmp_path / "x", tmp_path / "data")
    assert made.code == 1 and "train-clean-100" in made.output and "Traceback" not in made.output


def test_the_folder_that_the_archives_were_extracted_in_will_do(make_tree, tmp_path) -> None:
    corpus = make_tree("librispeech", count=12, english=True)
    (tmp_path / "above").mkdir()
    corpus.rename(tmp_path / "above" / "LibriSpeech")
    made = prepare("librispeech", tmp_path / "above", tmp_path / "data")
    assert made.code == 0 and len(made.set("librispeech_dev_clean")) == 3, made.output


def test_what_is_wrong_in_a_chapter_costs_no_other_utterance_and_is_told(make_tree, tmp_path) -> None:
    corpus = make_tree("librispeech", count=24, english=True)
    lost, odd, linked = sorted((corpus / "train-clean-100").glob("*/198/*.trans.txt"))[1:4]
    recordings = {path: len(list(path.parent.glob("*.flac"))) for path in (lost, odd, linked)}
    lost.unlink()
    first = odd.read_bytes().splitlines()[0]
    unreadable = odd.name.removesuffix(".trans.txt").encode() + b"-9999 \xff"
    lines = [odd.read_bytes().replace(b"\n", b"\r\n"), first, unreadable, b"../../y Z"]
    odd.write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))
    secret = shutil.move(linked, tmp_path / "secret.txt")
    os.symlink(secret, linked)
    (corpus / "SPEAKERS.TXT").write_bytes((corpus / "SPEAKERS.TXT").read_bytes() + b"\xff | M\n")
    made = prepare("librispeech", corpus, tmp_path / "data")
    assert made.code == 0 and "Traceback" not in made.output, made.output
    reasons = Counter(reason for _, reason in made.dropped)
    assert reasons["duplicate id"] == reasons["malformed row"] == reasons["link out of the corpus"] == 1
    assert reasons["encoding"] == 2  # of the chapter, and of SPEAKERS.TXT
    assert reasons["no transcript"] == 1 + recordings[lost] + recordings[linked]  # one has none in the tree itself
    assert reasons["missing"] == 1 + 1  # the tree's own, the file of `lost`
    texts = made.set("librispeech_train_clean_100").tables["text"]
    assert sum(id.startswith(odd.parent.parent.name) for id in texts) == recordings[odd]
    assert "WARNING: no UTF-8" in made.output and made.set("librispeech_train_clean_100").tables["spk2gender"]


def test_subsets_that_are_not_there_are_an_error_that_names_them(make_tree, tmp_path) -> None:
    corpus = make_tree("librispeech", count=12, english=True)
    made = prepare("librispeech", corpus, tmp_path / "data", "--subsets", "test-other")
    assert made.code == 1 and "test-other" in made.output and "Traceback" not in made.output


def test_two_jobs_write_the_bytes_of_one(make_tree, tmp_path) -> None:
    corpus = make_tree("librispeech", count=12, english=True)
    one = prepare("librispeech", corpus, tmp_path / "one")
    two = prepare("librispeech", corpus, tmp_path / "two", nj=2)
    files = sorted(p.relative_to(one.out) for p in one.out.glob("librispeech_*/*"))
    assert files and all((one.out / p).read_bytes() == (two.out / p).read_bytes() for p in files)


def spoken_tree(tmp_path: Path, texts: dict[str, str]) -> Path:
    """A chapter of dev-clean with these transcripts, id -> text."""
    at = tmp_path / "corpus/dev-clean/84/121123"
    for (id, text), clip in zip(texts.items(), tones(len(texts), 0.3), strict=True):
        record(at / f"{id}.flac", clip.wave_N)
        with open(at / "84-121123.trans.txt", "a", encoding="utf-8") as f:
            f.write(f"{id} {text}\n")
    return tmp_path / "corpus"


TEXTS = {"84-121123-0000": "THE CAT'S READ", "84-121123-0001": "THE UNCL CATS UNCL", "84-121123-0002": "THE CATS"}
LEXICON = b"""\xef\xbb\xbfTHE DH AH0
THE\tDH IY0\r
CAT'S K AE1 T S
CATS K AE1 T S
READ R EH1 D
READ(2) R IY1 D
;;; a comment

NOTHING
caf\xe9 K AE0 F EY1
"""


def test_phones_are_the_first_of_a_lexicon_and_an_unknown_word_leaves_its_utterance_without(tmp_path: Path) -> None:
    corpus = spoken_tree(tmp_path, TEXTS)
    (tmp_path / "lexicon.txt").write_bytes(LEXICON)
    made = prepare("librispeech", corpus, tmp_path / "data", also=[tmp_path / "lexicon.txt"])
    assert made.code == 0 and "Traceback" not in made.output, made.output
    tables = made.set("librispeech_dev_clean").tables
    assert tables["utt2phones"] == {
        "84-121123-0000": "DH AH0 K AE1 T S R EH1 D",
        "84-121123-0002": "DH AH0 K AE1 T S",
    }
    assert tables["text"]["84-121123-0001"] == "the uncl cats uncl"  # stays in the set
    assert Counter(made.dropped)["84-121123-0001", "word outside the lexicon"] == 1
    assert sorted(reason for _, reason in made.dropped) == ["encoding", "malformed row", "word outside the lexicon"]
    assert "\tuncl: it stays in the set" in (made.out / "dropped.tsv").read_text(encoding="utf-8")
    assert "utt2phones: 2 of 3 utterances, 9 different phones" in made.output


def test_a_second_lexicon_has_what_the_first_lacks_and_changes_none_of_its_words(tmp_path: Path) -> None:
    corpus = spoken_tree(tmp_path, TEXTS)
    (tmp_path / "one").write_bytes(LEXICON)
    (tmp_path / "two").write_text("UNCL\tAH1 NG K AH0 L\nTHE\tZ AH0\n")
    made = prepare("librispeech", corpus, tmp_path / "data", also=[tmp_path / "one", tmp_path / "two"])
    phones = made.set("librispeech_dev_clean").tables["utt2phones"]
    assert phones["84-121123-0001"] == "DH AH0 AH1 NG K AH0 L K AE1 T S AH1 NG K AH0 L"
    assert "word outside the lexicon" not in made.output


def test_g2p_pronounces_unknown_words_but_not_unknown_letters(tmp_path: Path) -> None:
    corpus = spoken_tree(tmp_path, {**TEXTS, "84-121123-0003": "متحف CATS"})
    words = [f"{a}{b}{c}" for a in "TUC" for b in "NCLA" for c in "CLNU"]
    phone_of = dict(zip("TUNCLA", ("T", "AH1", "N", "K", "L", "AE1"), strict=True))
    lines = [f"{word} {' '.join(phone_of[letter] for letter in word)}" for word in words]
    (tmp_path / "lexicon.txt").write_text(LEXICON.decode("latin-1") + "\n".join(lines), encoding="utf-8")
    made = prepare("librispeech", corpus, tmp_path / "data", "--g2p", "true", also=[tmp_path / "lexicon.txt"])
    phones = made.set("librispeech_dev_clean").tables["utt2phones"]
    assert phones["84-121123-0001"].split()[2:6] == ["AH1", "N", "K", "L"]
    assert ("84-121123-0003", "word outside the lexicon") in made.dropped and "84-121123-0003" not in phones


def test_a_lexicon_that_is_none_and_g2p_without_a_lexicon_are_clear_errors(tmp_path: Path) -> None:
    corpus = spoken_tree(tmp_path, TEXTS)
    (tmp_path / "empty").write_text("\n;;; nothing\n")
    empty = prepare("librispeech", corpus, tmp_path / "data", also=[tmp_path / "empty"])
    assert empty.code == 1 and "a lexicon without a word of its own" in empty.output
    without = prepare("librispeech", corpus, tmp_path / "no", "--g2p", "true")
    assert without.code == 1 and "g2p without a lexicon" in without.output and "Traceback" not in without.output


def test_a_transcript_over_two_lines_costs_its_utterance_and_a_short_line_of_speakers_its_gender(tmp_path) -> None:
    corpus = spoken_tree(tmp_path, {**TEXTS, "84-121123-0003": "THE\nCATS READ", "84-121123-0004": "READ"})
    names = ["84 | F | dev-clean | 8.02 | |CBW|Simon", "85 | M | dev-clean", "86 | dev-clean | 8.0 | M | A"]
    write_lines(corpus / "SPEAKERS.TXT", "; ID | SEX | SUBSET | MINUTES | NAME", *names)
    made = prepare("librispeech", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    tables = made.set("librispeech_dev_clean").tables
    assert set(tables["utt2orig"].values()) == {*TEXTS, "84-121123-0004"} and tables["spk2gender"] == {"84": "f"}
    assert Counter(reason for _, reason in made.dropped) == {"malformed row": 2 + 2, "no transcript": 1}
    assert "WARNING: SPEAKERS.TXT, line 3: not `id | sex | subset | minutes | name`: 85 | M" in made.output
