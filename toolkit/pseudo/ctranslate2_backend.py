"""CTranslate2 as the back-end of pseudo-labelling: its own fast kernels, on CPU also in int8.

It reads a folder in its own format, or a Hugging Face folder, which is converted once and kept. Its `max_length` counts
the prompt and halves the rest, and its score divides by the tokens without the end: both are mended here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import UserError
from ..core.files import locked, read_json
from ..core.registry import declared
from ..models.config import QUANTIZATIONS
from ..models.ctranslate2_files import is_ctranslate2
from ..models.export import MODEL, require_ctranslate2, to_ctranslate2, whisper_config
from ..models.vocabulary import Vocabulary
from ..models.whisper_files import model_hash
from .decoded import Decoded, Language

LONGEST = 448  # positions of the decoder, prompt included
KEEP_AS = {"default": "float32", "auto": "float32"}  # compute type -> what is kept of a converted folder
TOGETHER = 4  # windows that a worker of a CPU decodes at once: more, and a layer's states no longer fit into its cache
FIRST_TIMESTAMP = 50  # the latest one that a text may begin with: 1 s, as OpenAI's decoder has it


class CTranslate2Backend:
    """A Whisper in CTranslate2.

    Args:
        folder: in CTranslate2's format (model.bin), or a Hugging Face folder.
        vocabulary: of the same model.
        device: cpu, cuda or cuda:N.
        compute_type: float32, float16, bfloat16, int8, int8_float16, ...; default keeps that of the folder.
        threads: of the CPU.
        cache: where converted folders are kept, one for each model and compute type; needed for a Hugging Face folder.

    Raises UserError if CTranslate2 is not installed or cannot compute so on this device, where the folder is no
    Whisper, and where it suppresses other tokens than the vocabulary says.
    """

    def __init__(
        self,
        folder: Path,
        vocabulary: Vocabulary,
        device: str,
        compute_type: str,
        threads: int,
        cache: Path | None = None,
    ) -> None:
        self.ctranslate2 = require_ctranslate2()
        self.vocabulary = vocabulary
        if compute_type not in (*QUANTIZATIONS, *KEEP_AS):
            known = f"name one of {', '.join((*QUANTIZATIONS, *KEEP_AS))}"
            raise UserError(f"no compute type {compute_type}", "compute_type", known)
        self.folder = folder if (folder / MODEL).is_file() else converted(folder, compute_type, cache)
        if not is_ctranslate2(self.folder / MODEL):
            raise UserError("no Whisper of CTranslate2", str(self.folder / MODEL), "convert or copy it again")
        self._refuse_other_first_tokens()
        name, _, index = device.partition(":")
        self.on_cpu = name == "cpu"
        # There each thread decodes windows of its own: two that share the work of one window are hardly faster.
        self.workers = threads if self.on_cpu else 1
        try:
            self.model = self.ctranslate2.models.Whisper(
                str(self.folder),
                device=name,
                device_index=int(index or 0),
                compute_type=compute_type,
                intra_threads=1,
                inter_threads=self.workers,
            )
        except (RuntimeError, ValueError) as e:
            where = f"{self.folder} on {device} in {compute_type}"
            remedy = "name another device or compute type; convert or copy the folder again if it is damaged"
            raise UserError(f"CTranslate2 cannot load it: {' '.join(str(e).split())}", where, remedy) from None

    @property
    def mels(self) -> int:
        """Mel bands that the network takes."""
        return int(self.model.n_mels)

    def decode(
        self, mel_BMT: np.ndarray, prompts: list[list[int]], *, beam: int, max_new_tokens: int, timestamps: bool
    ) -> list[Decoded]:
        """What is said in each window.

        Args:
            mel_BMT: log-mel windows, float32 [B, mels, frames].
            prompts: of each window, as `Vocabulary.prompt` gives it, after <|startofprev|> and a text if wanted.
            beam: 1 is greedy.
            max_new_tokens: at most, the end included.
            timestamps: whether they are written; the prompts must say the same.

        Raises UserError for windows of another number of bands, and for prompts that leave too few positions.
        """
        self._refuse_windows(mel_BMT, prompts, max_new_tokens, timestamps)
        under_way: dict[int, Any] = {}
        for alike in _alike(prompts, self.vocabulary.start):
            size = min(TOGETHER, -(-len(alike) // self.workers)) if self.on_cpu else len(alike)
            for rows in (alike[first : first + size] for first in range(0, len(alike), size)):
                results = self._begin(mel_BMT[rows], [prompts[row] for row in rows], beam, max_new_tokens)
                under_way |= dict(zip(rows, results, strict=True))
        return [_decoded(under_way[row].result(), beam, max_new_tokens) for row in range(len(prompts))]

    def detect(self, mel_BMT: np.ndarray) -> list[Language]:
        """The likeliest language of each log-mel window [B, mels, frames].

        Raises UserError for a model that CTranslate2 takes for one of English only: one with fewer tokens than Whisper.
        """
        if not self.model.is_multilingual:
            message = "CTranslate2 detects languages only with a vocabulary as large as Whisper's"
            raise UserError(message, str(self.folder), "take decode.backend: torch, or name the language")
        features = self.ctranslate2.StorageView.from_array(np.ascontiguousarray(mel_BMT, dtype=np.float32))
        best = [languages[0] for languages in self.model.detect_language(features)]
        return [Language(name.strip("<|>"), float(probability)) for name, probability in best]

    def _begin(self, mel_BMT: np.ndarray, prompts: list[list[int]], beam: int, max_new_tokens: int) -> list[Any]:
        """Of each window a result that some worker is at. The prompts are alike."""
        features = self.ctranslate2.StorageView.from_array(np.ascontiguousarray(mel_BMT, dtype=np.float32))
        under_way: list[Any] = self.model.generate(
            features,
            prompts,
            asynchronous=True,
            beam_size=beam,
            length_penalty=1.0 if beam > 1 else 0.0,  # 0: the score is the sum
            max_length=max_new_tokens + max(max_new_tokens, len(prompts[0]) - 1),
            return_scores=True,
            return_no_speech_prob=True,
            max_initial_timestamp_index=FIRST_TIMESTAMP,
            suppress_blank=bool(self.vocabulary.suppressed_first),
            suppress_tokens=list(self.vocabulary.suppressed),
        )
        return under_way

    def _refuse_windows(
        self, mel_BMT: np.ndarray, prompts: list[list[int]], max_new_tokens: int, timestamps: bool
    ) -> None:
        if mel_BMT.ndim != 3 or len(mel_BMT) != len(prompts):
            raise ValueError(f"{len(prompts)} prompts for windows of the shape {mel_BMT.shape}")
        if mel_BMT.shape[1] != self.mels:
            message = f"windows of {mel_BMT.shape[1]} mel bands, and the model takes {self.mels}"
            raise UserError(message, str(self.folder), "take the preprocessor_config.json of the model itself")
        if any((self.vocabulary.no_timestamps in prompt) is timestamps for prompt in prompts):
            raise ValueError("prompts that say another thing than timestamps")
        longest = max(map(len, prompts), default=0) + max_new_tokens
        if max_new_tokens < 1 or longest > LONGEST:
            message = f"{max_new_tokens} new tokens, {longest} with the prompt, and the model has {LONGEST} positions"
            raise UserError(message, "max_new_tokens", f"name 1 to {max(1, LONGEST - longest + max_new_tokens)}")

    def _refuse_other_first_tokens(self) -> None:
        """These it reads from its own config.json, and no argument tells it others."""
        tree = read_json(self.folder / "config.json")
        first = tree.get("suppress_ids_begin") if isinstance(tree, dict) else None
        if self.vocabulary.suppressed_first and sorted(first or ()) != sorted(self.vocabulary.suppressed_first):
            message = (
                f"tokens {first} may not begin a text, and {list(self.vocabulary.suppressed_first)} by the tokenizer"
            )
            where = f"{self.folder / 'config.json'}, {self.vocabulary.where}"
            raise UserError(message, where, "use the tokenizer of the same model, or convert the model again")


def converted(folder: Path, compute_type: str, cache: Path | None) -> Path:
    """The Hugging Face folder in CTranslate2's format, below `cache`; made where it is not there yet."""
    if cache is None:
        raise UserError(f"no {MODEL} there", str(folder), "convert it: python3 -m toolkit.models.export")
    whisper_config(folder)
    kept = KEEP_AS.get(compute_type, compute_type)
    version = declared("models.export").version
    out = cache / f"{model_hash(folder)}-v{version}-{kept}"
    with locked(out, patience_seconds=600):  # another worker may be making it
        if not (out / MODEL).is_file():
            to_ctranslate2(folder, out, kept)
    return out


def _alike(prompts: list[list[int]], start: int) -> Iterable[list[int]]:
    """Rows whose prompts have one length and <|startoftranscript|> at one place: only these decode together."""
    groups: dict[tuple[int, int], list[int]] = {}
    for row, prompt in enumerate(prompts):
        groups.setdefault((len(prompt), prompt.index(start)), []).append(row)
    return groups.values()


def _decoded(result: Any, beam: int, max_new_tokens: int) -> Decoded:
    tokens = tuple(map(int, result.sequences_ids[0]))
    ended = len(tokens) < max_new_tokens
    score = float(result.scores[0])
    total = score * max(1, len(tokens)) if beam > 1 else score
    return Decoded(
        tokens,
        avg_logprob=total / (len(tokens) + ended),
        entropy=None,
        no_speech=float(result.no_speech_prob),
        ended=ended,
    )
