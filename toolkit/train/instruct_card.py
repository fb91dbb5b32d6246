"""Descriptions of a tuned audio LLM: in its config, on its model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..data.instruct_items import ItemTable
from .engine.loop import Trained
from .instruct_config import InstructTraining
from .instruct_schedule import in_words


def about(config: InstructTraining, base: Path, items: ItemTable, trained: Trained) -> dict[str, Any]:
    """Origin, and how tasks are asked: for sawt.json of an adapter, or the section "sawt" of a config."""
    asked = {
        t.name: {"ask": list(t.instructions), "max_new_tokens": t.max_new_tokens, "heard": t.heard}
        for t in items.tasks.tasks
    }
    origin = {"base": str(base), "steps": trained.step, "schedule": in_words(config.schedule), "tasks": asked}
    return {**origin, "seed": config.loop.seed}


def card(config: InstructTraining, items: ItemTable, trained: Trained) -> str:
    """The model card: what was tuned, on which items, under which schedule."""
    adapt, optim = config.adapt, config.optim
    layers = "attention and feed-forward layers" if adapt.mlp else "attention"
    tuned = f"LoRA adapters (rank {adapt.rank}, alpha {adapt.alpha}) in the text model's {layers}"
    if adapt.tower:
        tuned += " and in the audio tower's attention"
    if adapt.how == "full":
        tuned = "text model, head and aligner; the audio tower is frozen"
    asked = "\n".join(
        f"- {task.title}: {task.counts.get(items.name, 0):,} items, asked «{'», «'.join(task.instructions)}»"
        for task in items.tasks.tasks
        if not config.data.tasks or task.name in config.data.tasks
    )
    losses = "".join(
        f"- {part} loss {row['loss']:.3f} nats\n"
        for part, row in (("training", trained.train), ("dev", trained.dev))
        if row
    )
    use = "adapter = PeftModel.from_pretrained(base, FOLDER)" if adapt.how == "lora" else "from_pretrained(FOLDER)"
    return f"""---
library_name: {"peft" if adapt.how == "lora" else "transformers"}
tags: [speech, qwen2.5-omni, instruction-tuning, arabic]
---
A Qwen2.5-Omni thinker tuned with Sawt on instructions about Arabic speech: {tuned}.

{asked}
- schedule: {in_words(config.schedule)}
- {trained.step:,} steps of {config.data.batch} items, peak rate {optim.peak_lr:g}, seed {config.loop.seed}
{losses}
It hears and writes text. It was not tuned to speak: with the talker of Qwen2.5-Omni its speech may be worse.
`Qwen2_5OmniThinkerForConditionalGeneration` of transformers reads the base; {use}.
`python3 -m toolkit.models.answer FOLDER clip.wav --task NAME` answers for one clip.
"""
