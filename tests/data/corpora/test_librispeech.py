"""LibriSpeech in its true layout."""


def test_every_subset_becomes_a_set_of_its_own(prepared) -> None:
    made = prepared("librispeech", english=True)
    assert made.code == 0, made.said
    train = made.set("librispeech_train_clean_100")
    assert {"librispeech_dev_clean", "librispeech_test_clean"} <= {p.name for p in made.out.iterdir()}
    assert set(train.tables["utt2lang"].values()) == {"ENG"}
    assert all(id.startswith(f"{train.tables['utt2spk'][id]}-198-") for id in train.tables["text"])
    assert all(text == text.lower() for text in train.tables["text"].values())
    assert set(train.tables["spk2gender"].values()) == {"m", "f"}
    assert "against 28,539 published" in made.said


def test_audio_without_transcript_and_transcript_without_audio_are_in_the_ledger(prepared) -> None:
    reasons = {reason for _, reason in prepared("librispeech", english=True).dropped}
    assert reasons == {"no transcript", "missing"}


def test_another_folder_is_refused_with_what_was_looked_for(prepared, tmp_path) -> None:
    from .conftest import prepare

    (tmp_path / "x").mkdir()
    made = prepare("librispeech", tmp_path / "x", tmp_path / "data")
    assert made.code == 1 and "train-clean-100" in made.said and "Traceback" not in made.said
