"""A Whisper with the tokenizer of another release writes what nobody has said: it is refused before it writes."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from whispers import tiny_tokenizer, tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models.export import whisper_config
from toolkit.models.foreign_whisper import convert
from toolkit.models.vocabulary import Vocabulary
from toolkit.models.whisper_files import read_whisper_config
from toolkit.pseudo.config import DecodeConfig
from toolkit.pseudo.transcriber import Transcriber

OLDER, NEWER = ("en", "ar", "fr"), ("en", "ar", "fr", "yue")  # as large-v2 and large-v3 differ: by one language
Change = Callable[[Path], Any]


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "v3", languages=NEWER)


@pytest.fixture
def folder(newer: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(newer, tmp_path / "نموذج"))


def generation(**change: Any) -> Change:
    return lambda folder: _written(folder / "generation_config.json", change)


def config(**change: Any) -> Change:
    return lambda folder: _written(folder / "config.json", change)


def _written(path: Path, change: dict[str, Any]) -> None:
    write_json(path, {**read_json(path), **change})


def older_tokenizer(folder: Path) -> None:
    tiny_tokenizer(OLDER).save(str(folder / "tokenizer.json"))


def without_ids(folder: Path) -> None:
    """generation_config.json as the first releases had it."""
    path = folder / "generation_config.json"
    gone = ("lang_to_id", "task_to_id", "no_timestamps_token_id", "prev_sot_token_id")
    write_json(path, {name: value for name, value in read_json(path).items() if name not in gone})


def unnamed_timestamps(folder: Path, word: str = "") -> None:
    """tokenizer.json of the first releases names no timestamp; `word` is added in the place of the first one."""
    path = folder / "tokenizer.json"
    tree = read_json(path)
    first = next(row["id"] for row in tree["added_tokens"] if row["content"] == "<|0.00|>")
    kept = [row for row in tree["added_tokens"] if row["id"] < first]
    if word:
        kept.append({**kept[-1], "id": first, "content": word, "special": False})
    write_json(path, {**tree, "added_tokens": kept})


@pytest.mark.parametrize(
    "read",
    [
        Vocabulary.read,
        whisper_config,
        lambda folder: Transcriber(folder, DecodeConfig()),
        lambda folder: convert(folder / "model.safetensors", folder, folder.parent / "out"),
    ],
    ids=["vocabulary", "export", "transcribe", "foreign"],
)
def test_the_tokenizer_of_the_older_release_is_refused_with_both_ids(read: Change, folder: Path) -> None:
    """By it `transcribe` is 306, which is the network's `translate`."""
    ids = Vocabulary.read(folder).id("<|transcribe|>"), Vocabulary.read(folder).id("<|translate|>")
    assert ids == (307, 306)
    older_tokenizer(folder)
    with pytest.raises(UserError) as e:
        read(folder)
    assert "tokenizer.json has <|transcribe|> as token 306, and generation_config.json as 307" in str(e.value)
    assert e.value.remedy == "copy the tokenizer files of the model itself"


def test_without_ids_to_compare_the_older_tokenizer_is_a_token_short(folder: Path) -> None:
    size = read_json(folder / "config.json")["vocab_size"]
    without_ids(folder)
    Vocabulary.read(folder)
    older_tokenizer(folder)
    with pytest.raises(UserError, match=f"with its timestamps it has {size - 1} tokens, and the network {size}"):
        Vocabulary.read(folder)


WRONG: dict[str, tuple[Change, str]] = {
    "task": (generation(task_to_id={"transcribe": 306}), "transcribe"),
    "language": (generation(lang_to_id={"<|ar|>": 304}), "ar"),
    "a language that it has not": (generation(lang_to_id={"<|ar|>": 303, "<|haw|>": 305}), "haw"),
    "start": (generation(decoder_start_token_id=300), "startoftranscript"),
    "end": (generation(eos_token_id=[300, 301]), "endoftext"),
    "no timestamps": (generation(no_timestamps_token_id=312), "notimestamps"),
    "text before": (generation(prev_sot_token_id=308), "startofprev"),
    "start of config.json": (config(decoder_start_token_id=300), "startoftranscript"),
    "end of config.json": (config(eos_token_id=299), "endoftext"),
}


@pytest.mark.parametrize("field", WRONG)
def test_an_id_that_means_another_token_in_the_tokenizer_is_refused_by_its_name(field: str, folder: Path) -> None:
    change, name = WRONG[field]
    change(folder)
    with pytest.raises(UserError, match=rf"a tokenizer of another model: .*<\|{name}\|>"):
        Vocabulary.read(folder)


@pytest.mark.parametrize("id", ["?", True, 307.5, [307]], ids=str)
def test_an_id_that_is_no_number_is_a_broken_file(id: Any, folder: Path) -> None:
    generation(task_to_id={"transcribe": id})(folder)
    with pytest.raises(UserError, match=r"broken .*generation_config\.json"):
        Vocabulary.read(folder)


PUBLISHED: dict[str, Change] = {
    "as it is": lambda folder: None,
    "no ids": without_ids,
    "ids that are null": generation(prev_sot_token_id=None, lang_to_id=None, task_to_id=None),
    "the end in a list": generation(eos_token_id=[300]),
    "forced ids of the older release": generation(forced_decoder_ids=[[1, None], [2, 306]]),
    "another padding": config(pad_token_id=299),
    "no timestamps named": unnamed_timestamps,
    "a network padded to a multiple of 64": lambda folder: config(vocab_size=1856)(folder),
}


@pytest.mark.parametrize("kind", PUBLISHED)
def test_what_published_folders_differ_in_is_read_with_the_same_ids(kind: str, folder: Path, newer: Path) -> None:
    PUBLISHED[kind](folder)
    ours, wanted = Vocabulary.read(folder), Vocabulary.read(newer)
    assert ours.prompt("ar", True) == wanted.prompt("ar", True) and ours.timestamp(30) == wanted.timestamp(30)
    assert ours.languages == wanted.languages


def test_a_word_that_was_added_in_the_place_of_a_timestamp_is_refused(folder: Path) -> None:
    unnamed_timestamps(folder, "مرحبا")
    with pytest.raises(UserError, match=r"is 'مرحبا' in tokenizer\.json, where <\|0\.00\|> belongs"):
        Vocabulary.read(folder)


def listed(folder: Path, file: str, ids: dict[str, int]) -> None:
    """Tokens with their ids, in the form of that file."""
    if file == "tokenizer_config.json":
        _written(folder / file, {"added_tokens_decoder": {str(id): {"content": name} for name, id in ids.items()}})
    elif file == "vocabulary.json":
        write_json(folder / file, sorted(ids, key=lambda name: ids[name]))
    else:
        write_json(folder / file, ids)


@pytest.mark.parametrize("file", ["vocab.json", "added_tokens.json", "tokenizer_config.json", "vocabulary.json"])
@pytest.mark.parametrize("pair", [("a", "b"), ("<|ar|>", "<|fr|>")], ids=["words", "languages"])
def test_two_tokens_exchanged_in_a_list_beside_the_tokenizer_are_refused(
    pair: tuple[str, str], file: str, folder: Path
) -> None:
    ids = tiny_tokenizer(NEWER).get_vocab(with_added_tokens=True)
    first, second = pair
    listed(folder, file, ids)
    Vocabulary.read(folder)
    listed(folder, file, {**ids, first: ids[second], second: ids[first]})
    with pytest.raises(
        UserError, match=rf"a tokenizer of another model: .*, and {file} as ({ids[first]}|{ids[second]})"
    ):
        Vocabulary.read(folder)


@pytest.mark.parametrize("file", ["vocab.json", "added_tokens.json", "tokenizer_config.json"])
def test_the_older_name_of_no_speech_in_a_list_is_no_contradiction(file: str, folder: Path) -> None:
    """Token 50362 has had both names, and files of one folder need not be equally old."""
    tokenizer = tiny_tokenizer(NEWER)
    listed(folder, file, {"<|nocaptions|>": tokenizer.token_to_id("<|nospeech|>")})
    assert Vocabulary.read(folder).no_speech == tokenizer.token_to_id("<|nospeech|>")


@pytest.mark.parametrize("ids", [{"<|ar|>": "?"}, {"<|ar|>": None}, {"<|ar|>": True}], ids=str)
def test_a_list_whose_ids_are_none_is_a_broken_file(ids: dict[str, Any], folder: Path) -> None:
    write_json(folder / "added_tokens.json", ids)
    with pytest.raises(UserError, match="no tokens with their ids") as e:
        Vocabulary.read(folder)
    assert e.value.where == str(folder / "added_tokens.json")


def test_the_list_of_tokens_of_ctranslate2_must_be_the_tokenizers(folder: Path) -> None:
    tokenizer = tiny_tokenizer(NEWER)
    names = [tokenizer.id_to_token(id) for id in range(tokenizer.get_vocab_size())]
    write_json(folder / "vocabulary.json", names)
    Vocabulary.read(folder)
    write_json(folder / "vocabulary.json", [name for name in names if name != "<|fr|>"])
    with pytest.raises(UserError, match=r"<\|yue\|> as token 305, and vocabulary\.json as 304"):
        Vocabulary.read(folder)
    write_json(folder / "vocabulary.json", {"a": 1})
    with pytest.raises(UserError, match="no list of tokens"):
        Vocabulary.read(folder)


ENDLESS = r"(a+)+$"
SPLIT = {"type": "Split", "pattern": {"Regex": ENDLESS}, "behavior": "Isolated", "invert": False}
STRANGE: dict[str, tuple[dict[str, Any], str]] = {
    "split": ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [SPLIT]}}, "a regular expression of its own"),
    "replace": (
        {"normalizer": {"type": "Replace", "pattern": {"Regex": ENDLESS}, "content": ""}},
        "a regular expression of its own",
    ),
    "dropout": ({"dropout": 0.1}, "a tokenizer with dropout 0.1"),
}


@pytest.mark.parametrize("part", STRANGE)
def test_a_tokenizer_with_an_expression_or_a_dropout_is_refused_before_it_meets_a_text(part: str, folder: Path) -> None:
    change, message = STRANGE[part]
    tree = read_json(folder / "tokenizer.json")
    if part == "dropout":
        change = {"model": {**tree["model"], **change}}
    write_json(folder / "tokenizer.json", {**tree, **change})
    with pytest.raises(UserError, match=message):
        Vocabulary.read(folder)


@pytest.mark.parametrize("value", ["16", 16.5, True], ids=str)
@pytest.mark.parametrize("field", ["d_model", "vocab_size"])
def test_a_size_that_is_no_whole_number_is_a_broken_config(field: str, value: Any, folder: Path) -> None:
    _written(folder / "config.json", {field: value})
    with pytest.raises(UserError, match=rf"a broken config\.json: {field} is '{value}', no whole number"):
        read_whisper_config(folder)


def test_a_tokenizer_that_does_not_give_arabic_back_is_refused(folder: Path) -> None:
    tree = read_json(folder / "tokenizer.json")
    write_json(folder / "tokenizer.json", {**tree, "decoder": None})
    with pytest.raises(UserError, match="a tokenizer that writes 'قال: نعم"):
        Vocabulary.read(folder)


def test_a_config_of_more_blocks_than_any_network_has_is_refused_before_one_is_built(folder: Path) -> None:
    _written(folder / "config.json", {"decoder_layers": 10**9})
    with pytest.raises(UserError, match=r"1,000,000,000 blocks, and no speech network has more than 256"):
        read_whisper_config(folder)
