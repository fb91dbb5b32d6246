"""The peer of the audio LLM's races: the same model in transformers' Trainer with peft, and transformers' generate.

As fine-tuning scripts do it: a collator extracts mel frames of the batch's clips, padded to the longest, and pads ids
to the longest; the model hears the batch in every step and computes logits at every position.
"""

from __future__ import annotations

from . import torchaudio_alone  # noqa: F401  # isort: skip - before transformers, which imports torchaudio

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import soundfile
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from torch.utils.data import Dataset
from transformers import (
    AutoTokenizer,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    WhisperFeatureExtractor,
)

TARGETS = r"^(?!.*(audio_tower|visual)).*self_attn\.(q_proj|k_proj|v_proj|o_proj)$"
SEED = 1


def load(folder: Path) -> Any:
    """The model with the positions of its Whisper."""
    model = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(folder / "base/hf")
    table = load_file(folder / "base/hf/positions.safetensors")["positional_embedding"]
    model.audio_tower.positional_embedding.positional_embedding.copy_(table)
    return model


def read(folder: Path, part: str) -> list[dict[str, Any]]:
    with pa.memory_map(str(folder / "items" / part / "items.arrow")) as source:
        rows: list[dict[str, Any]] = pa.ipc.open_file(source).read_all().to_pylist()
    return rows


class Prompts:
    """Token ids of questions, in the short form of the small model."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "base/hf")

    def ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def question(self, instruction: str, states: int) -> list[int]:
        heard = self.ids("<|audio_bos|>") + self.ids("<|AUDIO|>") * states + self.ids("<|audio_eos|>")
        return self.ids("<|im_start|>") + heard + self.ids(instruction) + self.ids("<|im_end|><|im_start|>")


class Items(Dataset[dict[str, Any]]):
    """Waveforms with their texts, in the order in which everyone trains."""

    def __init__(self, rows: Sequence[dict[str, Any]], count: int) -> None:
        order = np.random.default_rng(SEED).permutation(len(rows))
        self.rows = [rows[order[i % len(rows)]] for i in range(count)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> dict[str, Any]:
        row = self.rows[number]
        wave, _ = soundfile.read(row["path"], dtype="float32")
        return {"wave": wave, "instruction": row["instruction"], "answer": row["answer"]}


class Collator:
    """Features and ids of a batch, both padded to the longest."""

    def __init__(self, prompts: Prompts, mels: int, most_states: Any) -> None:
        self.prompts, self.states = prompts, most_states
        self.extractor = WhisperFeatureExtractor(feature_size=mels)

    def __call__(self, batch: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        features = self.extractor(
            [row["wave"] for row in batch],
            sampling_rate=16000,
            truncation=False,
            padding="longest",
            return_attention_mask=True,
            return_tensors="pt",
        )
        lengths = self.states(features.attention_mask.sum(-1))[1].tolist()
        rows, labels = [], []
        for row, length in zip(batch, lengths, strict=True):
            question = self.prompts.question(row["instruction"], length)
            answer = self.prompts.ids(row["answer"]) + self.prompts.ids("<|im_end|>")
            rows.append(torch.tensor(question + answer))
            labels.append(torch.tensor([-100] * len(question) + answer))
        pad = torch.nn.utils.rnn.pad_sequence
        ids = pad(rows, batch_first=True, padding_value=0)
        mask = pad([torch.ones_like(row) for row in rows], batch_first=True)
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": pad(labels, batch_first=True, padding_value=-100),
            "input_features": features.input_features,
            "feature_attention_mask": features.attention_mask,
        }


class InTrainer(Trainer):
    """In the order of the dataset, as the others train."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return torch.utils.data.SequentialSampler(train_dataset if train_dataset is not None else self.train_dataset)


class Clock(TrainerCallback):
    """Seconds from the beginning of the training loop to the end of its last step, without what is set up before."""

    seconds = 0.0

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        self.begun = time.perf_counter()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.seconds = time.perf_counter() - self.begun


class Training:
    """A round is a Trainer's `steps` steps of the next items. Output: loss of the first batch."""

    def __init__(self, folder: str, threads: int, steps: int, batch: int) -> None:
        torch.set_num_threads(threads)
        top = Path(folder)
        base = load(top)
        self.tower: Any = base.audio_tower
        torch.manual_seed(SEED)
        self.model = get_peft_model(base, LoraConfig(r=16, lora_alpha=32, target_modules=TARGETS))
        base.audio_tower.eval()
        self.items = Items(read(top, "train"), 40 * steps * batch)
        self.collator = Collator(Prompts(top), base.audio_tower.config.num_mel_bins, self._lengths)
        self.steps, self.batch, self.done = steps, batch, 0
        with torch.no_grad():
            given = self.collator([self.items[i] for i in range(batch)])
            self.loss = float(self.model(**given).loss)
        self.folder = tempfile.TemporaryDirectory()

    def _lengths(self, frames: torch.Tensor) -> Any:
        return self.tower._get_feat_extract_output_lengths(frames)

    def run(self) -> dict[str, Any]:
        first = self.done * self.steps * self.batch % (len(self.items) - self.steps * self.batch)
        self.done += 1
        part = torch.utils.data.Subset(self.items, range(first, first + self.steps * self.batch))
        arguments = TrainingArguments(
            self.folder.name,
            max_steps=self.steps,
            per_device_train_batch_size=self.batch,
            learning_rate=1e-4,
            lr_scheduler_type="constant",
            max_grad_norm=1.0,
            adam_beta2=0.98,
            weight_decay=0.01,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            use_cpu=True,
            seed=SEED,
        )
        clock = Clock()
        InTrainer(self.model, arguments, data_collator=self.collator, train_dataset=part, callbacks=[clock]).train()
        return {"seconds": clock.seconds}

    def output(self) -> np.ndarray:
        return np.array([self.loss])


class Generating:
    """A round is the answering of all test items in batches as they come, from kept states. Output: code points."""

    def __init__(self, folder: str, threads: int, batch: int, mixed: bool = True) -> None:
        """`mixed`: tasks in random order; false: one after the other, as the table of items has them."""
        torch.set_num_threads(threads)
        top = Path(folder)
        self.model, self.prompts, self.batch = load(top).eval(), Prompts(top), batch
        self.rows = read(top, "test")
        order = np.random.default_rng(SEED).permutation(len(self.rows))
        self.rows = [self.rows[i] for i in order] if mixed else self.rows
        extractor = WhisperFeatureExtractor(feature_size=self.model.audio_tower.config.num_mel_bins)
        tower, self.states = self.model.audio_tower, dict[str, torch.Tensor]()
        for row in self.rows:
            wave, _ = soundfile.read(row["path"], dtype="float32")
            mel = extractor(wave, sampling_rate=16000, truncation=False, return_tensors="pt").input_features[0]
            mel = mel[:, : len(wave) // 160]
            length = torch.tensor([mel.shape[1]])
            after = tower._get_feat_extract_output_lengths(length)[0]
            with torch.no_grad():
                self.states[row["path"]] = tower(mel, feature_lens=length, aftercnn_lens=after).last_hidden_state
        self.texts: dict[str, str] = {}

    @torch.no_grad()
    def run(self) -> dict[str, Any]:
        audio, end = self.prompts.ids("<|AUDIO|>")[0], self.prompts.ids("<|im_end|>")[0]
        for first in range(0, len(self.rows), self.batch):
            part = self.rows[first : first + self.batch]
            asked = [self.prompts.question(r["instruction"], len(self.states[r["path"]])) for r in part]
            longest = max(map(len, asked))
            ids = torch.tensor([[0] * (longest - len(q)) + q for q in asked])
            mask = torch.tensor([[0] * (longest - len(q)) + [1] * len(q) for q in asked])
            embedded = self.model.get_input_embeddings()(ids)
            states = torch.cat([self.states[r["path"]] for r in part])
            embedded = embedded.masked_scatter((ids == audio).unsqueeze(-1), states)
            self.model.rope_deltas = None
            written = self.model.generate(
                inputs_embeds=embedded,
                attention_mask=mask,
                max_new_tokens=60,
                do_sample=False,
                eos_token_id=end,
                pad_token_id=0,
                use_cache=True,
            )
            for row, tokens in zip(part, written.tolist(), strict=True):
                answer = tokens[: tokens.index(end)] if end in tokens else tokens
                text = " ".join(self.prompts.tokenizer.decode(answer, skip_special_tokens=True).split())
                self.texts[f"{row['task']}/{row['id']}"] = text
        return {"items": len(self.texts)}

    def output(self) -> np.ndarray:
        return np.array([ord(c) for key in sorted(self.texts) for c in f"{self.texts[key]}\n"])
