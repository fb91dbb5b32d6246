"""Ask an audio LLM about clips: python3 -m toolkit.models.answer MODEL CLIP... --task summary

MODEL is an adapter or a model that train.instruct has made, a Hugging Face folder, or an id of the hub. A clip is any
file that libsndfile reads, of any length that the model's context holds. The answers go to standard output, one line
for each clip.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import UserError, told
from ..data.channels import CHANNEL_HELP, OF_ONE_FILE, channel_of
from .adapters import is_adapter
from .omni_files import EXAMPLES

MOST = 256  # tokens of an answer, where the model's training said nothing


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "python3 -m toolkit.models.answer",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("model", metavar="MODEL", help=f"adapter or model: a folder, or an id of the hub such as {EXAMPLES}")
    add("clips", nargs="+", type=Path, metavar="CLIP", help="audio files")
    add("--task", metavar="NAME", help="task that the model was tuned on; its first instruction is used")
    add("--instruction", metavar="TEXT", help="what to ask instead, in any words")
    add("--base", type=Path, metavar="FOLDER", help="base of an adapter; default: the one that its training noted")
    add("--max-new-tokens", type=int, metavar="N", help="largest number of tokens of an answer")
    add("--start", type=float, default=0.0, metavar="S", help="begin there, seconds")
    add("--end", type=float, metavar="S", help="end there, seconds; default: the end of the clip")
    add("--channel", choices=OF_ONE_FILE, default="auto", help=CHANNEL_HELP)
    add("--device", default="cpu", metavar="NAME", help="cpu, or cuda:0")
    return made


def instruction_of(tasks: Any, call: argparse.Namespace) -> tuple[str, int]:
    """(instruction, largest number of tokens). Raises UserError if neither is given, or for an unknown task."""
    known = tasks if isinstance(tasks, dict) else {}
    most = call.max_new_tokens
    if call.task and call.task not in known:
        names = ", ".join(known) or "none that its folder names"
        raise UserError(f"no task {call.task}", "--task", f"its tasks: {names}; or ask with --instruction")
    if call.task:
        own = known[call.task]
        if not own.get("heard", True):
            raise UserError(f"the task {call.task} reads a text, and hears nothing", "--task", "name another task")
        return call.instruction or str(own["ask"][0]), most or int(own["max_new_tokens"])
    if call.instruction:
        return call.instruction, most or MOST
    raise UserError("nothing is asked", "command line", "give --task NAME or --instruction TEXT")


def answer(call: argparse.Namespace) -> None:
    """Print the answer for each clip."""
    import torch

    from ..data.audio import SAMPLE_RATE, read_audio
    from ..data.judge import Limits, judge
    from .omni_answers import write
    from .tuned import about_of, folder_of, load_tuned

    folder = folder_of(Path(call.model))
    instruction, most = instruction_of(about_of(folder).get("tasks"), call)
    if call.base and not is_adapter(folder):
        raise UserError(f"{folder} is no adapter: it has no base", "--base", "leave --base out")
    place = torch.device(call.device)
    low = place.type == "cuda" and torch.cuda.is_bf16_supported()
    omni = load_tuned(folder, torch.bfloat16 if low else torch.float32, call.base)
    omni.model.to(place)
    for clip in call.clips:
        channel, note = channel_of(clip, call.channel)
        if note:
            print(note, file=sys.stderr)
        wave = read_audio(clip, call.start, call.end, channel=channel)
        if fault := judge(wave, SAMPLE_RATE, Limits()):
            print(f"WARNING: {clip}: {fault.reason}: {fault.detail}", file=sys.stderr, flush=True)
        mel = omni.mel(wave)
        with torch.inference_mode():
            states = omni.states([mel])
        question = omni.prompts.question(instruction, len(states))
        if len(question) + most > omni.context:
            problem = (
                f"{len(question)} tokens of audio and question do not fit the model's {omni.context} with {most} more"
            )
            raise UserError(problem, str(clip), "ask about a part of it: --start, --end")
        written = write(omni, [question], states, most)[0]
        print(written.text, flush=True)
        if not written.ended:
            print(f"note: {clip}: the answer was stopped by its length, {most} tokens", file=sys.stderr)


def main(words: Sequence[str] | None = None) -> int:
    call = parser().parse_args(words)
    with told(1, "the answer"):
        answer(call)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
