"""Transcribe a data directory with a Whisper: pseudo-labels, or the hypotheses of an evaluation.

As a step: --in DATA MODEL, where MODEL is a Whisper's folder or an id of the hub. Without --in, of any audio files:
python3 -m toolkit.pseudo.transcribe MODEL FILE... [--format txt|srt|vtt|json] [--out FOLDER]; its options are told by
python3 -m toolkit.pseudo.transcribe MODEL --help.

Transcriptions are stored by audio, model, settings and version (store.py): a set that grows, another --nj or batch
size, and --fresh transcribe nothing twice.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from ..core import slurm
from ..core.device import device_of_shards
from ..core.errors import UserError, told
from ..core.files import read_json, write_json
from ..core.record import DROPPED, Ledger
from ..core.registry import declared
from ..core.shards import run_shards, split
from ..core.step import Step, main
from ..data.find import read_from_here
from ..data.kaldi import DataDir
from ..data.listen import Listener, settle
from ..models.whisper_files import find_model
from ..score.hypotheses import HYPOTHESES, SPEED, Hypothesis, read_hypotheses, write_hypotheses
from .config import TranscribeConfig
from .languages import languages_of
from .packed import transcribe_packed, windows_of
from .store import Store, audio_key
from .transcriber import Job, Transcriber, as_row, jobs_of, resolved, settings_folder

ITEMS = ".transcribed"  # folder of stores, beside the output
CONVERTED = "ctranslate2"  # in it: folder of models converted to that format


def run(step: Step[TranscribeConfig]) -> None:
    """Transcribe every shard, join the shards."""
    config = step.config
    data, folder = _inputs(step.ins)
    transcriber = Transcriber(folder, resolved(config.decode, step.ngpu, slurm.chosen()), data.path.name)
    labels, decode = data.tables.get("utt2lang", {}), config.decode
    languages = (decode.language, decode.languages, transcriber.vocabulary, "transcribed", "decode.")
    jobs = jobs_of(data.utterances, languages_of(data.utterances, labels, *languages))
    parts = split([job.utterance.seconds for job in jobs])
    store_folder = step.out.parent / ITEMS / f"{settings_folder(transcriber.header)}-v{declared(step.name).version}"
    device = device_of_shards(step, folder)

    @cache
    def opened() -> Store:
        transcriber.open(device, config.speed.threads, store_folder.parent / CONVERTED)
        i, n = step.worker or (1, 1)
        return Store(store_folder, {_key(jobs[j]) for part in parts[i - 1 :: n] for j in part})

    def work(k: int, path: Path) -> None:
        path.mkdir(parents=True)
        ledger = Ledger(step.name)
        machine = _machine(device, config.speed.threads)
        own, ears = [jobs[i] for i in parts[k]], Listener.of([data], trained=False, texts=True)
        rows, cost = label(own, transcriber, opened(), ledger, config.speed.batch, machine, ears)
        with open(path / HYPOTHESES, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(row.to_json(), ensure_ascii=False) + "\n" for row in rows)
        ledger.write(path / DROPPED)
        ears.write_warned(path, step.name)
        write_json(path / SPEED, {**cost, "peak_memory_mb": _peak_memory(device)})

    costs = [sum(jobs[i].utterance.seconds for i in part) for part in parts]
    shards = run_shards(step, costs, work, on_device=True, preload=transcriber.preload)
    settle(step, shards, len(jobs))
    if not any((shard / HYPOTHESES).stat().st_size for shard in shards):
        message = f"not one utterance could be transcribed: {step.ledger.reasons()}"
        raise UserError(message, str(data.path), "mend the data")
    tally = _Tally()
    write_hypotheses(step.out, tally.counted(shards), transcriber.header)
    write_json(step.out / SPEED, _speed(shards, tally.seconds))
    step.counts |= tally.counts
    tally.warn(decode.max_new_tokens)


def label(
    jobs: Sequence[Job],
    transcriber: Transcriber,
    store: Store,
    ledger: Ledger,
    batch: int,
    machine: str,
    listener: Listener,
) -> tuple[list[Hypothesis], dict[str, Any]]:
    """(hypotheses in the order of the jobs, their cost when they were made). Stored hypotheses are reused.

    `listener` decodes; its warnings are stored too.
    """
    hypotheses: dict[int, Hypothesis] = {}
    seconds, machines = 0.0, set[str]()
    for windows in _batches(jobs, transcriber, batch):
        part = [i for window in windows for i in window]
        keys = {i: _key(jobs[i]) for i in part}
        missing = [window for window in windows if not all(keys[i] in store.rows for i in window)]
        if missing:
            rows = _decode([[jobs[i] for i in window] for window in missing], transcriber, batch, machine, listener)
            store.add(dict(zip((keys[i] for window in missing for i in window), rows, strict=True)))
        for i in part:
            row = store.rows[keys[i]]
            seconds += row["took"]
            machines.add(row.get("on", machine))
            if "warned" in row:
                listener.warned[jobs[i].utterance.id] = tuple(row["warned"])
            if "dropped" in row:
                ledger.drop(jobs[i].utterance.id, *row["dropped"])
            else:
                hypotheses[i] = Hypothesis.from_json({"id": jobs[i].utterance.id, **row["hypothesis"]})
    return [hypotheses[i] for i in sorted(hypotheses)], {"decode_seconds": seconds, "machines": sorted(machines)}


def _batches(jobs: Sequence[Job], transcriber: Transcriber, batch: int) -> Iterator[list[list[int]]]:
    """Windows of a batch: indices in `jobs` of utterances that share a window, of one language and similar lengths."""
    windows = [[i] for i in range(len(jobs))]
    if transcriber.config.packed:
        windows = windows_of(jobs, transcriber.seconds, transcriber.config.packed_gap)

    def order(window: list[int]) -> tuple[str, float, str]:
        first = jobs[window[0]]
        return first.language, sum(jobs[i].utterance.seconds for i in window), first.utterance.id

    for _, group in groupby(sorted(windows, key=order), lambda window: jobs[window[0]].language):
        alike = list(group)
        yield from (alike[first : first + batch] for first in range(0, len(alike), batch))


def _key(job: Job) -> str:
    """Utterances of one set with the same audio have a row each, from their own batch."""
    key = f"{audio_key(job.utterance)}-{job.language}"
    return f"{key}-{job.copy}" if job.copy else key


def _decode(
    windows: Sequence[Sequence[Job]], transcriber: Transcriber, batch: int, machine: str, listener: Listener
) -> list[dict[str, Any]]:
    """Rows for the store, also for audio that cannot be read."""
    dropped: dict[str, tuple[str, str]] = {}
    jobs = [job for window in windows for job in window]
    begun = time.perf_counter()

    def drop(id: str, reason: str, detail: str) -> None:
        dropped[id] = reason, detail

    if transcriber.config.packed:
        made = transcribe_packed(transcriber, windows, drop, batch, listener)
    else:
        made = transcriber.transcribe(jobs, drop, batch, listener)
    took = round((time.perf_counter() - begun) / len(jobs), 4)
    by_id = {row.id: row for row in made}
    ids = [job.utterance.id for job in jobs]
    made_of = {id: {"dropped": dropped[id]} if id in dropped else {"hypothesis": as_row(by_id[id])} for id in ids}
    warned = {id: {"warned": listener.warned[id]} if id in listener.warned else {} for id in ids}
    return [{"took": took, "on": machine, **made_of[id], **warned[id]} for id in ids]


def _inputs(paths: Sequence[Path]) -> tuple[DataDir, Path]:
    """The data directory and the model's folder. Raises UserError if one is missing."""
    data = [path for path in paths if (path / "wav.scp").is_file()]
    models = [path for path in paths if path not in data]
    if len(data) != 1 or len(models) != 1:
        message = f"inputs: {len(data)} data directories and {len(models)} models"
        raise UserError(message, "--in", "give one of each")
    return read_from_here(data[0]), find_model(models[0])


@dataclass
class _Tally:
    """Collects figures while rows pass from the shards, in the order of ids, to the output."""

    utterances: int = 0
    seconds: float = 0.0
    empty: int = 0
    cut_off: int = 0
    first_cut_off: str = ""

    def counted(self, shards: Sequence[Path]) -> Iterator[Hypothesis]:
        for shard in shards:
            for row in read_hypotheses(shard):
                self.utterances += 1
                self.seconds += row.seconds
                self.empty += not row.text
                self.cut_off += not row.ended
                self.first_cut_off = self.first_cut_off or ("" if row.ended else row.id)
                yield row

    def warn(self, limit: int) -> None:
        """Tell of texts that were cut off."""
        if self.cut_off:
            print(
                f"WARNING: {self.cut_off:,} of {self.utterances:,} texts are cut off at {limit} tokens a window "
                f"(decode.max_new_tokens), e.g. {self.first_cut_off}; with decode.timestamps: true the rest is decoded"
            )

    @property
    def counts(self) -> dict[str, float]:
        hours = round(self.seconds / 3600, 4)
        return {"utterances": self.utterances, "hours": hours, "empty": self.empty, "cut_off": self.cut_off}


def _machine(device: str, threads: int) -> str:
    """Fields of a row about the machine that made it."""
    if device == "cpu":
        return f"CPU, {os.cpu_count()} cores\t{threads}"
    import torch

    return f"{torch.cuda.get_device_name(device)}\t{threads}"


def _peak_memory(device: str) -> int:
    """Peak memory of this process, MB; on a GPU, that of the GPU."""
    if device == "cpu":
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
    import torch

    return round(torch.cuda.max_memory_allocated(device) / 1e6)


def _speed(shards: Sequence[Path], seconds: float) -> dict[str, Any]:
    """Cost of all shards: seconds are summed, memory is the maximum, and every machine is named."""
    speeds = [read_json(shard / SPEED) for shard in shards]
    machines = sorted({tuple(machine.split("\t")) for s in speeds for machine in s["machines"]})
    return {
        "audio_seconds": round(seconds, 2),
        "decode_seconds": round(sum(s["decode_seconds"] for s in speeds), 2),
        "peak_memory_mb": max(s["peak_memory_mb"] for s in speeds),
        "device": "; ".join(dict.fromkeys(device for device, _ in machines)) or "none",
        "threads": max((int(threads) for _, threads in machines), default=0),
    }


if __name__ == "__main__":
    if "--in" in sys.argv or sys.argv[1:2] in ([], ["--help"], ["-h"]):
        main(run)
    else:
        from .transcribe_files import command

        with told(1, "the transcript"):
            raise SystemExit(command(sys.argv[1:]))
