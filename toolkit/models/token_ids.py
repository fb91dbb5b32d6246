"""Token ids that the files of a Whisper state beside tokenizer.json, which must mean the same tokens there.

Releases differ: large-v3 has a language more, so later tokens are shifted: the older `transcribe` is its `translate`.
With the tokenizer of another release a network writes fluent text that nobody has said.

forced_decoder_ids is not compared: nothing here reads it, and published folders of large-v3 state those of the older
release. Nor is pad_token_id, in which published files contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from ..core.errors import UserError
from ..core.files import read_json
from .model_files import CONFIG, read_mapping

TOKENIZER, GENERATION = "tokenizer.json", "generation_config.json"
VOCABULARY = "vocabulary.json"  # of a folder in CTranslate2's format: the names of all tokens, in order
LISTS, TOKENIZER_CONFIG = ("vocab.json", "added_tokens.json"), "tokenizer_config.json"  # tokens with their ids
END, START = "<|endoftext|>", "<|startoftranscript|>"
PREVIOUS, NO_TIMESTAMPS, FIRST_TIMESTAMP = "<|startofprev|>", "<|notimestamps|>", "<|0.00|>"
FIELDS = {
    "decoder_start_token_id": START,
    "eos_token_id": END,
    "no_timestamps_token_id": NO_TIMESTAMPS,
    "prev_sot_token_id": PREVIOUS,
}
TIMESTAMPS = 1501  # from 0 to 30 s, one every 0.02 s
PADDED_TO = 8  # networks are widened to a multiple of this or of more; rows after the last token mean nothing
REMEDY = "copy the tokenizer files of the model itself"
REMEDY_OF_WORDS = (
    'if the texts do without it, write "special": true for it in added_tokens of that file: it is then never written; '
    "else name a model with the words of a release"
)


class Stated(NamedTuple):
    """A token id that a file states."""

    file: str
    name: str
    id: int


def stated_ids(generation: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Stated]:
    """The ids in generation_config.json and config.json. Raises ValueError, TypeError or AttributeError if broken."""
    for task, id in (generation.get("task_to_id") or {}).items():
        yield Stated(GENERATION, f"<|{task}|>", whole(id))
    for file, tree in ((GENERATION, generation), (CONFIG, config)):
        for field, name in FIELDS.items():
            ids = tree.get(field)
            for id in ids if isinstance(ids, list) else [ids]:
                if id is not None:
                    yield Stated(file, name, whole(id))
    for name, id in (generation.get("lang_to_id") or {}).items():
        yield Stated(GENERATION, name, whole(id))


def whole(value: Any, name: str = "a token") -> int:
    """An id or a size as an integer. Raises ValueError, which names it, if it is none, as the word "384" is."""
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
        raise ValueError(f"{name} is {str(value)[:100]!r}, no whole number")
    return int(value)


def refuse_other_ids(tokenizer: Tokenizer, stated: Sequence[Stated], size: int, folder: Path) -> int:
    """The id after the last timestamp: it and all later ones are of rows that pad the network, and mean nothing.

    Raises UserError, naming both ids, if tokenizer.json gives another id to a token than another file of the folder.
    Also if the tokens that it names, timestamps included, are fewer or more than the `size` of the network, and if
    there are words after the timestamps, where no released decoder looks for text.
    """
    before = tokenizer.token_to_id(NO_TIMESTAMPS)
    if before is None:
        raise UserError(f"no token {NO_TIMESTAMPS}", str(folder), REMEDY)
    reach = before + 1 + TIMESTAMPS
    ids: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    # Of the lists beside it, names that it lacks are none of its own: <|nocaptions|> is the older <|nospeech|>.
    for file, name, id in [*stated, *(row for row in _listed(folder, reach) if row.name in ids)]:
        known = ids.get(name)
        if known != id:
            here = f"has no token {name}" if known is None else f"has {name} as token {known}"
            message = f"a tokenizer of another model: {TOKENIZER} {here}, and {file} as {id}"
            raise UserError(message, str(folder), REMEDY)
    _refuse_other_timestamps(tokenizer, before + 1, folder)
    if reach > size:
        message = f"a tokenizer of another model: it reaches beyond the {size} tokens that the network has"
        raise UserError(message, str(folder / TOKENIZER), REMEDY)
    named = max(reach, tokenizer.get_vocab_size(with_added_tokens=True))
    if size > named and size % PADDED_TO:
        message = f"a tokenizer of another model: with its timestamps it has {named} tokens, and the network {size}"
        raise UserError(message, str(folder / TOKENIZER), REMEDY)
    added = tokenizer.get_added_tokens_decoder()
    if words := [added[id].content for id in sorted(added) if id >= reach and not added[id].special]:
        message = f"a word that was added after the timestamps ({words[0]!r}): it would be lost from every text"
        raise UserError(message, str(folder / TOKENIZER), REMEDY_OF_WORDS)
    return reach


def _refuse_other_timestamps(tokenizer: Tokenizer, first: int, folder: Path) -> None:
    """Timestamps follow <|notimestamps|>, whether or not they are named: added words must not be in their places."""
    named, held = tokenizer.token_to_id(FIRST_TIMESTAMP), tokenizer.id_to_token(first)
    if named not in (None, first) or held not in (None, FIRST_TIMESTAMP):
        message = f"token {first}, after {NO_TIMESTAMPS}, is {held!r} in {TOKENIZER}, where {FIRST_TIMESTAMP} belongs"
        raise UserError(message, str(folder / TOKENIZER), REMEDY)


def _listed(folder: Path, reach: int) -> Iterator[Stated]:
    """The tokens of the lists that stand beside tokenizer.json. Raises UserError for one that is no such list.

    Of CTranslate2's list those up to `reach`: its converter names the rows that pad a network like timestamps, again.
    """
    names = read_json(folder / VOCABULARY) if (folder / VOCABULARY).is_file() else []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError("no list of tokens", str(folder / VOCABULARY), "convert the model again")
    yield from (Stated(VOCABULARY, name, id) for id, name in enumerate(names[:reach]))
    yield from listed_ids(folder)


def listed_ids(folder: Path) -> Iterator[Stated]:
    """The tokens of the lists that slow tokenizers read. Raises UserError for one that is no such list.

    Each program would write other words if they contradicted tokenizer.json.
    """
    file = ""
    try:
        for file in LISTS:
            tree = read_mapping(folder / file) if (folder / file).is_file() else {}
            yield from (Stated(file, name, whole(id)) for name, id in tree.items())
        file = TOKENIZER_CONFIG
        tree = read_mapping(folder / file) if (folder / file).is_file() else {}
        for id, token in (tree.get("added_tokens_decoder") or {}).items():
            yield Stated(file, str(token["content"]), int(id))
    except (ValueError, TypeError, AttributeError, KeyError) as e:
        raise UserError(f"no tokens with their ids: {e}", str(folder / file), REMEDY) from None
