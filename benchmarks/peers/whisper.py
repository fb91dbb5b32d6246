"""Whisper as published scripts label and distil with it, on transformers; written anew after what they do.

Labels: the dataset as it lies, cut into batches; of each a log-mel spectrogram of 30 s; `generate`, greedy, in float32.
Distillation: labels padded to 448, the logits of all positions of student and teacher, KL at temperature 2 over the
positions that have a label, cross-entropy with 0.8 (the scripts of Distil-Whisper, which those of "To Distill or Not to
Distill" run). Two things are better here than there: AdamW is the fused one, and spectrograms are made before the race.
"""

from __future__ import annotations

from . import torchaudio_alone  # noqa: F401  # isort: skip - before transformers, which imports torchaudio

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from ..whisper_clips import MOST_WRITTEN, clip_path, read_clips, turn

LONGEST, TEMPERATURE, CE, KL, IGNORED = 448, 2.0, 0.8, 1.0, -100


class Labelling:
    """A round is the labelling of as many other clips; a first one, which does not count, of a few. Output: texts."""

    def __init__(self, model: str, clips: str, rounds: int, batch: int, threads: int) -> None:
        torch.set_num_threads(threads)
        self.folder, self.rounds, self.batch, self.done = Path(clips), rounds, batch, -1
        self.clips, self.texts = read_clips(self.folder), dict[str, str]()
        self.processor = WhisperProcessor.from_pretrained(model)
        self.model = WhisperForConditionalGeneration.from_pretrained(model, dtype=torch.float32).eval()

    def run(self) -> dict[str, Any]:
        now = turn(self.clips, self.done, self.rounds)
        self.done += 1
        for language in sorted({clip.language for clip in now}):  # the script is called once for each
            rows = [clip for clip in now if clip.language == language]
            for first in range(0, len(rows), self.batch):
                part = rows[first : first + self.batch]
                for clip, text in zip(part, self.label([clip_path(self.folder, c) for c in part], language)):
                    self.texts[clip.id] = " ".join(text.split())
        return {"audio_seconds": sum(clip.seconds for clip in now)}

    @torch.no_grad()
    def label(self, paths: list[Path], language: str) -> list[str]:
        waves = [soundfile.read(path, dtype="float32")[0] for path in paths]
        features = self.processor.feature_extractor(waves, sampling_rate=16000, return_tensors="pt").input_features
        written = self.model.generate(
            features,
            language=language,
            task="transcribe",
            return_timestamps=False,
            num_beams=1,
            do_sample=False,
            max_new_tokens=MOST_WRITTEN,
        )
        texts: list[str] = self.processor.batch_decode(written, skip_special_tokens=True)
        return texts

    def output(self) -> np.ndarray:
        return np.array([self.texts[clip.id] for clip in self.clips])


class Distilling:
    """Steps on one batch. Output: loss of the first [1]."""

    def __init__(self, teacher: str, student: str, windows: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self.teacher = WhisperForConditionalGeneration.from_pretrained(teacher, dtype=torch.float32).eval()
        self.student = WhisperForConditionalGeneration.from_pretrained(student, dtype=torch.float32).train()
        self.student.generation_config = self.teacher.generation_config
        processor = WhisperProcessor.from_pretrained(teacher)
        processor.tokenizer.set_prefix_tokens(language="english", task="transcribe", predict_timestamps=False)
        with np.load(windows) as stored:
            content = np.split(stored["tokens"], np.cumsum(stored["lengths"])[:-1])
            waves = list(stored["waves"])
        prefix, end = processor.tokenizer.prefix_tokens, processor.tokenizer.eos_token_id
        whole_BL = torch.full((len(content), LONGEST), end)
        there_BL = torch.zeros_like(whole_BL, dtype=torch.bool)
        for b, tokens in enumerate(content):
            row = torch.tensor([*prefix, *tokens.tolist(), end])
            whole_BL[b, : len(row)], there_BL[b, : len(row)] = row, True
        features = processor.feature_extractor(waves, sampling_rate=16000, return_tensors="pt").input_features
        labels_BL = whole_BL.masked_fill(~there_BL, IGNORED)[:, 1:]
        self.batch = {"input_features": features, "decoder_input_ids": whole_BL[:, :-1], "labels": labels_BL}
        parameters = [p for p in self.student.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            parameters, lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, fused=True
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, lambda step: min(1.0, (step + 1) / 50))
        self.losses: list[float] = []

    def run(self) -> dict[str, Any]:
        student = self.student(**self.batch)
        with torch.no_grad():
            teacher = self.teacher(**self.batch)
        theirs = F.softmax(teacher.logits / TEMPERATURE, dim=-1)
        ours = F.log_softmax(student.logits / TEMPERATURE, dim=-1)
        loss = CE * student.loss + KL * self.divergence(theirs, ours) * TEMPERATURE**2
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        self.optimiser.zero_grad()
        self.losses.append(float(loss))
        return {"windows": len(self.batch["labels"])}

    def divergence(self, theirs: Tensor, ours: Tensor) -> Tensor:
        """Of every position, those without a label then taken out; a mean over the others."""
        labelled = (self.batch["labels"] >= 0).unsqueeze(-1)
        return (F.kl_div(ours, theirs, reduction="none") * labelled).sum() / labelled.sum()

    def output(self) -> np.ndarray:
        return np.array(self.losses[:1])
