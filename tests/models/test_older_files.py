"""A Whisper of an older program: its tokenizer and generation config are made of the files that it has.

Oracle: the tokenizer.json that the older files were taken from, and transformers on the same older files.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import GenerationConfig, WhisperConfig, WhisperTokenizer
from whispers import SENTENCES, tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models.convert import convert_folder
from toolkit.models.fetch import fetch_whisper
from toolkit.models.vocabulary import Vocabulary
from toolkit.pseudo.pack import recognise

SUPPRESSED = {"suppress_tokens": [5, 9, 301], "begin_suppress_tokens": [220, 300]}


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "newer", layers=1, d=8)


@pytest.fixture
def older(newer: Path, tmp_path: Path) -> Path:
    """The same Whisper with vocab.json, merges.txt and added_tokens.json in the place of tokenizer.json."""
    folder = Path(shutil.copytree(newer, tmp_path / "نموذج"))
    tree = read_json(folder / "tokenizer.json")
    (folder / "tokenizer.json").unlink()
    write_json(folder / "vocab.json", tree["model"]["vocab"])
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in tree["model"]["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    write_json(folder / "added_tokens.json", {row["content"]: row["id"] for row in tree["added_tokens"]})
    return folder


def test_the_slow_files_are_told_with_the_command_and_give_the_same_tokenizer(
    older: Path, newer: Path, capsys: Any
) -> None:
    for read in (Vocabulary.read, lambda folder: Vocabulary.read(recognise([folder, _data(folder)]).model)):
        with pytest.raises(UserError, match=r"no tokenizer\.json .*, which vocab\.json and merges\.txt can give") as e:
            read(older)
        assert e.value.remedy == f"write it: python3 -m toolkit.models.convert '{older}'"
    convert_folder(older)
    assert "tokenizer.json: made of the older files" in capsys.readouterr().out
    assert meaning(older) == meaning(newer)
    assert Vocabulary.read(older).prompt("ar", True) == Vocabulary.read(newer).prompt("ar", True)


def meaning(folder: Path) -> dict[str, Any]:
    """tokenizer.json without what stands for nothing: a prefix that is empty or null, and a template for pairs."""
    tree = read_json(folder / "tokenizer.json")
    model = {name: value or None for name, value in tree["model"].items()}
    return {**tree, "model": model, "post_processor": tree["post_processor"]["single"]}


def _data(folder: Path) -> Path:
    data = folder.parent / "data"
    data.mkdir(exist_ok=True)
    (data / "wav.scp").write_text("")
    return data


def test_the_tokens_of_arabic_are_those_that_transformers_makes_of_the_slow_files(older: Path) -> None:
    slow = WhisperTokenizer.from_pretrained(older)
    convert_folder(older)
    made = Tokenizer.from_file(str(older / "tokenizer.json"))
    for text in SENTENCES[:3]:
        wanted = slow.encode(text, add_special_tokens=False)
        assert made.encode(text, add_special_tokens=False).ids == wanted, text


def test_added_tokens_that_only_the_config_of_the_tokenizer_lists_are_taken_from_it(older: Path, newer: Path) -> None:
    (older / "added_tokens.json").unlink()
    rows = read_json(newer / "tokenizer.json")["added_tokens"]
    listed = {str(row["id"]): {n: v for n, v in row.items() if n != "id"} for row in rows}
    write_json(
        older / "tokenizer_config.json", {**read_json(older / "tokenizer_config.json"), "added_tokens_decoder": listed}
    )
    convert_folder(older)
    assert meaning(older) == meaning(newer)


def test_slow_files_without_any_list_of_added_tokens_are_refused_by_the_name_of_the_list(older: Path) -> None:
    (older / "added_tokens.json").unlink()
    with pytest.raises(UserError, match=r"no list of added tokens \(added_tokens\.json, .*\) that has <\|startoftr"):
        convert_folder(older)
    assert not (older / "tokenizer.json").exists()


def test_slow_files_of_two_models_are_refused_with_both_ids(older: Path) -> None:
    ids = read_json(older / "added_tokens.json")
    write_json(older / "added_tokens.json", {name: id + (id > 303) for name, id in ids.items()})
    with pytest.raises(UserError, match=r"has <\|.+\|> as token 305, and with vocab\.json it would be 304"):
        convert_folder(older)
    assert not (older / "tokenizer.json").exists()


def test_ids_of_the_generation_config_are_compared_with_a_tokenizer_that_was_made(older: Path) -> None:
    tree = read_json(older / "generation_config.json")
    convert_folder(older)
    write_json(older / "generation_config.json", {**tree, "task_to_id": {"transcribe": 305}})
    with pytest.raises(UserError, match=r"tokenizer\.json has <\|transcribe\|> as token 306, and gen.* as 305"):
        Vocabulary.read(older)


def test_broken_merges_are_a_users_error(older: Path) -> None:
    (older / "merges.txt").write_text("#version: 0.2\nق قق ققق\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"a broken vocab\.json or merges\.txt"):
        convert_folder(older)


def test_what_an_older_config_never_writes_becomes_the_generation_config_as_in_transformers(
    newer: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(newer, tmp_path / "in"))
    (folder / "generation_config.json").unlink()
    write_json(folder / "config.json", {**read_json(folder / "config.json"), **SUPPRESSED})
    with pytest.raises(UserError, match=r"no generation_config\.json .*, which config\.json can give") as e:
        Vocabulary.read(folder)
    assert "python3 -m toolkit.models.convert" in e.value.remedy
    fetch_whisper(str(folder), tmp_path / "out")
    read = Vocabulary.read(tmp_path / "out")
    assert (read.suppressed, read.suppressed_first) == ((5, 9, 301), (220, 300))
    assert read.languages == Vocabulary.read(newer).languages
    wanted = GenerationConfig.from_model_config(WhisperConfig.from_pretrained(folder))
    made = read_json(tmp_path / "out/generation_config.json")
    assert SUPPRESSED.items() <= made.items() and all(getattr(wanted, name) == value for name, value in made.items())


def test_without_anything_that_says_what_is_never_written_the_file_of_the_release_is_asked_for(
    newer: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(newer, tmp_path / "in"))
    (folder / "generation_config.json").unlink()
    write_json(
        folder / "config.json", {n: v for n, v in read_json(folder / "config.json").items() if n not in SUPPRESSED}
    )
    with pytest.raises(UserError, match=r"no generation_config\.json in a Whisper folder\n") as e:
        Vocabulary.read(folder)
    assert e.value.remedy.startswith("copy the generation_config.json of the release that it was trained from")


def test_an_english_only_release_is_known_by_its_size_where_no_file_says_so(newer: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(newer, tmp_path / "in"))
    for name, change in (("config.json", {"vocab_size": 51864}), ("generation_config.json", {"is_multilingual": None})):
        tree = {**read_json(folder / name), **change}
        write_json(folder / name, {field: value for field, value in tree.items() if value is not None})
    with pytest.raises(UserError, match="an English-only Whisper"):
        Vocabulary.read(folder)
