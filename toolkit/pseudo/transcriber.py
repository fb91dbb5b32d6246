"""Utterances to hypotheses: batches of similar lengths, cut into windows, decoded by a back-end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..core.errors import UserError
from ..core.record import digest
from ..data.audio import AudioError
from ..data.kaldi import Utterance
from ..data.listen import Listener
from ..models.hearing import frames_of
from ..models.log_mel import RATE, Wave, log_mel
from ..models.vocabulary import Vocabulary
from ..models.whisper_files import model_hash, model_name, read_whisper_config, said_of
from ..models.whisper_shape import parameter_count
from ..score.hypotheses import Header, Hypothesis
from ..score.repetition import repetition
from .config import AUTO, Compute, DecodeConfig
from .decoded import Decoded, Language
from .long_audio import Listening

if TYPE_CHECKING:
    from .ctranslate2_backend import CTranslate2Backend


class Backend(Protocol):
    """A back-end that turns windows into tokens."""

    def decode(
        self, waves: Sequence[Wave], prompt: Sequence[int], *, beam: int, limit: int, timestamps: bool
    ) -> list[Decoded]:
        """One window each."""
        ...

    def detect(self, waves: Sequence[Wave]) -> list[Language]:
        """The likeliest language of each window."""
        ...


class _OfMels:
    """A back-end for waveforms, made from one for mel spectrograms."""

    def __init__(self, engine: CTranslate2Backend, frames: int) -> None:
        self.engine, self.frames = engine, frames

    def decode(
        self, waves: Sequence[Wave], prompt: Sequence[int], *, beam: int, limit: int, timestamps: bool
    ) -> list[Decoded]:
        mel_BMT = log_mel(waves, self.frames, self.engine.mels).numpy()
        prompts = [list(prompt)] * len(waves)
        return self.engine.decode(mel_BMT, prompts, beam=beam, max_new_tokens=limit, timestamps=timestamps)

    def detect(self, waves: Sequence[Wave]) -> list[Language]:
        return self.engine.detect(log_mel(waves, self.frames, self.engine.mels).numpy())


@dataclass(frozen=True)
class Job:
    """An utterance to transcribe, and its language; `copy`: number of earlier utterances with the same audio."""

    utterance: Utterance
    language: str
    copy: int = 0


def resolved(config: DecodeConfig, ngpu: int, cluster: bool) -> DecodeConfig:
    """The config with a precision in place of `auto`, so that rows of two precisions are never mixed.

    Args:
        cluster: True if other machines compute, which have GPUs if `ngpu` is not 0.
    """
    if config.compute != "auto":
        return config
    compute: Compute = "float32"
    if ngpu:
        import torch

        if cluster or torch.cuda.is_available():
            bf16 = cluster or torch.cuda.is_bf16_supported()
            compute = "float16" if config.backend == "ctranslate2" else "bfloat16" if bf16 else "float32"
    return replace(config, compute=compute)


class Transcriber:
    """A model with decoding settings.

    Attributes:
        seconds: length of a window.
        header: header of the hypotheses that it makes.
    """

    def __init__(self, folder: Path, config: DecodeConfig, set_name: str = "") -> None:
        """Raises UserError if the model cannot do what the config asks for. No weights are read yet."""
        self.folder, self.config = folder, config
        self.vocabulary = Vocabulary.read(folder)
        shape, about = read_whisper_config(folder), said_of(folder)
        self.seconds = config.window_seconds or float(about.get("window_seconds", 30.0))
        for code in {config.language, *config.languages.values()} - {AUTO}:
            self.vocabulary.language(code)
        _refuse_longer(config, shape.max_target_positions, folder)
        settings = {**asdict(config), "window_seconds": self.seconds}
        hash_ = digest(repr(sorted(settings.items())).encode())
        name, count = model_name(folder), parameter_count(shape)
        self.header = Header(name, model_hash(folder), count, set_name, settings, hash_, bool(about.get("random")))
        self._backend: Backend | None = None

    def preload(self) -> None:
        """Import the modules that `open` needs."""
        if self.config.backend == "ctranslate2":
            from . import ctranslate2_backend  # noqa: F401
        else:
            from . import torch_backend  # noqa: F401

    def open(self, device: str, threads: int, cache: Path) -> None:
        """Read the weights. `cache`: folder for models converted for CTranslate2."""
        config = resolved(self.config, int(device != "cpu"), cluster=False)
        if config.backend == "ctranslate2":
            from .ctranslate2_backend import CTranslate2Backend

            engine = CTranslate2Backend(self.folder, self.vocabulary, device, config.compute, threads, cache)
            self._backend = _OfMels(engine, frames_of(self.seconds))
            return
        import torch

        from .torch_backend import TorchBackend

        torch.set_num_threads(threads)
        compute, context = config.compute, config.context
        self._backend = TorchBackend(self.folder, self.vocabulary, device, compute, self.seconds, context)

    def transcribe(
        self,
        jobs: Sequence[Job],
        drop: Callable[[str, str, str], None],
        batch: int,
        listener: Listener,
        timestamps: bool = False,
    ) -> list[Hypothesis]:
        """Hypotheses of the jobs whose audio can be read, in order; `drop(id, reason, detail)` gets the others.

        Args:
            timestamps: True to write timestamps even if the config does not ask for them.
        """
        heard: dict[int, Listening] = {}
        timed, dbfs = self.config.timestamps or timestamps, self.config.silent_dbfs
        for i, job in enumerate(jobs):
            try:
                wave = listener.hear(job.utterance)
            except AudioError as e:
                drop(job.utterance.id, f"audio: {e.reason}", e.what)
                continue
            heard[i] = Listening(wave, self.seconds, timed, dbfs, job.language)
        self._detect([x for x in heard.values() if x.language == AUTO and not x.over], batch)
        for group in _rounds(heard):
            self._decode([heard[i] for i in group], batch)
        return [self._hypothesis(jobs[i], heard[i]) for i in sorted(heard)]

    def _detect(self, recordings: Sequence[Listening], batch: int) -> None:
        """The language of each, from its first window with speech."""
        for first in range(0, len(recordings), batch):
            part = recordings[first : first + batch]
            for x, language in zip(part, self.backend.detect([x.next() for x in part]), strict=True):
                x.language, x.language_probability = language.code, language.probability

    @property
    def backend(self) -> Backend:
        if self._backend is None:
            raise AssertionError("open() comes first")
        return self._backend

    def _decode(self, recordings: Sequence[Listening], batch: int) -> None:
        """The next window of each; they share the language, and have timestamps or not."""
        waves, alike = [x.next() for x in recordings], recordings[0]
        decodings = self.decode(waves, alike.language, alike.timestamps, batch)
        for x, decoded in zip(recordings, decodings, strict=True):
            x.take(decoded, self.vocabulary)

    def decode(self, waves: Sequence[Wave], language: str, timestamps: bool, batch: int) -> list[Decoded]:
        """One window each, `batch` at a time."""
        beam, limit = self.config.beam, self.config.max_new_tokens
        prompt = self.vocabulary.prompt(language, timestamps)
        parts = [waves[first : first + batch] for first in range(0, len(waves), batch)]
        decoded_parts = [self.backend.decode(p, prompt, beam=beam, limit=limit, timestamps=timestamps) for p in parts]
        return [decoded for part in decoded_parts for decoded in part]

    def _hypothesis(self, job: Job, heard: Listening) -> Hypothesis:
        seconds, silent = round(len(heard.wave) / RATE, 4), not heard.decoded
        first = None if silent else heard.decoded[0].no_speech
        return Hypothesis(
            job.utterance.id,
            heard.text,
            seconds,
            "" if heard.language == AUTO else heard.language,
            tuple(heard.tokens),
            tuple(heard.segments),
            None if silent else rounded(heard.mean("avg_logprob")),
            None if silent else rounded(heard.mean("entropy")),
            1.0 if silent else rounded(first),
            round(repetition(heard.text).letter_ratio, 4),
            heard.ended,
            rounded(heard.language_probability),
            heard.silence,
        )


def _refuse_longer(config: DecodeConfig, positions: int, folder: Path) -> None:
    """Raise UserError if the decoder has no positions for all new tokens after the prompt."""
    prompt = 3 if config.timestamps else 4
    if config.max_new_tokens + prompt > positions:
        message = f"decode.max_new_tokens is {config.max_new_tokens}, with {prompt} tokens of the prompt more than the "
        message += f"{positions} positions of the decoder"
        raise UserError(message, str(folder), f"decode.max_new_tokens: {max(1, positions - prompt)} or less")


def _rounds(heard: dict[int, Listening]) -> Iterator[list[int]]:
    """Groups of recordings with a next window, by language and by timestamps or not."""
    while left := [i for i, x in heard.items() if not x.over]:
        kinds = sorted({(heard[i].language, heard[i].timestamps) for i in left})
        for kind in kinds:
            yield [i for i in left if (heard[i].language, heard[i].timestamps) == kind]


def rounded(value: float | None) -> float | None:
    """Four digits: differences from the order of sums are smaller."""
    return None if value is None or not math.isfinite(value) else round(value, 4)


def jobs_of(utterances: Sequence[Utterance], languages: Sequence[str]) -> list[Job]:
    """A job of each utterance, with its language."""
    jobs: list[Job] = []
    earlier = Counter[tuple[str, float, float | None, str, str]]()
    for u, language in zip(utterances, languages, strict=True):
        audio = (u.path, u.start, u.end, u.channel, language)
        jobs.append(Job(u, language, earlier[audio]))
        earlier[audio] += 1
    return jobs


def settings_folder(header: Header) -> str:
    """Name of a store's folder: one for each model and settings."""
    return f"{header.model_hash}-{header.settings_hash}"


def as_row(hypothesis: Hypothesis) -> dict[str, Any]:
    """Row of the store: all fields but the id, which may differ in another data directory."""
    row = hypothesis.to_json()
    row.pop("id")
    return row
