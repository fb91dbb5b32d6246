"""A teacher's likeliest tokens at every label of packed windows, kept: students then learn from it without it.

--in WINDOWS TEACHER --out FOLDER. It shares the config of train.whisper, to which the folder is given in the teacher's
place: objective.top tokens, at objective.temperature, of every way in which data.timestamps and data.previous may show
a window. Worth it where a teacher is asked more than once: over several epochs, or by several students. On the disk a
position takes 4 bytes a token, and there are up to four ways.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..core.device import device_of_shards
from ..core.errors import UserError
from ..core.files import sha256_of
from ..core.shards import run_shards, split
from ..core.step import Step, main
from ..data.bad_clips import BadClipsOfRun
from ..models.vocabulary import Vocabulary
from ..models.whisper import Whisper
from ..models.whisper_files import find_model, load_whisper, model_name, read_whisper_config
from ..models.whisper_shape import parameter_count
from ..pseudo.windows import WINDOWS, is_pack, refuse_other_vocabulary
from .objectives.seq2seq import IGNORED
from .soft_store import SoftHeader, join_parts, write_part
from .whisper_config import WhisperTraining
from .whisper_speech import bad_clips_of
from .window_speech import WindowSpeech, padded

if TYPE_CHECKING:
    from collections.abc import Sequence

Pairs = list[tuple[np.ndarray, np.ndarray] | None]


def run(step: Step[WhisperTraining]) -> None:
    """Ask the teacher of the windows of every shard, join the shards."""
    config = step.config
    pack, model = _inputs(step.ins)
    shape = read_whisper_config(model)
    top = config.objective.top
    if not 0 < top <= shape.vocab_size:
        problem = f"objective.top is {top}: how many tokens of each position to keep"
        raise UserError(problem, "--objective.top", f"set 1 to {shape.vocab_size}; 32 to 128 hold nearly all of it")
    if config.data.time_masks or config.data.mel_masks:
        problem = "SpecAugment never shows a window twice alike, and a teacher that is kept has heard it once"
        raise UserError(problem, "data.time_masks, data.mel_masks", "set both to 0, or let the teacher listen (top 0)")
    vocabulary = Vocabulary.read(model)
    run_clips = BadClipsOfRun.of_step(step)
    bad_clips = bad_clips_of(run_clips, pack, trained=True)
    speech = WindowSpeech(pack, vocabulary, config.data, shape.num_mel_bins, shape.max_target_positions, bad_clips)
    header = SoftHeader(
        model_name(model),
        parameter_count(shape),
        sha256_of(pack / WINDOWS),
        top,
        config.objective.temperature,
        config.data.timestamps > 0,
        config.data.previous > 0,
    )
    seconds = [window.seconds for window in speech.windows]
    parts = split(seconds)
    device = device_of_shards(step, model)

    @cache
    def teacher() -> Teacher:
        torch.set_num_threads(config.loop.threads)
        return Teacher(load_whisper(model).to(device), header, config.loop.precision != "fp32")

    def work(k: int, path: Path) -> None:
        part, each = parts[k], config.data.windows
        batches = [part[first : first + each] for first in range(0, len(part), each)]
        write_part(path, [row for batch in batches for row in teacher().rows(speech, batch)], top)

    shards = run_shards(step, [sum(seconds[i] for i in part) for part in parts], work, on_device=True)
    positions = join_parts(step.out, header, shards)
    step.counts |= {"windows": len(speech), "positions": positions, "hours": round(speech.seconds / 3600, 4)}
    step.counts |= run_clips.settle(step.ledger)


def _inputs(paths: Sequence[Path]) -> tuple[Path, Path]:
    """The windows and the teacher. Raises UserError if one is missing, or the tokens are of another model."""
    packs, models = [p for p in paths if is_pack(p)], [p for p in paths if not is_pack(p)]
    if len(packs) != 1 or len(models) != 1:
        problem = f"inputs: {len(packs)} folders of windows, {len(models)} models"
        raise UserError(problem, "--in", "give windows of pseudo.pack, and the teacher")
    model = find_model(models[0])
    refuse_other_vocabulary(packs[0], model)
    return packs[0], model


class Teacher:
    """A Whisper that says what it finds likely at every label of a window."""

    def __init__(self, model: Whisper, header: SoftHeader, half: bool) -> None:
        """Args:
        half: in bfloat16 on a GPU that computes in it, as a training does.
        """
        self.model, self.header = model, header
        self.device = model.encoder.conv1.weight.device
        cuda = self.device.type == "cuda"
        self.bf16 = half and cuda and torch.cuda.is_bf16_supported(including_emulation=False)

    @torch.inference_mode()
    def rows(self, speech: WindowSpeech, windows: Sequence[int]) -> list[Pairs]:
        """Of each window the four ways, None for one that is not asked for, or is another's like.

        A window of bad clips has none.
        """
        mel_BMT, heard = speech.mels_of(windows)
        mel_BMT = mel_BMT.to(self.device)
        pairs: list[Pairs] = [[None] * 4 for _ in windows]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            states_BSD = self.model.encoder(mel_BMT)
            for timed, told in self.header.shown:
                made = [speech.shown(row, timed, told) for row in windows]
                wanted = [i for i, (_, labels) in enumerate(made) if not told or labels[0] == IGNORED]
                if not wanted:
                    continue
                tokens_BL, labels_BL = padded([made[i] for i in wanted], speech.vocabulary.end)
                hidden_BLD = self.model.decoder(torch.as_tensor(tokens_BL).to(self.device), states_BSD[wanted])
                for b, i in enumerate(wanted):
                    places = torch.as_tensor(np.flatnonzero(labels_BL[b] != IGNORED)).to(self.device)
                    pairs[i][2 * timed + told] = self._likeliest(hidden_BLD[b].index_select(0, places))
        return [own if i in heard else [None] * 4 for i, own in enumerate(pairs)]

    def _likeliest(self, hidden_ND: Tensor) -> tuple[np.ndarray, np.ndarray]:
        logits_NV = self.model.logits(hidden_ND).float().div_(self.header.temperature)
        logprobs_NK, tokens_NK = logits_NV.log_softmax(1).topk(self.header.top, 1)
        return tokens_NK.cpu().numpy(), logprobs_NK.cpu().numpy()


if __name__ == "__main__":
    main(run)
