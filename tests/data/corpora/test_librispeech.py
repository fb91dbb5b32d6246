"""LibriSpeech in its true layout."""

import os
import shutil
from collections import Counter

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
    odd.write_bytes(
        b"\xef\xbb\xbf" + odd.read_bytes().replace(b"\n", b"\r\n") + b"\r\n" + first + b"\nx \xff\n../../y Z\n"
    )
    secret = shutil.move(linked, tmp_path / "secret.txt")
    os.symlink(secret, linked)
    (corpus / "SPEAKERS.TXT").write_bytes((corpus / "SPEAKERS.TXT").read_bytes() + b"\xff | M\n")
    made = prepare("librispeech", corpus, tmp_path / "data")
    assert made.code == 0 and "Traceback" not in made.output, made.output
    reasons = Counter(reason for _, reason in made.dropped)
    assert reasons["duplicate id"] == reasons["encoding"] == reasons["link out of the corpus"] == 1
    assert reasons["no transcript"] == 1 + recordings[lost] + recordings[linked]  # one has none in the tree itself
    assert reasons["missing"] == 1 + 1 + 1  # the tree's own, the file of `lost`, the recording ../../y
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
