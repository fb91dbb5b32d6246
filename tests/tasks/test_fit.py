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
from toolkit.core.step import Step
from toolkit.models.beam import beam_search
from toolkit.models.encoder import load_encoder
from toolkit.score import compare_probes
from toolkit.tasks import beam
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.unit import Fit
from toolkit.text.tokens import SentencePiece

BEAM = replace(TASKS["asr"], steps=60, decode="beam", lm_weight=(0.0, 1.0), insertion=(0.0,), lm_order=3, beam=4)
PIECES = replace(BEAM, tokens="sentencepiece", pieces=6, lm_weight=(0.5,))
BEAMS = replace(CONFIG, tasks={"beam": BEAM, "pieces": PIECES}, rows=("fbank",))
KNOWN = ("kind", "of", "frozen")
SHAPE = ("row", "title", "parameters", "dim", "layers", "layers_mixed")
ROWS = ["fbank", "fbank_stacked", "random.it1.base", "it1.base"]


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
    assert sorted(p.name for p in out.iterdir() if p.name != "shards") == sorted(ROWS)
    for row in ROWS:
        about = read_json(out / row / "row.json")
        assert about["row"] == row and about.keys() == {*KNOWN, *SHAPE}
        network = row.endswith("it1.base")
        kind = "random" if row[:6] == "random" else "model" if network else row
        assert [about[name] for name in KNOWN] == [kind, "it1.base" if network else None, True]
        cost = read_json(out / row / "cost.json")
        assert cost["rtf"] > 0
        assert cost["latency_ms"] > 0
        for task in TASKS:
            result = results(out, row, task)
            assert (result["row"], result["task"], result["confidence"], result["blocks"]) == (row, task, 95, "speaker")
            assert (result["of"], result["frozen"]) == (about["of"], True)
            assert result["low"] <= result["percent"] <= result["high"]
            assert result["steps"] == TASKS[task].steps
            assert (result["layer_weights"] is None) == row.startswith("fbank")
    assert read_json(out / "it1.base" / "row.json")["layers"] == 2
    assert len(results(out, "it1.base", "phone")["layer_weights"]) == 3
    assert sum(results(out, "it1.base", "phone")["layer_weights"]) == pytest.approx(1)


def test_filter_banks_read_tones_and_loudness(whole: tuple[Path, Step[TasksConfig]]) -> None:
    out, _ = whole
    assert results(out, "fbank", "phone")["percent"] > 90
    assert results(out, "fbank", "dialect")["percent"] == 100
    assert results(out, "fbank", "phone")["chance_percent"] < 60


def test_the_rate_is_the_best_on_dev(whole: tuple[Path, Step[TasksConfig]]) -> None:
    out, _ = whole
    for task, best in (("phone", 3e-2), ("dialect", 3e-2), ("asr", 1e-2)):
        result = results(out, "fbank", task)
        assert result["best_lr"] == best
        assert result["dev_percent_by_lr"].keys() == ({f"{lr:g}" for lr in TASKS[task].lr} if task != "asr" else set())


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
        assert result["percent"] == pytest.approx(100 * jiwer.cer([text[i] for i in ids], [spelt[i] for i in ids]))
        wer = jiwer.wer([text[i] for i in ids], [spelt[i] for i in ids])
        assert result["others"]["wer"]["percent"] == pytest.approx(100 * wer)
        guessed = dict(line.split() for line in (out / row / "dialect.hyp").read_text().splitlines())
        result, pair = results(out, row, "dialect"), ([lang[i] for i in ids], [guessed[i] for i in ids])
        assert result["percent"] == pytest.approx(100 * metrics.accuracy_score(*pair))
        f1 = metrics.f1_score(*pair, average="macro", labels=["Q", "R"], zero_division=0)
        assert result["others"]["macro_f1"]["percent"] == pytest.approx(100 * f1)
        assert result["confusion"]["counts"] == metrics.confusion_matrix(*pair, labels=["Q", "R"]).tolist()


@pytest.fixture(scope="module")
def decoded(run: Callable[..., Path]) -> Path:
    return run(BEAMS)


def test_a_beams_scores_are_those_of_its_hypotheses_and_stand_beside_greedys(decoded: Path, corpus: Path) -> None:
    text = dict(line.split() for line in (corpus / "data/test/text").read_text().splitlines())
    for name in BEAMS.tasks:
        lines = (decoded / f"fbank/{name}.beam.hyp").read_text().splitlines()
        spelt = dict([*line.split(maxsplit=1), ""][:2] for line in lines)
        pair = [text[id] for id in spelt], list(spelt.values())
        others = results(decoded, "fbank", name)["others"]
        assert others.keys() == {"wer", "cer_beam", "wer_beam"} and len(spelt) == 11
        assert others["cer_beam"]["percent"] == pytest.approx(100 * jiwer.cer(*pair))
        assert others["wer_beam"]["percent"] == pytest.approx(100 * jiwer.wer(*pair))
        assert others["cer_beam"]["low"] <= others["cer_beam"]["percent"] <= others["cer_beam"]["high"]


def test_a_heads_tokens_lie_beside_its_weights(decoded: Path, whole: tuple[Path, Step[TasksConfig]]) -> None:
    result = results(whole[0], "fbank", "asr")
    assert (result["tokens"], result["decoding"]) == ("characters", None)
    assert (whole[0] / "fbank/asr.tokens.txt").read_text() == "<blank>\na\nb\nc\n"
    pieces = SentencePiece((decoded / "fbank/pieces.spm.model").read_bytes())
    assert results(decoded, "fbank", "pieces")["tokens"] == pieces.name == "sentencepiece 6"
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
    honest, trained = Fit._step, []
    monkeypatch.setattr(Fit, "_step", lambda self, *at: trained.append(self.data.name) or honest(self, *at))
    run(BEAMS, tmp_path)
    assert set(trained) == {"pieces"} and len(searched) == 15 + 11 + 11
    assert made(tmp_path) == made(decoded)


def test_rows_of_a_run_can_be_compared_in_pairs(whole: tuple[Path, Step[TasksConfig]], tmp_path: Path) -> None:
    out, _ = whole
    compare_probes.run(Step(compare_probes.CompareConfig(), [out], tmp_path, ["score.compare_probes"]))
    pairs = read_json(tmp_path / "pairs.json")
    assert len(pairs) == len(TASKS) * (len(ROWS) - 1)
    for result in pairs:
        percent = [results(out, result[side], result["task"])["percent"] for side in ("row", "other")]
        assert result["percent"] == pytest.approx(percent[0] - percent[1])


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
    honest, seen = Fit._step, []

    def dies(self: Fit, step: int, micro: int) -> dict[str, Any]:
        seen.append((self.data.name, step))
        if self.data.name == "asr" and step == 15 and seen.count(("asr", 15)) == 1:
            raise KeyboardInterrupt
        return honest(self, step, micro)

    monkeypatch.setattr(Fit, "_step", dies)
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
        assert results(tuned, "it1.base.tuned", task)["frozen"] is False
    about = read_json(tuned / "it1.base.tuned/row.json")
    assert [about[name] for name in ("title", *KNOWN)] == [
        "iteration 1 (it1.base), fine-tuned",
        "model",
        "it1.base",
        False,
    ]
    assert read_json(tuned / "it1.base.tuned/cost.json")["rtf"] > 0
    assert [p.name for p in tuned.iterdir() if p.name != "shards"] == ["it1.base.tuned"]


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
