"""What a CTC head spells with: characters, or SentencePiece pieces learnt from the training transcripts.

Class 0 of every head is the blank; the tokens' numbers start at 1.

Source: Kudo, "Subword Regularization", ACL 2018 (the unigram model); Kudo and Richardson, "SentencePiece", EMNLP 2018.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any

from ..core.errors import UserError

BLANK = 0
SPACE = "\u2581"  # how SentencePiece writes a space
SHORTEST_LIMIT = 4192  # bytes; SentencePiece's own limit, above which it would leave a sentence out
RESERVED = {SPACE, "\u2585"}  # characters that mean something else to SentencePiece: no text can hold them


class Tokens:
    """An inventory of tokens.

    Attributes:
        name: what results call it, e.g. "characters" or "sentencepiece 200".
        unit: what its tokens are called.
        piece: what `known` takes out.
        symbols: the tokens in the order of their numbers, which start at 1.
        alphabet: characters, or words, that `encode` knows.
    """

    name: str
    unit: str
    piece = "character"
    symbols: list[str]
    alphabet: AbstractSet[str]

    def __len__(self) -> int:
        """Classes of a head, the blank included."""
        return len(self.symbols) + 1

    def size(self, text: str) -> int:
        """Number of pieces of `text`."""
        return len(text)

    def known(self, text: str) -> str:
        """`text` without what is not in the alphabet."""
        return "".join(c for c in text if c in self.alphabet)

    def encode(self, text: str) -> list[int]:
        """Numbers of the tokens that spell `text`. Raises KeyError for a character that is not in the alphabet."""
        raise NotImplementedError

    def decode(self, numbers: Sequence[int]) -> str:
        """What the tokens spell."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokens) and self.files("") == other.files("")

    def __hash__(self) -> int:
        return hash(tuple(self.symbols))

    def files(self, task: str) -> dict[str, bytes]:
        """Files, by name, without which nobody can read what a head of `task` spells.

        <task>.tokens.txt has a token on each line, from class 0 on; a space is written <space>.
        """
        shown = ["<blank>", *("<space>" if s == " " else s for s in self.symbols)]
        return {f"{task}.tokens.txt": "".join(f"{s}\n" for s in shown).encode()}


class Characters(Tokens):
    """The characters (code points) that training texts hold, in code-point order."""

    name = unit = "characters"

    def __init__(self, texts: Iterable[str]) -> None:
        self.symbols = sorted({c for text in texts for c in text})
        self.number = {c: i for i, c in enumerate(self.symbols, BLANK + 1)}
        self.alphabet = self.number.keys()

    def encode(self, text: str) -> list[int]:
        return [self.number[c] for c in text]

    def decode(self, numbers: Sequence[int]) -> str:
        return "".join(self.symbols[n - 1] for n in numbers)


class Words(Tokens):
    """What training texts hold between white space, e.g. phones, in code-point order."""

    def __init__(self, texts: Iterable[str], unit: str = "words") -> None:
        self.name = self.unit = unit
        self.piece = unit.removesuffix("s")
        self.symbols = sorted({word for text in texts for word in text.split()})
        self.number = {word: i for i, word in enumerate(self.symbols, BLANK + 1)}
        self.alphabet = self.number.keys()

    def size(self, text: str) -> int:
        return len(text.split())

    def known(self, text: str) -> str:
        return " ".join(word for word in text.split() if word in self.alphabet)

    def encode(self, text: str) -> list[int]:
        return [self.number[word] for word in text.split()]

    def decode(self, numbers: Sequence[int]) -> str:
        return " ".join(self.symbols[n - 1] for n in numbers)


class SentencePiece(Tokens):
    """Pieces of a unigram model. Its unknown piece, which no text of the alphabet needs, has the blank's number.

    Args:
        model: what `learn_pieces` returns: the bytes of a .model file of SentencePiece.
    """

    unit = "pieces"

    def __init__(self, model: bytes) -> None:
        self.model = model
        self.processor = _sentencepiece().SentencePieceProcessor(model_proto=model)
        self.symbols = [self.processor.id_to_piece(n) for n in range(1, self.processor.get_piece_size())]
        self.name = f"sentencepiece {len(self.symbols)}"
        self.alphabet = {" " if s == SPACE else s for s in self.symbols if len(s) == 1}

    def encode(self, text: str) -> list[int]:
        numbers: list[int] = self.processor.encode(text)
        if BLANK in numbers or not RESERVED.isdisjoint(text):
            raise KeyError(text)
        return numbers

    def decode(self, numbers: Sequence[int]) -> str:
        return "".join(self.symbols[n - 1] for n in numbers).replace(SPACE, " ").strip()

    def files(self, task: str) -> dict[str, bytes]:
        return {**super().files(task), f"{task}.spm.model": self.model}


@lru_cache(maxsize=4)  # every row of a probe table asks for the same
def learn_pieces(texts: tuple[str, ...], pieces: int, where: str = "") -> bytes:
    """Learn a unigram model of so many pieces, every character that occurs among them: the same bytes every time.

    Texts are taken as they are, but for the two characters that SentencePiece reserves. `where`: for errors.

    Raises UserError where the texts have more characters, or hold fewer pieces, than that.
    """
    texts = tuple("".join(c for c in text if c not in RESERVED) for text in texts)
    where = f"{where}: {len(texts):,} training transcripts".removeprefix(": ")
    if (least := len({c for text in texts for c in text} | {" "})) > pieces:
        raise UserError(
            f"{pieces} pieces are too few for {least} different characters", where, f"set pieces to {least} or more"
        )
    written = io.BytesIO()
    try:
        _sentencepiece().SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=written,
            model_type="unigram",
            vocab_size=pieces + 1,
            character_coverage=1.0,
            normalization_rule_name="identity",
            max_sentence_length=max(SHORTEST_LIMIT, *(len(text.encode()) for text in texts)) + 1,
            num_threads=1,  # sums of several threads are not the same bits every time
            unk_id=BLANK,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            minloglevel=2,
        )
    except RuntimeError as e:
        most = re.search(r"set it to a value <= (\d+)", str(e))
        remedy = f"set pieces to {int(most[1]) - 1} or fewer" if most else "use characters"
        raise UserError(f"the text is too small for {pieces} pieces", where, remedy) from e
    return written.getvalue()


def _sentencepiece() -> Any:
    import sentencepiece  # not above: heads that spell characters do without it

    return sentencepiece
