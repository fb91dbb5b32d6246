"""The probe step whole, on tones: three phones of one pitch each, two "dialects" of different loudness."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jiwer
import pytest
import torch
from safetensors.torch import load_file
from sklearn import metrics
from tones import ALL, CONFIG, TASKS, results

from toolkit.core.config import to_dict
from toolkit.core.files import read_json
from toolkit.core.results import Cost, Pair, System, TaskResult
from toolkit.core.schema import read, read_list
from toolkit.core.step import Step
from toolkit.models.beam import beam_search
from toolkit.models.encoder import load_encoder
from toolkit.score import compare_probes
from toolkit.tasks import beam
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.feed import Feed
from toolkit.text.tokens import SentencePiece

BEAM = replace(TASKS["asr"], steps=60, decode="beam", lm_weight=(0.0, 1.0), insertion=(0.0,), lm_order=3, beam=4)
PIECES = replace(BEAM, tokens="sentencepiece", pieces=6, lm_weight=(0.5,))
BEAMS = replace(CONFIG, tasks={"beam": BEAM, "pieces": PIECES}, rows=("fbank",))
ROWS = ["fbank", "fbank_stacked", "random.it1.base", "it1.base"]


def unread(path: Path, why: str) -> Exception:
    return AssertionError(f"{path}: {why}")


def percent(result: TaskResult, metric: str) -> float:
    """Value of the figure of that name."""
    figure = result.figure(metric)
    assert figure is not None, metric
    return figure.value


@pytest.fixture(scope="module")
def whole(run: Callable[..., Path]) -> tuple[Path, Step[TasksConfig]]:
    return run(), run.step  # type: ignore[attr-defined]


def made(out: Path) -> dict[str, bytes]:
    """What must not depend on nj or on kills."""
    inside = {p: p.relative_to(out) for p in sorted(out.rglob("*")) if p.is_file()}
    return {
        str(name): p.read_bytes()
        for p, name in inside.items()
        if name.parts[0] not in ("log", "shards")
        and name.name not in ("cost.json", "times.json", ".lock", "record.json")
    }


def test_every_row_has_every_task_and_its_cost(whole: tuple[Path, Step[TasksConfig]]) -> None:
    out, _ = whole
    assert sorted(p.name for p in out.iterdir() if p.name != "shards") == sorted([*ROWS, "tasks.json"])
    assert read_json(out / "tasks.json") == list(TASKS)
    for row in ROWS:
        system = read(System, out / row / "row.json", unread)
        network = row.endswith("it1.base")
        arm = "random" if row[:6] == "random" else "trained" if network else "features"
        assert (system.name, system.arm, system.frozen) == (row, arm, True)
        assert system.model == ("it1.base" if network else None)
        assert (system.seed is None) == (arm != "random")
        cost = read(Cost, out / row / "cost.json", unread)
        assert cost.rtf and cost.rtf > 0 and cost.latency_ms and cost.latency_ms > 0
        for task in TASKS:
            result = results(out, row, task)
            assert (result.system, result.task, result.type) == (row, task, TASKS[task].type)
            figure = result.decides
            assert (figure.confidence, figure.blocks) == (95, "speaker")
            assert figure.low <= figure.value <= figure.high  # type: ignore[operator]
            assert result.steps == TASKS[task].steps
            assert (result.chosen.layer_weights is None) == row.startswith("fbank")
    assert read(System, out / "it1.base/row.json", unread).layers == 2
    weights = results(out, "it1.base", "phone").chosen.layer_weights
    assert weights and len(weights) == 3 and sum(weights) == pytest.approx(1)


def test_filter_banks_read_tones_and_loudness(whole: tuple[Path, Step[TasksConfig]]) -> None:
    out, _ = whole
    assert results(out, "fbank", "phone").decides.value > 90
    assert results(out, "fbank", "dialect").decides.value == 100
    chance = results(out, "fbank", "phone").chance
    assert chance is not None and chance < 60


def test_the_rate_is_the_best_on_dev(whole: tuple[Path, Step[TasksConfig]]) -> None:
    out, _ = whole
    for task, best in (("phone", 3e-2), ("dialect", 3e-2), ("asr", 1e-2)):
        chosen = results(out, "fbank", task).chosen
        assert chosen.lr == best
        assert chosen.dev.keys() == ({f"{lr:g}" for lr in TASKS[task].lr} if task != "asr" else set())


def test_scores_are_those_of_the_hypothesis_files(whole: tuple[Path, Step[TasksConfig]], corpus: Path) -> None:
    out, _ = whole
    text, lang = (
        dict(line.split() for line in (corpus / "data/test" / t).read_text().splitlines()) for t in ("text", "utt2lang")
    )
    for row in ROWS:
        spelt = dict([*line.split(maxsplit=1), ""][:2] for line in (out / row / "asr.hyp").read_text().splitlines())
        ids = sorted(spelt)
        assert ids == sorted(text.keys() - {"test-05"})
        result = results(out, row, "asr")
        assert percent(result, "cer") == pytest.approx(100 * jiwer.cer([text[i] for i in ids], [spelt[i] for i in ids]))
        wer = jiwer.wer([text[i] for i in ids], [spelt[i] for i in ids])
        assert percent(result, "wer") == pytest.approx(100 * wer)
        guessed = dict(line.split() for line in (out / row / "dialect.hyp").read_text().splitlines())
        result, pair = results(out, row, "dialect"), ([lang[i] for i in ids], [guessed[i] for i in ids])
        assert percent(result, "accuracy") == pytest.approx(100 * metrics.accuracy_score(*pair))
        f1 = metrics.f1_score(*pair, average="macro", labels=["Q", "R"], zero_division=0)
        assert percent(result, "macro_f1") == pytest.approx(100 * f1)
        assert result.confusion and result.confusion.labels == ("Q", "R")
        assert list(map(list, result.confusion.counts)) == metrics.confusion_matrix(*pair, labels=["Q", "R"]).tolist()


@pytest.fixture(scope="module")
def decoded(run: Callable[..., Path]) -> Path:
    return run(BEAMS)


def test_a_beams_scores_are_those_of_its_hypotheses_and_stand_beside_greedys(decoded: Path, corpus: Path) -> None:
    text = dict(line.split() for line in (corpus / "data/test/text").read_text().splitlines())
    for name in BEAMS.tasks:
        lines = (decoded / f"fbank/{name}.beam.hyp").read_text().splitlines()
        spelt = dict([*line.split(maxsplit=1), ""][:2] for line in lines)
        pair = [text[id] for id in spelt], list(spelt.values())
        result = results(decoded, "fbank", name)
        assert [f.metric.name for f in result.figures] == ["cer", "wer", "cer_beam", "wer_beam"] and len(spelt) == 11
        assert percent(result, "cer_beam") == pytest.approx(100 * jiwer.cer(*pair))
        assert percent(result, "wer_beam") == pytest.approx(100 * jiwer.wer(*pair))
        searched = result.figure("cer_beam")
        assert searched and searched.low <= searched.value <= searched.high  # type: ignore[operator]
        assert searched.metric.minor and not result.decides.metric.minor


def test_a_heads_tokens_lie_beside_its_weights(decoded: Path, whole: tuple[Path, Step[TasksConfig]]) -> None:
    result = results(whole[0], "fbank", "asr")
    assert (result.conditions["tokens"], result.chosen.settings) == ("characters", {})
    assert (whole[0] / "fbank/asr.tokens.txt").read_text() == "<blank>\na\nb\nc\n"
    pieces = SentencePiece((decoded / "fbank/pieces.spm.model").read_bytes())
    assert results(decoded, "fbank", "pieces").conditions["tokens"] == pieces.name == "sentencepiece 6"
    assert len(load_file(decoded / "fbank/pieces.safetensors")["head.classify.bias"]) == len(pieces)


def test_a_run_stopped_in_the_middle_of_a_beam_search_does_not_train_again(
    decoded: Path, run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[Any] = []

    def dies(*args: Any) -> Any:
        searched.append(args)
        if len(searched) == 15:  # six utterances of dev with two weights each, and the third of test
            raise KeyboardInterrupt
        return beam_search(*args)

    monkeypatch.setattr(beam, "beam_search", dies)
    with pytest.raises(KeyboardInterrupt):
        run(BEAMS, tmp_path)
    honest, trained = Feed.step, []
    monkeypatch.setattr(Feed, "step", lambda self, *at: trained.append(self.data.name) or honest(self, *at))
    run(BEAMS, tmp_path)
    assert set(trained) == {"pieces"} and len(searched) == 15 + 11 + 11
    assert made(tmp_path) == made(decoded)


def test_rows_of_a_run_can_be_compared_in_pairs(whole: tuple[Path, Step[TasksConfig]], tmp_path: Path) -> None:
    out, _ = whole
    compare_probes.run(Step(compare_probes.CompareConfig(), [out], tmp_path, ["score.compare_probes"]))
    pairs = read_list(Pair, tmp_path / "pairs.json", unread)
    metrics_of = {task: [f.metric.name for f in results(out, "fbank", task).figures] for task in TASKS}
    assert len(pairs) == sum(map(len, metrics_of.values())) * (len(ROWS) - 1)
    for pair in pairs:
        name = pair.difference.metric.name
        mine, theirs = (percent(results(out, side, pair.task), name) for side in (pair.system, pair.against))
        assert pair.difference.value == pytest.approx(mine - theirs)


def test_an_unreadable_utterance_is_one_row_of_the_ledger(whole: tuple[Path, Step[TasksConfig]]) -> None:
    _, step = whole
    assert [(row[0], row[2]) for row in step.ledger.rows] == [("test-05", "empty")]
    assert step.counts["phone.test"] == 11
    assert step.counts["phone.train"] == 24


def test_no_cache_or_checkpoint_is_left(whole: tuple[Path, Step[TasksConfig]]) -> None:
    out, _ = whole
    assert not [p for p in out.rglob("*") if p.name in ("work", "cache", "checkpoints", "frames.f16")]


def test_a_run_stopped_in_the_middle_of_a_task_goes_on_to_the_same_bytes(
    whole: tuple[Path, Step[TasksConfig]], run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, seen = Feed.step, []

    def dies(self: Feed, step: int, micro: int) -> dict[str, Any]:
        seen.append((self.data.name, step))
        if self.data.name == "asr" and step == 15 and seen.count(("asr", 15)) == 1:
            raise KeyboardInterrupt
        return honest(self, step, micro)

    monkeypatch.setattr(Feed, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        run(out=tmp_path)
    seen.append(("", 0))
    run(out=tmp_path)
    again = seen[seen.index(("", 0)) + 1 :]
    assert again[0] == ("asr", 10), "goes on from the checkpoint"
    assert "phone" not in {name for name, _ in again}, "leaves finished tasks alone"
    assert made(tmp_path) == made(whole[0])


def test_nj_2_gives_the_bytes_of_nj_1(whole: tuple[Path, Step[TasksConfig]], corpus: Path, tmp_path: Path) -> None:
    lines = [
        "checkpoint_every: 10",
        "cost_utterances: 2",
        "cost_seconds: 0.5",
        "min_speakers: 3",
        f"rows: [{', '.join(ALL)}]",
    ]
    lines += ["tasks:"]
    for name, task in TASKS.items():
        lines += [f"  {name}:", *(f"    {field}: {json.dumps(value)}" for field, value in to_dict(task).items())]
    (tmp_path / "probe.yaml").write_text("\n".join(lines))
    out, env = tmp_path / "out", {**os.environ, "SAWT_NJ": "2", "OMP_NUM_THREADS": "1"}
    argv = ["--config", str(tmp_path / "probe.yaml"), "--in", str(corpus / "data"), str(corpus / "exp/it1/base")]
    command = [sys.executable, "-m", "toolkit.tasks.fit", *argv, "--out", str(out)]
    ended = subprocess.run(command, env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    result = made(out)
    assert b"test-05\ttasks.fit\tempty" in result.pop("dropped.tsv")
    assert result == made(whole[0])
    assert subprocess.run(command, env=env, capture_output=True, text=True).stdout.endswith("nothing to do\n")


@pytest.fixture(scope="module")
def tuned(run: Callable[..., Path]) -> Path:
    tasks = {name: replace(task, steps=4, lr=(1e-2,), batch=2) for name, task in TASKS.items()}
    return run(replace(CONFIG, tasks=tasks, rows=("models",), freeze=False, encoder_lr=0.5))


def test_without_freeze_the_network_itself_is_trained_for_each_task(tuned: Path, corpus: Path) -> None:
    before = load_encoder(corpus / "exp/it1/base").state_dict()
    for task in TASKS:
        after = load_file(tuned / "it1.base.tuned" / f"{task}.safetensors")
        moved = [n for n, t in before.items() if not torch.equal(t, after[f"features.encoder.{n}"])]
        assert not any("conv_layers" in name for name in moved)
        assert any("encoder.layers.1" in name for name in moved)
        assert results(tuned, "it1.base.tuned", task).system == "it1.base.tuned"
    system = read(System, tuned / "it1.base.tuned/row.json", unread)
    assert (system.title, system.arm) == ("it1.base, fine-tuned", "trained")
    assert (system.model, system.frozen) == ("it1.base", False)
    rtf = read(Cost, tuned / "it1.base.tuned/cost.json", unread).rtf
    assert rtf and rtf > 0
    assert sorted(p.name for p in tuned.iterdir() if p.name != "shards") == ["it1.base.tuned", "tasks.json"]


def test_fine_tuning_is_the_same_every_time(tuned: Path, run: Callable[..., Path]) -> None:
    tasks = {"phone": replace(TASKS["phone"], steps=4, lr=(1e-2,), batch=2)}
    again = run(replace(CONFIG, tasks=tasks, rows=("models",), freeze=False, encoder_lr=0.5))
    name = "it1.base.tuned/phone.safetensors"
    assert (again / name).read_bytes() == (tuned / name).read_bytes()


def test_heads_start_from_the_untrained_networks_statistics_when_it_is_tuned(tuned: Path, whole: Any) -> None:
    paths = (whole[0] / "it1.base/phone.safetensors", tuned / "it1.base.tuned/phone.safetensors")
    frozen, free = map(load_file, paths)
    assert torch.equal(frozen["head.mix.mean_LD"], free["head.mix.mean_LD"])


def test_nothing_of_transformers_is_imported_for_networks_of_our_own(corpus: Path) -> None:
    code = (
        "import sys; from toolkit.tasks import fit; from toolkit.models.encoder import load_encoder, random_encoder;"
        f"load_encoder({str(corpus / 'exp/it1/base')!r}); random_encoder({str(corpus / 'exp/it1/base')!r}, 1);"
        "print('transformers' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
