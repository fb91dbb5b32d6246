"""Make a small Qwen2.5-Omni thinker: the encoder of a Whisper as its audio tower, a new text model, a new tokenizer.

Inputs, recognised by what they hold: a folder of items, whose texts the tokenizer is learnt from, and a Whisper. The
tower computes what the Whisper's encoder computes, bit for bit, on windows of 30 s; but for its last step: Qwen's tower
halves the number of states before the last normalisation. All other weights are random: train them with train.instruct.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from ..core.errors import UserError
from ..core.step import Step, main
from ..data.instruct_items import is_items, parts_of, read_part
from .config import SmallOmniConfig
from .omni import Omni, parameters_of, save_omni
from .omni_prompt import AUDIO, BEGIN_AUDIO, END, END_AUDIO, PromptFormat, Prompts
from .whisper_files import find_model, load_whisper, read_whisper_config

BEGIN = "<|im_start|>"
SPECIAL = (
    "<pad>",
    BEGIN,
    END,
    BEGIN_AUDIO,
    AUDIO,
    END_AUDIO,
    "<|vision_bos|>",
    "<|vision_eos|>",
    "<|IMAGE|>",
    "<|VIDEO|>",
)
SHORT = PromptFormat(BEGIN, f"{END}{BEGIN}")  # no words of the chat format, which a small model must learn to pass over
WEIGHT_OF_WORDS = 50  # instructions and labels count this often when the tokenizer is learnt: each becomes few tokens


def learnt_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A byte-level BPE tokenizer with Qwen2.5-Omni's special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = bytes_, decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token=END, extra_special_tokens=list(SPECIAL[1:])
    )


def texts_of(folder: Path) -> list[str]:
    """What the tokenizer is learnt from: of the first part of some items each transcript once, every report twice, and
    instructions and labels many times, so that what is written often takes few tokens.
    """
    items = read_part(next((p for p in parts_of(folder) if p.name == "train"), parts_of(folder)[0]))
    reports = {task.name for task in items.tasks.tasks if task.answer == "report"}
    words = [name for task in items.tasks.tasks for names in task.labels.values() for name in names]
    asked = [instruction for task in items.tasks.tasks for instruction in task.instructions]
    read = dict.fromkeys(text for item in items for text in (item.text, "" if item.label else item.answer) if text)
    return [*read, *[item.answer for item in items if item.task in reports], *(words + asked) * WEIGHT_OF_WORDS]


def built(config: SmallOmniConfig, whisper: Path, tokenizer: Any) -> Any:
    """The network of transformers with the Whisper's encoder in its tower and random weights elsewhere."""
    from transformers import Qwen2_5OmniThinkerConfig
    from transformers import Qwen2_5OmniThinkerForConditionalGeneration as Thinker

    heard, width = read_whisper_config(whisper), config.hidden_size
    quarter = width // config.heads // 4
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2 * quarter - 2 * (quarter * 3 // 4)]}
    rope["mrope_section"] = [*rope["mrope_section"], quarter * 3 // 4, quarter * 3 // 4]  # type: ignore[misc]
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    vision = {"depth": 1, "hidden_size": 32, "num_heads": 2, "intermediate_size": 32, "out_hidden_size": width}
    shape = Qwen2_5OmniThinkerConfig(
        audio_config={
            "num_mel_bins": heard.num_mel_bins,
            "encoder_layers": heard.encoder_layers,
            "encoder_attention_heads": heard.encoder_attention_heads,
            "encoder_ffn_dim": heard.encoder_ffn_dim,
            "d_model": heard.d_model,
            "max_source_positions": heard.max_source_positions,
            "n_window": round(50 * config.window_seconds),
            "output_dim": width,
        },
        vision_config={**vision, "fullatt_block_indexes": [0]},
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": width,
            "intermediate_size": config.intermediate_size,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "num_key_value_heads": config.key_heads,
            "rope_parameters": rope,
            "max_position_embeddings": config.context,
            "tie_word_embeddings": False,
            "pad_token_id": ids["<pad>"],
            "eos_token_id": ids[END],
        },
        audio_token_index=ids[AUDIO],
        audio_start_token_id=ids[BEGIN_AUDIO],
        audio_end_token_id=ids[END_AUDIO],
        image_token_index=ids["<|IMAGE|>"],
        video_token_index=ids["<|VIDEO|>"],
        user_token_id=ids[BEGIN],
        pad_token_id=ids["<pad>"],
        eos_token_id=ids[END],
    )
    # Asked for whatever is heard.
    shape.vision_start_token_id, shape.vision_end_token_id = ids["<|vision_bos|>"], ids["<|vision_eos|>"]
    torch.manual_seed(config.seed)
    return Thinker(shape)


def hear_like(tower: Any, whisper: Path) -> None:
    """Give the tower the weights and the table of positions of a Whisper's encoder. Raises UserError."""
    encoder = {
        name.removeprefix("encoder."): t
        for name, t in load_whisper(whisper).state_dict().items()
        if name.startswith("encoder.")
    }
    positions = encoder.pop("embed_positions.weight")
    renamed = {_renamed(name): t for name, t in encoder.items()}
    unlike = tower.load_state_dict(renamed, strict=False)
    own = {"proj.weight", "proj.bias", "audio_bos_eos_token.weight"}
    if unlike.unexpected_keys or set(unlike.missing_keys) - own:
        names = [*unlike.unexpected_keys, *(set(unlike.missing_keys) - own)]
        raise UserError(
            f"a Whisper whose encoder is no tower of Qwen2.5-Omni: {names[0]}", str(whisper), "name another"
        )
    tower.positional_embedding.positional_embedding.copy_(positions)


def _renamed(name: str) -> str:
    return name.replace("layer_norm.", "ln_post.") if name.startswith("layer_norm.") else name


def make(config: SmallOmniConfig, whisper: Path, texts: Sequence[str], folder: Path) -> Omni:
    """Build, and write the Hugging Face folder."""
    tokenizer = learnt_tokenizer(texts, config.vocabulary)
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer.save_pretrained(temporary)
        model = built(config, whisper, tokenizer).eval()
        prompts = Prompts(tokenizer, SHORT, tokenizer.convert_tokens_to_ids(AUDIO), str(folder))
        omni = Omni(model, Path(temporary), prompts)
        hear_like(omni.tower, whisper)
        about = {"prompt": {"before": SHORT.before, "after": SHORT.after}, "random": ["text model", "head", "aligner"]}
        card = f"A Qwen2.5-Omni thinker with the encoder of {whisper.name}; text model and aligner are RANDOM.\n"
        save_omni(omni, folder, card, about)
    return Omni(model, folder, prompts)


def run(step: Step[SmallOmniConfig]) -> None:
    items = [path for path in step.ins if is_items(path)]
    others = [path for path in step.ins if path not in items]
    if len(items) != 1 or len(others) != 1:
        problem = f"inputs: {len(items)} folders of items and {len(others)} Whispers"
        raise UserError(problem, "--in", "give one of each")
    omni = make(step.config, find_model(others[0]), texts_of(items[0]), step.out / "hf")
    parts = parameters_of(omni)
    step.counts |= {"parameters": sum(parts.values()), "tokens": len(omni.prompts.tokenizer)}
    print(", ".join(f"{name} {count:,}" for name, count in parts.items()) + " weights")


if __name__ == "__main__":
    main(run)
