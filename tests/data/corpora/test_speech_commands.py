"""Speech Commands in its true layout."""

import shutil
from pathlib import Path

import pytest
from trees import speech_commands, tones
from trees.speech_commands import DEV, NOISES, TESTING, TRAIN, WORDS

from toolkit.data.audio import read_audio
from toolkit.data.corpora.speech_commands import part_of

from .conftest import Prepared, prepare


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Prepared:
    """The tree, prepared."""
    folder = tmp_path_factory.mktemp("speech_commands")
    speech_commands.make(folder, tones(36))
    done = prepare("speech_commands", folder / "train", folder / "data", also=[folder / "test"])
    assert done.code == 0, done.output
    return done


def copy(made: Prepared, tmp_path: Path) -> tuple[Path, Path]:
    """The two folders of the tree, to be changed."""
    for part in ("train", "test"):
        shutil.copytree(made.corpus.parent / part, tmp_path / part)
    return tmp_path / "train", tmp_path / "test"


def test_words_are_split_as_the_corpus_own_lists_have_them() -> None:
    sets = {"speech_commands_dev": DEV, "": TESTING, "speech_commands_train": TRAIN}
    for name, speakers in sets.items():
        assert {part_of(f"{speaker}_nohash_{n}.wav") for speaker in speakers for n in (0, 3)} == {name}


def test_a_keyword_is_a_command_or_unknown_or_silence(made: Prepared) -> None:
    for part, speakers in (("train", TRAIN), ("dev", DEV)):
        tables = made.set(f"speech_commands_{part}").tables
        classes = {tables["utt2orig"][id]: keyword for id, keyword in tables["utt2keyword"].items()}
        words = {original: keyword for original, keyword in classes.items() if "nohash" in original}
        assert set(words) == {f"{word}/{speaker}_nohash_0" for word in WORDS for speaker in speakers}
        assert all(k == (w.split("/")[0] if w[:2] in ("ye", "no") else "_unknown_") for w, k in words.items())
        assert {classes[original] for original in classes.keys() - words.keys()} == {"_silence_"}
        assert {tables["utt2spk"][id] for id in tables["utt2spk"] if "nohash" in id} == set(speakers)
        assert set(tables["utt2lang"].values()) == {"ENG"}
    tables = made.set("speech_commands_test").tables
    assert sorted(tables["utt2keyword"].values()) == ["_silence_", "_unknown_", "no", "yes"]
    assert set(TESTING) < set(tables["utt2spk"].values())


def test_the_testing_part_is_in_the_ledger_and_counts_are_held_against_the_published_ones(made: Prepared) -> None:
    assert sorted(made.dropped) == sorted((f"{w}/{s}_nohash_0", "testing part") for w in WORDS for s in TESTING)
    assert "12 words, against 6,798 published" in made.output
    assert "14 utterances against 51,094 published" in made.output and "against 3,081 published" in made.output


def test_train_and_dev_share_no_sample_of_noise(made: Prepared) -> None:
    spans: dict[str, list[tuple[float, float]]] = {}
    for part in ("train", "dev"):
        for u in made.set(f"speech_commands_{part}"):
            if "_background_noise_" in u.path:
                assert u.end is not None and len(u.audio()) == round(16000 * u.seconds)
                assert part == "train" or u.seconds == 1
                spans.setdefault(Path(u.path).stem, []).append((u.start, u.end))
    assert {name: sorted(of) for name, of in spans.items()} == {
        "pink_noise": [(0, 8), (8, 9), (9, 10)],  # of 10.5 s
        "running_tap": [(0, 5), (5, 6), (6, 7)],  # of 7 s
    }
    assert all(len(read_audio(made.corpus / f"_background_noise_/{n}.wav")) == 16000 * s for n, s in NOISES.items())


def test_each_archive_may_lie_in_a_folder_and_the_two_may_not_be_exchanged(made: Prepared, tmp_path: Path) -> None:
    train, test = copy(made, tmp_path)
    train.rename(tmp_path / "speech_commands_v0.01")
    test.rename(tmp_path / "speech_commands_test_set_v0.01")
    again = prepare("speech_commands", tmp_path, tmp_path / "data", also=[tmp_path])
    assert again.code == 0, again.output
    for part in ("train", "dev", "test"):
        name = f"speech_commands_{part}"
        assert again.set(name).tables["utt2keyword"] == made.set(name).tables["utt2keyword"]
    swapped = prepare("speech_commands", made.corpus.parent / "test", tmp_path / "no", also=[made.corpus])
    assert swapped.code == 1 and "none of _background_noise_" in swapped.output
    alone = prepare("speech_commands", made.corpus, tmp_path / "alone")
    assert alone.code == 1 and "input 2 is missing: the folder of the test archive" in alone.output


def test_two_jobs_write_the_bytes_of_one(made: Prepared, tmp_path: Path) -> None:
    two = prepare("speech_commands", made.corpus, tmp_path / "two", nj=2, also=[made.corpus.parent / "test"])
    files = sorted(p.relative_to(made.out) for p in made.out.glob("speech_commands_*/*"))
    assert files and all((made.out / p).read_bytes() == (two.out / p).read_bytes() for p in files)


def test_hostile_files_cost_themselves_alone(made: Prepared, tmp_path: Path) -> None:
    train, test = copy(made, tmp_path)
    secret = shutil.move(train / f"yes/{TRAIN[0]}_nohash_0.wav", tmp_path / "secret.wav")
    (train / f"yes/{TRAIN[0]}_nohash_0.wav").symlink_to(secret)
    (test / "yes/abc_nohash_1.wav").symlink_to(secret)
    (train / "_background_noise_/broken.wav").write_bytes(b"RIFF")
    (train / "_background_noise_/out.wav").symlink_to(secret)
    shutil.copy(secret, train / "_background_noise_/short.wav")
    (train / f"no/{TRAIN[0]}_nohash_0.wav").write_bytes(b"")
    shutil.copytree(test / "yes", test / "backward", ignore=lambda *_: ["abc_nohash_1.wav"])
    shutil.copy(secret, train / "bed/مرحبا.wav")  # its name has no speaker
    again = prepare("speech_commands", train, tmp_path / "data", also=[test])
    assert again.code == 0 and "Traceback" not in again.output, again.output
    dropped = {row for row in again.dropped if row[1] != "testing part"}
    assert dropped == {
        (f"yes/{TRAIN[0]}_nohash_0", "link out of the corpus"),
        ("yes/abc_nohash_1", "link out of the corpus"),
        ("_background_noise_/broken", "unreadable"),
        ("_background_noise_/out", "link out of the corpus"),
        ("_background_noise_/short", "too short"),
        (f"no/{TRAIN[0]}_nohash_0", "empty"),
        (f"backward/{TESTING[0]}_nohash_0", "no label"),
    }
    assert sum(len(again.set(f"speech_commands_{p}")) for p in ("train", "dev", "test")) == 14 + 16 + 4 - 2 + 1
