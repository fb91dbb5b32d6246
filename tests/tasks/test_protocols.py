"""How heads are fed: random crops, padded batches as the benchmark's code makes them, pieces, looks at dev.

Oracles: the network on the cropped waveform itself; transformers on the padded batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy import stats
from tones import CONFIG, TASKS, results

from toolkit.core.config import load_config
from toolkit.core.step import Step
from toolkit.data.kaldi import DataDir
from toolkit.models.encoder import load_encoder
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained
from toolkit.tasks import fit
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.feed import Feed, cut
from toolkit.tasks.task_config import TaskConfig
from toolkit.tasks.upstream import Network
from toolkit.tasks.work import Work

CROPPED = replace(TASKS["dialect"], crop_seconds=0.3, lr=(3e-2,), steps=6)
PLAIN = {"standardise": False, "rows": ("models",)}


class Fed(Exception):
    """Carries the feed of the first task out of a run."""


def feed_of(task: TaskConfig, corpus: Path, out: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Feed:
    """The feed that a run makes for a task."""
    feeds = []

    def caught(self: Work, unit: Any, path: Path) -> None:
        data = self.data(unit, fit_notes())
        feeds.append(Feed(self.grid.config, data, self._source(unit)))
        raise Fed

    monkeypatch.setattr(Work, "make", caught)
    config = replace(CONFIG, tasks={"it": task}, rows=("models",), **more)
    with pytest.raises(Fed):
        fit.run(Step(config, [corpus / "data", corpus / "exp/it1/base"], out, ["tasks.fit"]))
    return feeds[0]


def fit_notes() -> Any:
    from toolkit.core.record import Ledger
    from toolkit.tasks.base import Notes

    return Notes(Ledger(""))


def states_of(feed: Feed, batch: dict[str, Any]) -> torch.Tensor:
    tensors = {name: torch.as_tensor(v) for name, v in batch.items() if isinstance(v, np.ndarray)}
    return feed.features()(tensors)[0]


def test_a_crop_gives_the_features_of_the_cropped_waveform_and_the_same_one_when_asked_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = feed_of(CROPPED, corpus, tmp_path, monkeypatch)
    batch, again, later = feed.step(3, 0), feed.step(3, 0), feed.step(5, 0)
    assert {*batch["samples_B"]} == {4800} and (batch["wave_N"] == again["wave_N"]).all()
    assert not np.array_equal(batch["wave_N"], later["wave_N"])
    whole = {example.id: example.utterance.audio() for example in batch["examples"]}
    encoder = load_encoder(corpus / "exp/it1/base")
    means = states_of(feed, batch)
    for k, example in enumerate(batch["examples"]):
        crop = batch["wave_N"][4800 * k : 4800 * (k + 1)]
        assert crop.tobytes() in whole[example.id].tobytes()  # it is a piece of its own utterance
        expected = [s[0].mean(0) for s in encoder.states(torch.from_numpy(crop)[None])]
        torch.testing.assert_close(means[k], torch.stack(expected), atol=2e-3, rtol=2e-3)  # features are float16


def test_utterances_shorter_than_the_crop_and_all_of_dev_and_test_come_from_the_cache(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = feed_of(replace(CROPPED, crop_seconds=0.45), corpus, tmp_path, monkeypatch)
    batches = [feed.step(k, 0) for k in range(3)]
    for batch in batches:
        lengths = np.array([e.utterance.seconds for e in batch["examples"]])
        assert batch["live_B"].tolist() == np.flatnonzero(lengths > 0.45).tolist()
        cached = feed.source.sets["train"].means([e.u for e in batch["examples"]])
        short = lengths <= 0.45
        np.testing.assert_array_equal(states_of(feed, batch)[short], cached[short])
    assert any(len(batch["live_B"]) < len(batch["examples"]) for batch in batches)
    for part in ("dev", "test"):
        assert all("wave_N" not in feed.batch(part, examples) for examples in feed.evaluated(part))


def test_a_cropped_task_is_the_same_after_a_stop(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, tasks={"it": CROPPED}, rows=("models",), checkpoint_every=2)
    whole, honest, seen = run(config), Feed.step, []

    def dies(self: Feed, step: int, piece: int) -> Any:
        seen.append(step)
        if seen.count(4) == 1 and step == 4:
            raise KeyboardInterrupt
        return honest(self, step, piece)

    monkeypatch.setattr(Feed, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path)
    seen.append(4)
    run(config, tmp_path)
    for name in ("it.json", "it.safetensors", "it.items.tsv"):
        assert (tmp_path / "it1.base" / name).read_bytes() == (whole / "it1.base" / name).read_bytes()


def test_padded_batches_are_those_of_transformers_with_a_mask(corpus: Path) -> None:
    from transformers import HubertModel

    network = Network(load_encoder(corpus / "exp/it1/base"))
    waves = [torch.from_numpy(u.audio()) for u in DataDir.read(corpus / "data/train").utterances[:4]]
    wave_BN = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
    mask_BN = torch.arange(wave_BN.shape[1]) < torch.tensor([len(w) for w in waves])[:, None]
    theirs = HubertModel.from_pretrained(corpus / "exp/it1/base/hf").eval()
    with torch.no_grad():
        states = theirs(wave_BN, attention_mask=mask_BN.long(), output_hidden_states=True).hidden_states
    for k, ours_TLD in enumerate(network.padded_states(waves)):
        frames = min(round(len(waves[k]) / 320), states[0].shape[1])  # s3prl's number, one of them padding perhaps
        assert len(ours_TLD) == frames
        own = network.frames(len(waves[k]))
        expected = torch.stack([s[k, :own] for s in states], 1)
        torch.testing.assert_close(ours_TLD[:own], expected, atol=2e-5, rtol=2e-5)
    k = min(range(4), key=lambda i: len(waves[i]))
    alone = network.states(waves[k])
    assert (network.padded_states(waves)[k][: len(alone)] - alone).abs().max() > 1e-4  # padding is felt


@pytest.mark.parametrize("stable", [True, False])
def test_the_last_state_after_the_final_norm_is_that_of_transformers(tmp_path: Path, stable: bool) -> None:
    from networks import TINY
    from transformers import HubertModel

    config = replace(TINY, do_stable_layer_norm=stable)
    network = Hubert(config)
    initialise(network, config, torch.Generator().manual_seed(3))
    torch.nn.init.normal_(network.encoder.layer_norm.weight, 2.0)
    save_pretrained(network, tmp_path / "hf")
    wave_N = torch.randn(8000, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        theirs = HubertModel.from_pretrained(tmp_path / "hf").eval()(wave_N[None], output_hidden_states=True)
    expected = torch.stack([*theirs.hidden_states[:-1], theirs.last_hidden_state], 2)[0]
    encoder = load_encoder(tmp_path)
    torch.testing.assert_close(Network(encoder, final_norm=True).states(wave_N), expected, atol=2e-5, rtol=2e-5)
    last = Network(encoder).states(wave_N)[:, -1]
    assert bool((last - expected[:, -1]).abs().max() > 0.1) == stable


def test_the_compatible_protocol_pads_every_batch_and_is_named_in_the_result(run: Callable[..., Path]) -> None:
    tasks = {"it": replace(TASKS["dialect"], gain_db=-3.0, eval_batch=4), "spelt": replace(TASKS["asr"], steps=4)}
    more = {"tasks": tasks, "standardise": False, "rows": ("fbank", "models")}
    for protocol in ("superb-compat", "star"):
        out = run(replace(CONFIG, protocol=protocol, **more))
        assert {results(out, "it1.base", task).protocol for task in tasks} == {protocol}
    assert load_file(out / "fbank/it.safetensors")["head.mix.std_LD"].eq(1).all()


def test_the_gain_is_a_factor_on_the_waveform(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = replace(TASKS["dialect"], gain_db=-20.0)
    feed = feed_of(task, corpus, tmp_path, monkeypatch, protocol="superb-compat", standardise=False)
    [first, *_] = feed.evaluated("test")
    batch = feed.batch("test", first)
    np.testing.assert_allclose(
        batch["wave_N"][: len(first[0].utterance.audio())], first[0].utterance.audio() / 10, rtol=1e-6
    )


def test_a_batch_in_pieces_has_the_gradient_of_the_whole(run: Callable[..., Path]) -> None:
    task = replace(TASKS["asr"], steps=8, dropout=0.0)
    tasks = {"whole": task, "pieces": replace(task, piece_seconds=1.0)}
    one = run(replace(CONFIG, tasks={"it": tasks["whole"]}, rows=("fbank",)))
    two = run(replace(CONFIG, tasks={"it": tasks["pieces"]}, rows=("fbank",)))
    weights = [load_file(out / "fbank/it.safetensors") for out in (one, two)]
    for name, expected in weights[0].items():
        torch.testing.assert_close(weights[1][name], expected, atol=2e-4, rtol=2e-4)


def test_pieces_hold_no_more_than_their_seconds_and_every_example_once() -> None:
    class Lasting:
        def __init__(self, seconds: float) -> None:
            self.utterance = type("U", (), {"seconds": seconds})

    examples: list[Any] = [Lasting(s) for s in (3.0, 2.0, 9.0, 1.0, 1.0, 4.0)]
    pieces = cut(examples, 5.0)
    assert [[e.utterance.seconds for e in piece] for piece in pieces] == [[3, 2], [9], [1, 1], [4]]
    assert cut(examples, 0) == [examples]
    assert [len(piece) for piece in cut(examples, 0, 4)] == [4, 2]
    assert [len(piece) for piece in cut(examples, 5.0, 1)] == [1] * 6


def test_the_weights_of_the_best_look_at_dev_are_kept(run: Callable[..., Path]) -> None:
    # A rate that grows useless: the first looks are better than the last.
    task = replace(TASKS["dialect"], lr=(0.5,), steps=24, validate_every=4, schedule="constant", warmup=0.0)
    looked = run(replace(CONFIG, tasks={"it": task}, rows=("fbank",)))
    chosen = results(looked, "fbank", "it").chosen
    step = chosen.settings["step"]
    short = replace(
        task, steps=step, validate_every=0
    )  # with a constant rate, the first steps are those of a run of so many
    alone = run(replace(CONFIG, tasks={"it": short}, rows=("fbank",)))
    kept, expected = (load_file(out / "fbank/it.safetensors") for out in (looked, alone))
    assert step < 24 and all(torch.equal(kept[name], expected[name]) for name in expected)


def test_the_mean_of_folds_has_students_interval(run: Callable[..., Path]) -> None:
    folded = replace(TASKS["dialect"], folds="utt2spk", lr=(1e-3,), steps=1, batch=2)
    result = results(run(replace(CONFIG, tasks={"it": folded}, rows=("fbank",))), "fbank", "it")
    values = [fold.value for fold in result.folds]
    figure = result.figure("accuracy_folds")
    assert figure and figure.value == pytest.approx(np.mean(values)) and figure.blocks == "fold"
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (figure.low, figure.high) == pytest.approx((max(low, 0), min(high, 100)))


@pytest.mark.parametrize(("lr", "protocol"), [((1e-2, 1e-3), "on-test"), ((1e-2,), "strict")])
def test_a_result_that_was_chosen_on_what_is_scored_says_so(
    run: Callable[..., Path], lr: tuple[float, ...], protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    task = replace(TASKS["dialect"], lr=lr, steps=2, sets=replace(TASKS["dialect"].sets, dev="test"))
    assert results(run(replace(CONFIG, tasks={"it": task}, rows=("fbank",))), "fbank", "it").protocol == protocol
    assert ("it chooses on utterances of test" in capsys.readouterr().out) == (protocol == "on-test")


def test_sets_are_found_in_all_folders_and_models_follow_them(corpus: Path, tmp_path: Path) -> None:
    for name in ("train", "dev", "test"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"tones_{name}").symlink_to(corpus / "data" / name)
    sets = replace(TASKS["dialect"].sets, train="tones_train", dev="tones_dev", test="tones_test")
    config = replace(CONFIG, tasks={"it": replace(TASKS["dialect"], sets=sets, steps=2)}, rows=("models",), folders=3)
    ins = [tmp_path / name for name in ("train", "dev", "test")]
    fit.run(Step(config, [*ins, corpus / "exp/it1/base"], tmp_path / "out", ["tasks.fit"]))
    assert results(tmp_path / "out", "it1.base", "it").conditions["sets"] == ["tones_train", "tones_dev", "tones_test"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("protocol: superb-compat", "protocol superb-compat needs standardise: false"),
        ("protocol: strict\nonly: [pr]", "only: there is no task pr; there are it"),
        ("protocol: benchmark", "protocol"),
        ("tasks: {it: {type: ctc, steps: 1, lr: [0.1], crop_seconds: 8}}", "needs whole utterances"),
        ("tasks: {it: {type: classify, label: l, steps: 1, lr: [0.1], gain_db: -3}}", "computes features once"),
    ],
)
def test_settings_that_contradict_the_protocol_are_refused(text: str, message: str, tmp_path: Path) -> None:
    task = "" if "tasks:" in text else "\ntasks: {it: {type: classify, label: utt2lang, steps: 1, lr: [0.1]}}"
    (tmp_path / "c.yaml").write_text(text + task)
    with pytest.raises(Exception, match=message):
        load_config(TasksConfig, tmp_path / "c.yaml")
