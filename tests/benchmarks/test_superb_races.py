"""The races of downstream tasks on a small network, in this process: what is compared, and what everyone gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks import superb_races
from benchmarks.inputs import BenchInputs
from benchmarks.peers.superb import Pooled, Recomputing, Spelling, read_table
from benchmarks.race import Contestant, Result
from benchmarks.superb_inputs import SLOTS, clips, hubert
from benchmarks.superb_races import TASKS, WIDTH
from benchmarks.table import part
from benchmarks.worker import answer
from toolkit.data.audio import read_audio
from toolkit.models.encoder import load_encoder
from toolkit.tasks.upstream import Network


def here(
    contestants: Sequence[Contestant], rounds: int, threads: int, warm_up: bool = True
) -> tuple[list[Result], list[np.ndarray]]:
    """As `race` does, without processes: nobody's libraries are imported anew."""
    results, made = [], []
    for contestant in contestants:
        module, _, name = contestant.place.partition(":")
        made.append(getattr(import_module(module), name)(**contestant.arguments))
        taken = [answer(made[-1], "run", "") for _ in range(-warm_up, rounds)]
        results.append(Result(contestant.name, taken[warm_up:]))
    return results, [contestant.output() for contestant in made]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> BenchInputs:
    return BenchInputs(tmp_path_factory.mktemp("inputs"), 0.01)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_each_task_is_raced_and_what_is_multiplied_is_told(
    inputs: BenchInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(superb_races, "race", here)
    section = superb_races.downstream(inputs, 2)
    assert [claim.name.split()[0] for claim in section.claims] == [task.name for task in TASKS]
    assert all(len(claim.ratios) == 2 and min(claim.ratios) > 0 for claim in section.claims)
    assert [row[0].split(",")[0] for row in section.rows] == ["ours", "IC", "IC", "PR", "PR", "ASR", "ASR"]
    assert "Timed for one step a round and multiplied by 4: the peer" in part(section)


def test_memory_is_told_for_either_length_in_pieces_and_whole(
    inputs: BenchInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(superb_races, "race", here)
    section = superb_races.memory(inputs, 5)
    assert [row[1] for row in section.rows] == ["160", "160", "640", "640"]
    assert all(float(cell.replace(",", "")) > 0 for row in section.rows for cell in row[2:])


def test_heads_of_another_size_end_the_race(inputs: BenchInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    def of_two_sizes(contestants: Sequence[Contestant], *more: int) -> tuple[list[Result], list[np.ndarray]]:
        round_ = {"cpu_seconds": 1.0, "seconds": 1.0, "peak_mb": 1.0, "audio_seconds": 1.0}
        sizes = [np.array([1 + ("peers" in c.place)]) for c in contestants]
        return [Result(c.name, [round_]) for c in contestants], sizes

    monkeypatch.setattr(superb_races, "race", of_two_sizes)
    with pytest.raises(RuntimeError, match=r"IC: heads of other sizes, \[1, 2\] parameters"):
        superb_races.downstream(inputs, 1)


def test_the_peers_heads_have_the_published_sizes() -> None:
    with torch.device("meta"):
        heads = {
            "IC": Pooled(WIDTH, 256, list(SLOTS.values())),
            "PR": Spelling(WIDTH, 256, 0, 0.0, 74),
            "ASR": Spelling(WIDTH, 1024, 2, 0.2, 32),
        }
    for task in TASKS:
        assert sum(p.numel() for p in heads[task.name].parameters()) == task.parameters


def test_the_peer_sees_the_states_that_ours_computes(inputs: BenchInputs) -> None:
    data, model = small(inputs), str(hubert(inputs))
    peer = Recomputing(f"{data}/data/train", model, "utt2intent", 2, 1, 1, hidden=8)
    waves = [torch.from_numpy(read_audio(path)) for path in peer.paths[:2]]
    theirs = torch.stack(peer.states(waves), 2)
    ours = Network(load_encoder(model))
    for wave_N, of_peer in zip(waves, theirs, strict=True):
        assert torch.allclose(ours.states(wave_N), of_peer, atol=1e-4)


def test_the_peers_loss_is_that_of_features_cut_and_weighted_by_hand(inputs: BenchInputs) -> None:
    data = small(inputs)
    peer = Recomputing(f"{data}/data/train", str(hubert(inputs)), "text", 2, 1, 1, hidden=8, layers=1, dropout=0.0)
    waves = [torch.from_numpy(read_audio(path)) for path in peer.paths[:2]]
    mean_BTD = torch.stack(peer.states(waves)).mean(0)  # weights start equal
    head: Spelling = peer.head  # type: ignore[assignment]
    scores_BTC = head.linear(head.recur[0](head.projector(mean_BTD))[0]).log_softmax(-1)
    losses = [
        F.ctc_loss(scores_BTC[i], peer.labels[i], (len(scores_BTC[i]),), (len(peer.labels[i]),)) for i in range(2)
    ]
    assert peer.loss(2).item() == pytest.approx(torch.stack(losses).mean().item(), rel=1e-5)


def test_every_utterance_of_a_set_has_every_label(inputs: BenchInputs) -> None:
    data = Path(small(inputs)) / "data/train"
    ids = set(read_table(data / "wav.scp"))
    for table in ("utt2intent", "utt2phones", "text"):
        assert set(read_table(data / table)) == ids
    assert all(len(label.split()) == len(SLOTS) for label in read_table(data / "utt2intent").values())


def small(inputs: BenchInputs) -> str:
    return str(clips(inputs, {"train": 6, "dev": 2, "test": 2}, 0.5))
