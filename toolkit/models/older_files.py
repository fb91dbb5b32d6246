"""Files that a Whisper of an older program lacks, made of those that it has: tokenizer.json and generation_config.json.

Older programs keep the tokenizer as vocab.json, merges.txt and the added tokens with their ids, and what is never
written in config.json. Both say the same as the newer files. `toolkit.models.convert` writes these, once.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from ..core.errors import UserError
from ..core.files import atomic, write_json
from ..core.links import dangling
from .model_files import CONFIG, CONVERT, read_mapping
from .token_ids import (
    END,
    FIELDS,
    GENERATION,
    LISTS,
    NO_TIMESTAMPS,
    REMEDY,
    START,
    TOKENIZER,
    TOKENIZER_CONFIG,
    Stated,
    listed_ids,
)

VOCAB, ADDED = LISTS
MERGES = "merges.txt"
NEVER = "suppress_tokens"  # of generation_config.json; in older folders of config.json
MOVED = (*FIELDS, NEVER, "begin_suppress_tokens", "bos_token_id", "pad_token_id", "max_length")
TEMPLATE = (f"{START} {NO_TIMESTAMPS} $A {END}", f"{START} {NO_TIMESTAMPS} $A $B:1 {END}:1")


def refuse_incomplete(folder: Path, needed: Sequence[str] = (TOKENIZER, GENERATION, CONFIG)) -> None:
    """Raise UserError for a Whisper without one of the `needed` files, with the remedy."""
    for name in needed:
        if (folder / name).is_file():
            continue
        problem = dangling(folder / name) or f"no {name} in a Whisper folder"
        remedy = "copy the tokenizer files of the same model there"
        if name in _makeable(folder):
            sources = f"{VOCAB} and {MERGES}" if name == TOKENIZER else CONFIG
            problem, remedy = f"{problem}, which {sources} can give", f"write it: {CONVERT} {shlex.quote(str(folder))}"
        elif name == GENERATION:
            remedy = f"copy the {name} of the release that it was trained from, e.g. of openai/whisper-base"
        elif name == CONFIG:
            remedy = f"copy the {CONFIG} of the model itself there"
        raise UserError(problem, str(folder), remedy)


def complete(folder: Path) -> list[str]:
    """Write the files that the folder of a Whisper lacks and can give. Returns their names.

    Raises UserError for sources that are broken or contradict each other.
    """
    made = _makeable(folder)
    if TOKENIZER in made:
        tokenizer = tokenizer_of(folder)
        with atomic(folder / TOKENIZER) as temporary:
            tokenizer.save(str(temporary))
    if GENERATION in made:
        tree = read_mapping(folder / CONFIG)
        write_json(folder / GENERATION, {name: tree[name] for name in MOVED if name in tree})
    return made


def _makeable(folder: Path) -> list[str]:
    made = []
    if not (folder / TOKENIZER).is_file() and (folder / VOCAB).is_file() and (folder / MERGES).is_file():
        made.append(TOKENIZER)
    if not (folder / GENERATION).is_file() and (folder / CONFIG).is_file() and NEVER in read_mapping(folder / CONFIG):
        made.append(GENERATION)
    return made


def tokenizer_of(folder: Path) -> Tokenizer:
    """The tokenizer of vocab.json, merges.txt and the lists of added tokens. Raises UserError if it is none."""
    read_mapping(folder / VOCAB)  # refuses what is no list
    try:
        model = models.BPE.from_file(
            str(folder / VOCAB), str(folder / MERGES), continuing_subword_prefix="", end_of_word_suffix=""
        )
    except Exception as e:  # noqa: BLE001 the binding has no exception class of its own
        raise UserError(f"a broken {VOCAB} or {MERGES}: {e}", str(folder), REMEDY) from None
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    added = list(_added(folder))
    for special, run in groupby((token for _, token in added), key=attrgetter("special")):  # one by one takes seconds
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)(list(run))
    for row, _ in added:
        if (known := tokenizer.token_to_id(row.name)) != row.id:
            problem = f"{row.file} has {row.name} as token {row.id}, and with {VOCAB} it would be {known}"
            raise UserError(problem, str(folder), REMEDY)
    ids = {name: tokenizer.token_to_id(name) for name in (START, NO_TIMESTAMPS, END)}
    if lacking := [name for name, id in ids.items() if id is None]:
        problem = f"no list of added tokens ({ADDED}, {TOKENIZER_CONFIG}) that has {lacking[0]}"
        raise UserError(problem, str(folder), "copy that list, or the tokenizer.json, of the model itself there")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=TEMPLATE[0], pair=TEMPLATE[1], special_tokens=[(name, ids[name]) for name in ids]
    )
    return tokenizer


def _added(folder: Path) -> Iterator[tuple[Stated, Any]]:
    """Added tokens in the order of their ids, each once. A token is special as the config of the tokenizer says.

    Without that, names in <|...|> are, but for timestamps, as in all releases.
    """
    config = read_mapping(folder / TOKENIZER_CONFIG) if (folder / TOKENIZER_CONFIG).is_file() else {}
    told = {row["content"]: row for row in (config.get("added_tokens_decoder") or {}).values() if isinstance(row, dict)}
    rows = {row.id: row for row in listed_ids(folder) if row.file != VOCAB}
    for _, row in sorted(rows.items()):
        inner = row.name[2:-2] if row.name.startswith("<|") and row.name.endswith("|>") else ""
        special = bool(inner) and not inner.replace(".", "").isdigit()
        own = {"special": special, "normalized": not special, **told.get(row.name, {})}
        flags = {
            name: bool(own[name])
            for name in ("special", "normalized", "lstrip", "rstrip", "single_word")
            if name in own
        }
        yield row, AddedToken(row.name, **flags)
