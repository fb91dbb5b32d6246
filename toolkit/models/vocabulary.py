"""Whisper's tokens: text, languages, tasks, timestamps; and the tokens that a decoder must not write.

Token numbers differ between releases (large-v3 has one language more, so later tokens are shifted). So each token is
looked up by its name in the model's own files, tokenizer.json and generation_config.json.
Timestamps come last, one every 0.02 s from 0 to 30 s, even if tokenizer.json does not name them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ..core.errors import UserError
from .model_files import CONFIG, read_mapping
from .older_files import refuse_incomplete
from .token_ids import (
    END,
    GENERATION,
    NO_TIMESTAMPS,
    PREVIOUS,
    REMEDY,
    START,
    TIMESTAMPS,
    refuse_other_ids,
    stated_ids,
    whole,
)
from .token_ids import TOKENIZER as TOKENIZER
from .tokenizer_files import refuse_unlike_release

ENGLISH_ONLY = 51864  # tokens of every release that knows no other language
TICK = 0.02  # seconds between two timestamps
LAST_TICK = TIMESTAMPS - 1  # timestamps reach from 0 to 30 s
NO_SPEECH = ("<|nospeech|>", "<|nocaptions|>")
PROBE = "قال: نعم، إنّها ١٢ OK ok"  # a text that every tokenizer of Whisper gives back


@dataclass(frozen=True)
class Vocabulary:
    """Tokens of one model. Made by `read`.

    Attributes:
        tokenizer: of the folder.
        size: number of tokens of the network.
        suppressed: tokens that are never written, those after the last timestamp among them; suppressed_first: tokens
            that never begin a text.
        languages: code -> token, e.g. ar -> 50272.
    """

    tokenizer: Tokenizer
    size: int
    suppressed: tuple[int, ...]
    suppressed_first: tuple[int, ...]
    languages: dict[str, int]
    where: str

    @staticmethod
    def read(folder: Path) -> Vocabulary:
        """Raises UserError if a file is missing or broken, for an English-only model, and for another's tokenizer."""
        refuse_incomplete(folder)
        refuse_unlike_release(folder / TOKENIZER)
        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        except Exception as e:  # noqa: BLE001 the binding has no exception class of its own
            raise UserError(f"a broken tokenizer: {e}", str(folder / TOKENIZER), "copy it again") from None
        generation, config = read_mapping(folder / GENERATION), read_mapping(folder / CONFIG)
        if "vocab_size" not in config:
            raise UserError(f"a broken {CONFIG}: no vocab_size", str(folder), "copy it again")
        if generation.get("is_multilingual", config["vocab_size"] != ENGLISH_ONLY) is False:
            message = "an English-only Whisper, which cannot transcribe another language"
            raise UserError(message, str(folder), "name a multilingual one, without .en in its name")
        try:
            size = whole(config["vocab_size"], "vocab_size")
            languages = {name[2:-2]: _token(id, size) for name, id in (generation.get("lang_to_id") or {}).items()}
            suppressed, first = (
                tuple(_token(id, size) for id in generation.get(name) or ())
                for name in ("suppress_tokens", "begin_suppress_tokens")
            )
            stated = list(stated_ids(generation, config))
        except (ValueError, TypeError, AttributeError) as e:
            message = f"a broken {CONFIG} or {GENERATION}: {e}"
            raise UserError(message, str(folder), "copy them again") from None
        reach = refuse_other_ids(tokenizer, stated, size, folder)
        suppressed += tuple(id for id in range(reach, size) if id not in suppressed)
        known = Vocabulary(tokenizer, size, suppressed, first, languages or _languages(tokenizer), str(folder))
        known._refuse_garbled()
        return known

    def _refuse_garbled(self) -> None:
        """Raise UserError if a text does not come back from its tokens: `decoder` of tokenizer.json is another."""
        if (back := self.decode(self.encode(PROBE))) != PROBE:
            message = f"a tokenizer that writes {PROBE!r} as {back[:60]!r}"
            raise UserError(message, str(Path(self.where) / TOKENIZER), REMEDY)

    @cached_property
    def _of_text(self) -> Tokenizer:
        """The tokenizer without its added tokens (special ones, timestamps), which it would find in any text."""
        plain = Tokenizer(self.tokenizer.model)
        for part in ("normalizer", "pre_tokenizer"):
            if (used := getattr(self.tokenizer, part)) is not None:
                setattr(plain, part, used)
        return plain

    def id(self, name: str) -> int:
        """Token of that name. Raises UserError if there is none."""
        token = self.tokenizer.token_to_id(name)
        if token is None:
            raise UserError(f"no token {name}", self.where, REMEDY)
        return int(token)

    @cached_property
    def end(self) -> int:
        """End of the text; all tokens below it are text."""
        return self.id(END)

    @cached_property
    def start(self) -> int:
        return self.id(START)

    @cached_property
    def previous(self) -> int:
        """The token before the text of the previous window."""
        return self.id(PREVIOUS)

    @cached_property
    def no_timestamps(self) -> int:
        return self.id(NO_TIMESTAMPS)

    @cached_property
    def no_speech(self) -> int:
        names = [n for n in NO_SPEECH if self.tokenizer.token_to_id(n) is not None]
        return self.id(names[0] if names else NO_SPEECH[0])

    @property
    def first_timestamp(self) -> int:
        """Token of the timestamp 0 s."""
        return self.no_timestamps + 1

    def language(self, code: str) -> int:
        """Token of a language. Raises UserError if the model does not know it."""
        if code not in self.languages:
            known = ", ".join(sorted(self.languages)) or "none"
            raise UserError(f"the model knows no language {code}", self.where, f"it knows {known}")
        return self.languages[code]

    def prompt(self, language: str, timestamps: bool, task: str = "transcribe") -> list[int]:
        """Tokens that a transcript begins with."""
        head = [self.start, self.language(language), self.id(f"<|{task}|>")]
        return head if timestamps else [*head, self.no_timestamps]

    def timestamp(self, seconds: float) -> int:
        """Token of the nearest timestamp; later times get the last one."""
        return self.first_timestamp + min(max(round(seconds / TICK), 0), LAST_TICK)

    def seconds(self, token: int) -> float | None:
        """Time of a timestamp token, seconds; None for any other token."""
        return round((token - self.first_timestamp) * TICK, 2) if token >= self.first_timestamp else None

    def encode(self, text: str) -> list[int]:
        """Tokens of a text, which begins with the space that Whisper writes before a word; none for an empty text.

        All are below `end`: <|endoftext|> in a transcript is text and ends nothing.
        """
        text = " ".join(text.split())
        return list(self._of_text.encode(" " + text, add_special_tokens=False).ids) if text else []

    def decode(self, tokens: Iterable[int]) -> str:
        """Text of the text tokens, each stretch of white space as one space."""
        return " ".join(self.tokenizer.decode([t for t in tokens if t < self.end]).split())


def _token(id: Any, size: int) -> int:
    """Raises ValueError if the network has no such token."""
    if not 0 <= whole(id) < size:
        raise ValueError(f"no token {id} among {size}")
    return whole(id)


def _languages(tokenizer: Tokenizer) -> dict[str, int]:
    """Languages if the generation config does not list them: the tokens between start and task."""
    start, end = (tokenizer.token_to_id(name) for name in (START, "<|translate|>"))
    if start is None or end is None:
        return {}
    names: list[Any] = [(tokenizer.id_to_token(i), i) for i in range(start + 1, end)]
    return {name[2:-2]: i for name, i in names if name}
