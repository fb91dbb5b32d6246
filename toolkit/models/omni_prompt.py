"""The token ids of a question to Qwen2.5-Omni, and of its answer.

A prompt is: system line; user: <|audio_bos|>, as many <|AUDIO|> as the clip has states, <|audio_eos|>, instruction;
assistant. An answer ends with <|im_end|>, without a line end. Positions of the answer are known by their place, never
by an id that padding could share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import UserError

AUDIO, BEGIN_AUDIO, END_AUDIO, END = "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "<|im_end|>"


@dataclass(frozen=True)
class PromptFormat:
    """What stands before and after the user's part. A folder of ours states it in config.json."""

    before: str = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
    after: str = "<|im_end|>\n<|im_start|>assistant\n"


class Prompts:
    """Makes token ids.

    Attributes:
        audio, end: ids of <|AUDIO|> and <|im_end|>.
        fill: id that padding has; it is masked by its place.
    """

    def __init__(self, tokenizer: Any, style: PromptFormat, audio: int | None, where: str) -> None:
        """Raises UserError for a tokenizer without the audio tokens.

        Args:
            audio: id of <|AUDIO|> in the model's config.
            where: folder, for errors.
        """
        self.tokenizer, self.style = tokenizer, style
        known = tokenizer.get_vocab()
        if absent := [token for token in (AUDIO, BEGIN_AUDIO, END_AUDIO, END) if token not in known]:
            problem = f"a tokenizer without the token {', '.join(absent)}"
            raise UserError(problem, where, "copy the tokenizer that came with this model there")
        self.audio, self.end = known[AUDIO], known[END]
        if audio is not None and audio != self.audio:
            problem = f"{AUDIO} is token {self.audio} of the tokenizer and {audio} of config.json"
            raise UserError(problem, where, "copy the tokenizer that came with this model there")
        self.fill = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.end
        self._before, self._after = self._format(style.before), self._format(style.after)
        self._asked: dict[str, list[int]] = {}
        self._begin_audio, self._end_audio = known[BEGIN_AUDIO], known[END_AUDIO]

    def ids(self, text: str) -> list[int]:
        """Ids of plain text: <|im_end|> in it is text too, and no control token."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
        return ids

    def _format(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def instruction(self, text: str) -> list[int]:
        """Ids of an instruction, which many items share."""
        if text not in self._asked:
            self._asked[text] = self.ids(text)
        return self._asked[text]

    def question(self, instruction: str, states: int = 0, text: str = "") -> list[int]:
        """Ids of a prompt with so many audio tokens, or with a text to read before the instruction."""
        heard = [self._begin_audio, *[self.audio] * states, self._end_audio] if states else []
        to_read = self.ids(f"{text}\n") if text else []  # apart, so that an instruction always has the same ids
        return [*self._before, *heard, *to_read, *self.instruction(instruction), *self._after]

    def length(self, instruction: str, states: int = 0, text: str = "") -> int:
        """Number of ids of such a prompt."""
        heard = states + 2 if states else 0
        to_read = len(self.ids(f"{text}\n")) if text else 0
        return len(self._before) + heard + to_read + len(self.instruction(instruction)) + len(self._after)

    def answer(self, text: str) -> list[int]:
        """Ids of an answer and its end."""
        return [*self.ids(text), self.end]

    def text_of(self, ids: Sequence[int]) -> str:
        """The text of an answer's ids, white space made single; special tokens are left out."""
        return " ".join(self.tokenizer.decode(ids, skip_special_tokens=True).split())
