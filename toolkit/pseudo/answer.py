"""Answer items with an audio LLM: greedy, in batches of one task and similar length, shard by shard.

Inputs, recognised by what they hold: a part of items, the model (an adapter, whose base it names; a training's folder;
or a whole model), and what models.hear has kept of its tower; without that the tower hears the clips now. Shards are
made by the items alone: another --nj gives the same answers, a killed run goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..core.config import check_threads
from ..core.device import device_of_shards, exact_float32
from ..core.errors import UserError
from ..core.files import sha256_of
from ..core.record import DROPPED, Ledger
from ..core.shards import run_shards, split
from ..core.step import Step, main
from ..data.instruct_items import Item, ItemTable, is_items, read_part
from ..models.heard import Heard, is_heard
from ..score.given_answers import AnswersHeader, GivenAnswer, write_answers

if TYPE_CHECKING:
    from ..models.tuned import Tuned

ITEMS_PER_SHARD = 1000  # fewer would cost more to start a worker for than to answer
Asked = tuple[Item, list[int]]  # an item and the ids of its prompt
TOKEN_SECONDS = 0.04  # of audio; a token of text counts as much


@dataclass(frozen=True)
class AnswerConfig:
    """How items are answered."""

    system: str = ""
    "row of tables that the answers are of; empty: the name of the model"
    share: float = 1.0
    "share of the training's steps after which the model was, for the report"
    tasks: tuple[str, ...] = ()
    "tasks that are answered; empty: all"
    batch: int = 48
    "items that are answered together; larger is faster and takes more memory"
    batch_tokens: int = 32768
    "largest number of tokens of the prompts of a batch, padding included; smaller takes less memory for long audio"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """number format of the model; auto: bf16 on a GPU that has it, else fp32, with which answers do not depend on
    batches"""
    threads: int = 1
    "CPU threads of each worker"

    def __post_init__(self) -> None:
        check_threads("threads", self.threads)
        if min(self.batch, self.batch_tokens) < 1:
            raise ValueError("batch and batch_tokens must be at least 1")
        if not 0 < self.share <= 1:
            raise ValueError("share must be above 0 and at most 1")


def inputs_of(paths: Sequence[Path]) -> tuple[ItemTable, Heard | None, Path]:
    """(items, kept states, model). Raises UserError if one is missing."""
    items, heard = [p for p in paths if is_items(p)], [p for p in paths if is_heard(p)]
    models = [path for path in paths if path not in (*items, *heard)]
    if len(items) != 1 or len(models) != 1 or len(heard) > 1:
        problem = f"inputs: {len(items)} parts of items, {len(models)} models, {len(heard)} kept states"
        raise UserError(problem, "--in", "give a part of items, a model, and perhaps an output of models.hear")
    return read_part(items[0]), Heard(heard[0]) if heard else None, models[0]


def answers_of(
    items: Sequence[Item], tuned: Tuned, table: ItemTable, config: AnswerConfig, ledger: Ledger
) -> Iterator[GivenAnswer]:
    """Answers to items in the order of batches; items without audio that can be heard are answered with nothing."""
    from ..models.omni_answers import write

    asked = []
    for item in items:
        states = tuned.count(item) if item.audio else 0
        if states is None:
            ledger.drop(item.key, "audio that was not heard", "answered with nothing")
            yield GivenAnswer(item.task, item.id, "", 0, True)
            continue
        question = tuned.omni.prompts.question(item.instruction, states, item.text)
        most = table.tasks[item.task].max_new_tokens
        if len(question) + most > tuned.omni.context:
            ledger.drop(item.key, "longer than the context", f"{len(question)} tokens; answered with nothing")
            yield GivenAnswer(item.task, item.id, "", 0, True)
            continue
        asked.append((item, question))
    asked.sort(key=lambda pair: (pair[0].task, len(pair[1]), pair[0].id))
    for task, group in groupby(asked, key=lambda pair: pair[0].task):
        for part in _batches(list(group), config):
            states_SD, lost = tuned.states([item for item, _ in part])
            for item in [item for item, _ in part if item.key in lost]:
                ledger.drop(item.key, lost[item.key].reason, f"{lost[item.key].what}; answered with nothing")
                yield GivenAnswer(item.task, item.id, "", 0, True)
            part = [(item, ids) for item, ids in part if item.key not in lost]
            if not part:
                continue
            written = write(tuned.omni, [ids for _, ids in part], states_SD, table.tasks[task].max_new_tokens)
            for (item, _), answer in zip(part, written, strict=True):
                yield GivenAnswer(item.task, item.id, answer.text, len(answer.ids), answer.ended)


def _batches(alike: list[Asked], config: AnswerConfig) -> Iterator[list[Asked]]:
    """Items in ascending length, as many together as `batch` and `batch_tokens` allow; at least one."""
    part: list[Asked] = []
    for item, question in alike:
        if part and (len(part) == config.batch or (len(part) + 1) * len(question) > config.batch_tokens):
            yield part
            part = []
        part.append((item, question))
    if part:
        yield part


def run(step: Step[AnswerConfig]) -> None:
    """Answer every shard, join the shards."""
    config = step.config
    table, heard, model = inputs_of(step.ins)
    known = [task.name for task in table.tasks.tasks]
    if unknown := sorted(set(config.tasks) - set(known)):
        raise UserError(f"no task {unknown[0]}", "tasks", f"there are {', '.join(known)}")
    items = [item for item in table if not config.tasks or item.task in config.tasks]
    if not len(table):
        raise UserError("not one item to answer", str(table.folder), "name another part")
    if not items:
        write_answers(step.out, [], _header(config, model, table, ()))
        print(f"no item of {', '.join(config.tasks)} in {table.folder}: nothing is answered")
        return
    costs = [item.seconds + TOKEN_SECONDS * len(item.text) for item in items]
    order = sorted(range(len(items)), key=lambda i: (items[i].task, costs[i], items[i].id))
    parts = split([costs[i] + 1.0 for i in order], max(1, len(items) // ITEMS_PER_SHARD))

    @cache
    def opened() -> Tuned:
        import torch

        from ..models.tuned import Tuned

        torch.set_num_threads(config.threads)
        exact_float32()
        device = device_of_shards(step, model)
        low = device != "cpu" and torch.cuda.is_bf16_supported(including_emulation=False)
        bf16 = config.precision == "bf16" or (config.precision == "auto" and low)
        return Tuned(model, heard, device, torch.bfloat16 if bf16 else torch.float32)

    def work(k: int, path: Path) -> None:
        ledger = Ledger(step.name)
        chosen = [items[order[i]] for i in parts[k]]
        answers = answers_of(chosen, opened(), table, config, ledger)
        path.mkdir(parents=True)
        lines = [json.dumps(asdict(answer), ensure_ascii=False) + "\n" for answer in answers]
        (path / "answers.jsonl").write_text("".join(lines), encoding="utf-8")
        ledger.write(path / DROPPED)

    def preload() -> None:
        from ..models import tuned  # noqa: F401

    shards = run_shards(step, [len(part) for part in parts], work, "items", on_device=True, preload=preload)
    given: dict[tuple[str, str], GivenAnswer] = {}
    for shard in shards:
        step.ledger.merge(shard / DROPPED)
        for line in (shard / "answers.jsonl").read_text(encoding="utf-8").splitlines():
            answer = GivenAnswer(**json.loads(line))
            given[answer.task, answer.id] = answer
    tasks = tuple(name for name in known if any(item.task == name for item in items))
    write_answers(step.out, [given[item.task, item.id] for item in items], _header(config, model, table, tasks))
    cut = sum(not answer.ended for answer in given.values())
    empty = sum(not answer.text for answer in given.values())
    step.counts |= {"items": len(items), "empty": empty, "stopped_by_length": cut}
    print(f"{len(items):,} items answered, {empty:,} with nothing, {cut:,} stopped by length")


def _header(config: AnswerConfig, model: Path, table: ItemTable, tasks: tuple[str, ...]) -> AnswersHeader:
    from ..models.adapters import WEIGHTS, is_adapter
    from ..models.tuned import about_of, folder_of, sizes_of

    folder = folder_of(model)
    about, (parameters, trained) = about_of(folder), sizes_of(folder)
    seed = about.get("seed")
    return AnswersHeader(
        config.system or (model.parent.name if model.name == "hf" else model.name),
        str(model),
        sha256_of(folder / WEIGHTS)[:16] if is_adapter(folder) else "",
        str(table.folder),
        tasks,
        parameters,
        trained,
        config.share,
        int(seed) if seed is not None else None,
    )


if __name__ == "__main__":
    main(run)
