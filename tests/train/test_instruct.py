"""`train.instruct`: labels, losses, adapters, resuming, answers of the tuned model, and what it refuses."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import omnis
import pytest
import torch
from peft import PeftModel
from ranks import in_ranks
from transformers import Qwen2_5OmniThinkerForConditionalGeneration as Thinker

from toolkit.core.config import build, load_config
from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.data.instruct_items import read_part, write_items
from toolkit.models.adapters import add_adapter, load_adapter
from toolkit.models.answer import instruction_of, parser
from toolkit.models.answer import main as answer_clip
from toolkit.models.heard import Heard
from toolkit.models.merge import main as merge
from toolkit.models.omni import Omni, load_omni, parameters_of, save_omni
from toolkit.models.omni_answers import write
from toolkit.models.tensors import read_tensors, write_tensors
from toolkit.models.tuned import load_tuned
from toolkit.pseudo.answer import AnswerConfig
from toolkit.pseudo.answer import run as answer
from toolkit.score.given_answers import read_answers, read_answers_header
from toolkit.train.engine.objective import At
from toolkit.train.engine.ranks import World
from toolkit.train.instruct import InstructInputs, learn, refuse_silent, shortened, trainable
from toolkit.train.instruct_config import InstructTraining
from toolkit.train.instruct_schedule import embedding_of, schedule_of, strata_of
from toolkit.train.instructed import Batches, Dev, FromCache, Live, rows_of
from toolkit.train.objectives.answers import Answers

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
adapt: {rank: 4, alpha: 8}
data: {batch: 6, micro_items: 3}
schedule: [{type: diverse, pool: 4}]
optim: {peak_lr: 1e-2, clip: 1.0}
loop: {total_steps: 12, log_every: 3, validate_every: 6, checkpoint_every: 3, tensorboard: no, keep_at: [0.5],
  grad_groups: yes}
"""
FULL = """
adapt: {how: full}
data: {batch: 12, micro_items: 12}
schedule: [{type: uniform}]
optim: {peak_lr: 8e-3, clip: 1.0}
loop: {total_steps: 160, log_every: 40, tensorboard: no}
"""
INS = ("items/train", "items/dev", "heard", "base")


def config_of(**changes: object) -> InstructTraining:
    return build(InstructTraining, {"schedule": [{"type": "uniform"}], **changes}, "test")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = omnis.world(tmp_path_factory.mktemp("instruct"))
    (folder / "train.yaml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def omni(world: Path) -> Omni:
    return load_omni(world / "base")


def run(
    world: Path, out: str, *more: str, ins: tuple[str, ...] = INS, config: str = "train.yaml"
) -> subprocess.CompletedProcess:
    return subprocess.run(command(out, *more, ins=ins, config=config), cwd=world, capture_output=True, text=True)


def command(out: str, *more: str, ins: tuple[str, ...] = INS, config: str = "train.yaml") -> list[str]:
    return [sys.executable, "-m", "toolkit.train.instruct", "--config", config, *more, "--in", *ins, "--out", out]


@pytest.fixture(scope="module")
def trained(world: Path) -> Path:
    done = run(world, "exp/lora", "--data.samples", "0")
    assert done.returncode == 0, done.stderr
    return world / "exp/lora"


def rows(world: Path, omni: Omni, part: str = "train"):
    return rows_of(read_part(world / "items" / part), omni, FromCache(Heard(world / "heard")), 0, lambda *_: None)


def batches_of(world: Path, omni: Omni, normalise: str = "sample") -> Batches:
    return Batches(rows(world, omni), omni, FromCache(Heard(world / "heard")), normalise)


def tensors(batch: dict) -> dict:
    return {n: torch.as_tensor(v) if isinstance(v, np.ndarray) else v for n, v in batch.items()}


def test_labels_decode_to_exactly_the_answer_and_its_end(world: Path, omni: Omni) -> None:
    batches = batches_of(world, omni)
    batch = batches.of(range(6), "asr")
    tokenizer = omni.prompts.tokenizer
    for b, row in enumerate(batches.rows[:6]):
        own = batch["row_A"] == b
        ids = batch["target_A"][own].tolist()
        assert tokenizer.decode(ids).strip() == f"{row.item.answer}<|im_end|>"
        after = batch["ids_BT"][b][batch["position_A"][own] + 1].tolist()
        assert after == ids, "the logits of a position are held against the token after it"
        assert batch["position_A"][own][0] == row.asked - 1 and own.sum() == row.answered
    assert "<|AUDIO|>" not in tokenizer.decode(batch["target_A"])


def naive_loss(omni: Omni, world: Path, numbers: list[int], batches: Batches, weigh) -> float:
    """The loss from transformers' own forward pass, item by item, unpadded, in float64."""
    heard, total, weights = Heard(world / "heard"), 0.0, 0.0
    for n in numbers:
        row = batches.rows[n]
        question = omni.prompts.question(row.item.instruction, row.states, row.item.text)
        ids = torch.tensor([question + omni.prompts.answer(row.item.answer)])
        with torch.inference_mode():
            embedded = omni.embed(ids, torch.from_numpy(heard.states([row.item.audio])))
            logits = (
                omni.model(inputs_embeds=embedded, position_ids=torch.arange(ids.shape[1]).expand(3, 1, -1))
                .logits[0]
                .double()
            )
        nats = -logits.log_softmax(-1)[row.asked - 1 : -1].gather(1, ids[0, row.asked :, None]).sum()
        per_token, whole = weigh(row)
        total, weights = total + float(nats) * per_token, weights + whole
    return total / weights


@pytest.mark.parametrize("normalise", ["token", "sample", "task"])
def test_the_loss_is_that_of_transformers_under_each_normalisation(world: Path, omni: Omni, normalise: str) -> None:
    batches, at = batches_of(world, omni, normalise), At(1, 0, 10)
    by_task: dict[str, list[int]] = {}
    for n, row in enumerate(batches.rows):
        by_task.setdefault(row.item.task, []).append(n)
    parts = {"asr": by_task["asr"][:3], "dialect": by_task["dialect"][:5], "summary": by_task["summary"][:1]}
    objective, total, weight = Answers(omni, omni.model), 0.0, 0.0
    for task, numbers in parts.items():
        batch = tensors(batches.of(numbers, task, len(numbers)))
        with torch.inference_mode():
            term = objective(batch, at)["answer"]
        assert objective.weights(batch, at)["answer"] == pytest.approx(float(term.weight))
        total, weight = total + float(term.sum), weight + float(term.weight)

    def weigh(row):
        count, of_task = row.answered, len(parts[row.item.task])
        return {"token": (1, count), "sample": (1 / count, 1), "task": (1 / count / of_task, 1 / of_task)}[normalise]

    wanted = naive_loss(omni, world, [n for numbers in parts.values() for n in numbers], batches, weigh)
    assert total / weight == pytest.approx(wanted, abs=1e-5)


def test_states_that_are_kept_and_heard_give_the_same_loss(world: Path, omni: Omni) -> None:
    cached, live = batches_of(world, omni), Batches(rows(world, omni), omni, Live(omni), "sample")
    with torch.inference_mode():
        a = Answers(omni, omni.model)(tensors(cached.of(range(4), "asr")), At(1, 0, 1))["answer"]
        b = Answers(omni, omni.model, live=True)(tensors(live.of(range(4), "asr")), At(1, 0, 1))["answer"]
    assert float(a.sum) == pytest.approx(float(b.sum), abs=1e-4)


def test_states_in_half_precision_change_the_loss_by_less_than_2e3(world: Path, omni: Omni, tmp_path: Path) -> None:
    omnis.write_heard(tmp_path / "half", world / "items", world / "base", "fp16")
    table = read_part(world / "items/train")
    values = []
    for folder in (world / "heard", tmp_path / "half"):
        hears = FromCache(Heard(folder))
        batches = Batches(rows_of(table, omni, hears, 0, lambda *_: None), omni, hears, "sample")
        with torch.inference_mode():
            term = Answers(omni, omni.model)(tensors(batches.of(range(12), "asr")), At(1, 0, 1))["answer"]
        values.append(float(term.sum / term.weight))
    assert values[0] == pytest.approx(values[1], abs=2e-3)
    key = next(iter(table)).audio
    assert (Heard(world / "heard").states([key]) != Heard(tmp_path / "half").states([key])).any()


def test_recomputing_blocks_gives_the_same_gradients(world: Path) -> None:
    grads = []
    for recompute in (False, True):
        omni = load_omni(world / "base")
        adapter = trainable(omni, config_of(adapt={"rank": "4"}))
        objective = Answers(omni, adapter, recompute=recompute).train()
        objective(tensors(batches_of(world, omni).of(range(4), "asr")), At(1, 0, 1))["answer"].sum.backward()
        grads.append({n: p.grad.clone() for n, p in objective.named_parameters() if p.grad is not None})
    assert grads[0].keys() == grads[1].keys() and any(float(g.abs().sum()) > 0 for g in grads[0].values())
    assert all(torch.allclose(g, grads[1][n], atol=1e-6) for n, g in grads[0].items())


def test_adapters_are_in_every_attention_layer_of_the_text_model_and_nowhere_else(world: Path) -> None:
    omni = load_omni(world / "base")
    adapter = add_adapter(omni, 4, 8, 0.0, 1)
    names = [n for n, p in adapter.named_parameters() if p.requires_grad]
    assert len(names) == 2 * 4 * omni.layers and all("self_attn" in n and "lora_" in n for n in names)
    assert not any("audio_tower" in n or "visual" in n for n in names)
    both = add_adapter(load_omni(world / "base"), 4, 8, 0.0, 1, tower=True)
    names = [n for n, p in both.named_parameters() if p.requires_grad]
    assert sum("audio_tower" in n for n in names) == 2 * 4 * 2


def test_a_tuned_adapter_loads_with_peft_and_merged_and_all_answer_alike(
    world: Path, trained: Path, tmp_path: Path
) -> None:
    """With the class's own table of positions, which transformers alone restores."""
    omni = load_omni(world / "base")
    table = omni.tower.positional_embedding
    table.positional_embedding.copy_(table.compute_default_singular_positional_embedding())
    save_omni(omni, tmp_path / "base")
    assert not (tmp_path / "base/positions.safetensors").exists()
    plain = Thinker.from_pretrained(tmp_path / "base").eval()
    with_peft = PeftModel.from_pretrained(plain, trained / "hf").base_model.model
    ours = load_tuned(trained, base=tmp_path / "base")
    asked_for = [str(trained), "--out", str(tmp_path / "merged"), "--base", str(tmp_path / "base")]
    assert merge(asked_for) == 0
    whole = Thinker.from_pretrained(tmp_path / "merged").eval()
    items = [i for i in read_part(world / "items/test") if i.task != "summary"][:6]
    written = []
    for model in (with_peft, ours.model, whole, load_omni(tmp_path / "merged").model):
        one = Omni(model, world, ours.prompts)
        heard = Heard(world / "heard")
        asked = [ours.prompts.question(i.instruction, heard.count(i.audio)) for i in items]
        written.append([w.ids for w in write(one, asked, torch.from_numpy(heard.states([i.audio for i in items])), 8)])
    assert written[0] == written[1] == written[2] == written[3]
    base = write(
        Omni(Thinker.from_pretrained(tmp_path / "base").eval(), world, ours.prompts),
        asked,
        torch.from_numpy(heard.states([i.audio for i in items])),
        8,
    )
    assert [w.ids for w in base] != written[0], "the adapter changes answers"


@pytest.mark.parametrize(("adapter", "out", "fault"), [("base", "new", "no adapter"), ("exp/lora", "base", "already")])
def test_what_cannot_be_merged_is_told_without_a_traceback(
    world: Path, trained: Path, capsys: pytest.CaptureFixture, adapter: str, out: str, fault: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        merge([str(world / adapter), "--out", str(world / out)])
    assert ended.value.code == 1
    assert fault in capsys.readouterr().err and not (world / "new").exists()


def test_what_a_training_leaves(world: Path, trained: Path) -> None:
    sizes = read_json(trained / "schedule.json")
    assert sizes["schedule"] == "diverse (pool 4)" and sizes["batch"] == 6
    assert sum(task["draws"] for task in sizes["drawn"].values()) == 12 * 6
    assert {task["draws"] for task in sizes["drawn"].values()} == {24}
    assert sizes["drawn"]["dialect"]["labels"] == {"EGY": 0.5, "MSA": 0.5}
    assert set(sizes["gradients"]) == {"step", "asr", "dialect", "summary"}
    assert all(g["mean"] > 0 for g in sizes["gradients"].values())
    about = read_json(trained / "hf/sawt.json")
    assert (
        about["steps"] == 12
        and about["seed"] == 1
        and (trained / "hf" / about["base_from_here"]).resolve() == (world / "base/hf").resolve()
    )
    card = (trained / "hf/README.md").read_text(encoding="utf-8")
    assert "was not tuned to speak" in card and "اكتب ما تسمع" in card and "library_name: peft" in card
    assert (trained / "at/50/hf/adapter_model.safetensors").is_file() and not (
        trained / "at/50/weights.safetensors"
    ).exists()
    header = (trained / "loss.tsv").read_text().splitlines()[0].split("\t")
    assert {"loss", "loss_asr", "dev_loss", "grad_norm_asr", "grad_var_step"} <= set(header)


def test_checkpoints_hold_adapters_alone(world: Path, trained: Path) -> None:
    whole = sum(parameters_of(load_omni(world / "base")).values())
    state = read_tensors(sorted((trained / "checkpoints").glob("0*"))[-1] / "state.safetensors")
    weights = {n: t for n, t in state.items() if n.startswith("model.")}
    assert weights and all("lora_" in n for n in weights)
    assert sum(t.numel() for t in weights.values()) < 0.2 * whole, "of a model of 15,000 weights; of 7B it is 0.1 %"
    assert read_json(sorted((trained / "checkpoints").glob("0*"))[-1] / "state.json")["base"]


def test_a_killed_training_resumes_bit_for_bit(world: Path, trained: Path) -> None:
    steps = SimpleNamespace(seen=0)
    words, quiet = command("exp/killed", "--data.samples", "0"), subprocess.DEVNULL
    process = subprocess.Popen(words, cwd=world, start_new_session=True, stdout=quiet, stderr=quiet)
    for _ in range(2000):
        saved = list((world / "exp/killed/checkpoints").glob("0*"))
        steps.seen = len(saved)
        if saved or process.poll() is not None:
            break
        time.sleep(0.01)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert steps.seen, "there was a checkpoint when it was killed"
    done = run(world, "exp/killed", "--data.samples", "0")
    assert done.returncode == 0, done.stderr
    for name in ("hf/adapter_model.safetensors", "at/50/hf/adapter_model.safetensors", "loss.tsv", "schedule.json"):
        mine, theirs = ((folder / name).read_bytes() for folder in (world / "exp/killed", trained))
        assert mine.replace(b"killed", b"lora") == theirs, name


def test_a_checkpoint_of_another_base_is_refused(world: Path, tmp_path: Path, trained: Path) -> None:
    """Resuming checks the frozen weights, which no checkpoint holds."""
    shutil.copytree(trained, tmp_path / "exp")
    shutil.copytree(world / "base", tmp_path / "base")
    weights = read_tensors(tmp_path / "base/hf/model.safetensors")
    name = next(n for n in weights if "mlp.down_proj" in n)
    write_tensors(tmp_path / "base/hf/model.safetensors", {**weights, name: weights[name] * 1.01}, {"format": "pt"})
    config = load_config(InstructTraining, world / "train.yaml", {"data.samples": "0"})
    inputs = InstructInputs.read([world / "items/train", world / "heard", tmp_path / "base"])
    step = omnis.step_of(config, [], tmp_path / "exp", "train.instruct")
    identity = read_json(sorted((trained / "checkpoints").glob("0*"))[-1] / "state.json")["identity"]
    with pytest.raises(UserError, match="a checkpoint on another base"):
        learn(config, inputs, step, World.alone(), identity)


@pytest.fixture(scope="module")
def learnt(world: Path) -> Path:
    """A full training that has learnt its items by heart."""
    (world / "full.yaml").write_text(FULL)
    done = run(world, "exp/full", config="full.yaml")
    assert done.returncode == 0, done.stderr
    return world / "exp/full"


def test_full_tuning_learns_its_items_and_says_so(learnt: Path) -> None:
    samples = read_json(learnt / "samples.json")
    assert len(samples["start"]) == len(samples["end"]) == 3
    assert sum(row["answer"] == row["wanted"] for row in samples["end"]) >= 2, samples
    assert samples["start"] != samples["end"]


def answered(
    world: Path, model: Path, out: Path, batch: int = 16, heard: bool = True, part: str = "train"
) -> dict[str, str]:
    ins = [world / "items" / part, *([world / "heard"] if heard else []), model]
    answer(omnis.step_of(AnswerConfig(batch=batch), ins, out, "pseudo.answer"))
    return {f"{a.task}/{a.id}": a.text for a in read_answers(out)}


def test_answers_are_right_and_do_not_depend_on_batches_or_on_kept_states(
    world: Path, learnt: Path, tmp_path: Path
) -> None:
    by_sixteen = answered(world, learnt, tmp_path / "a")
    assert (
        by_sixteen
        == answered(world, learnt, tmp_path / "b", batch=1)
        == answered(world, learnt, tmp_path / "c", heard=False)
    )
    wanted = {item.key: item.answer for item in read_part(world / "items/train")}
    right = [by_sixteen[key] == answer for key, answer in wanted.items()]
    assert list(by_sixteen) == list(wanted) and np.mean(right) > 0.8


def test_a_task_without_items_in_a_part_is_answered_with_nothing(world: Path, learnt: Path, tmp_path: Path) -> None:
    items = [item for item in read_part(world / "items/test") if item.task == "asr"]
    folder = tmp_path / "items"
    write_items(folder / "test", items)
    shutil.copy(world / "items/tasks.json", folder)
    ins = [folder / "test", world / "heard", learnt]
    answer(omnis.step_of(AnswerConfig(tasks=("dialect",)), ins, tmp_path / "out", "pseudo.answer"))
    assert list(read_answers(tmp_path / "out")) == [] and read_answers_header(tmp_path / "out").tasks == ()


def test_one_clip_is_answered_from_the_command_line(world: Path, learnt: Path, capsys: pytest.CaptureFixture) -> None:
    item = next(i for i in read_part(world / "items/train") if i.task == "asr")
    assert answer_clip([str(learnt), item.path, item.path, "--task", "asr"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [item.answer] * 2
    with pytest.raises(SystemExit):
        answer_clip([str(learnt), item.path, "--task", "poetry"])
    assert "no task poetry" in capsys.readouterr().err
    with pytest.raises(UserError, match="reads a text, and hears nothing"):
        instruction_of(
            {"reading": {"ask": ["?"], "heard": False}}, parser().parse_args(["m", "clip", "--task", "reading"])
        )


def test_a_clip_beyond_the_context_is_refused_not_cut(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    import soundfile

    soundfile.write(tmp_path / "long.wav", np.zeros(16000 * 180), 16000)  # 4,500 states; the context is of 4,096
    with pytest.raises(SystemExit):
        answer_clip([str(world / "base"), str(tmp_path / "long.wav"), "--instruction", "لخص"])
    assert "do not fit the model's 4096" in capsys.readouterr().err


def test_items_beyond_the_limit_of_tokens_are_left_out_with_a_row(world: Path, omni: Omni) -> None:
    rows_in_ledger: list[tuple[str, str, str]] = []
    table = read_part(world / "items/train")
    kept = rows_of(table, omni, FromCache(Heard(world / "heard")), 40, lambda *row: rows_in_ledger.append(row))
    assert rows_in_ledger and {row[1] for row in rows_in_ledger} == {"longer than the context"}
    assert len(kept) + len(rows_in_ledger) == len(table) and max(row.length for row in kept) <= 40


def test_kept_states_of_another_tower_are_refused(world: Path, tmp_path: Path) -> None:
    for fault, whisper in (("weights differ", {"seed": 3}), ("128 mels", {"mels": 128})):
        from whispers import tiny_whisper_folder

        folder = tmp_path / fault.replace(" ", "")
        omnis.write_omni(folder / "base", world / "items", tiny_whisper_folder(folder / "w", d=16, layers=2, **whisper))
        done = run(world, str(folder / "out"), ins=("items/train", "heard", str(folder / "base")))
        assert done.returncode == 1 and fault in done.stderr.replace("has 128 and", "128 mels"), done.stderr
        assert "Traceback" not in done.stderr


def test_kept_states_that_are_not_what_was_written_are_refused(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world / "heard", tmp_path / "heard")
    for path in tmp_path.glob("heard/states/*/states.npy"):
        values = np.load(path)
        values[len(values) // 2, 0] += 1
        np.save(path, values)
    done = run(world, str(tmp_path / "out"), ins=("items/train", "items/dev", str(tmp_path / "heard"), "base"))
    assert done.returncode == 1 and "are not what was written" in done.stderr, done.stderr


def test_states_that_are_not_finite_are_refused(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world / "heard", tmp_path / "heard")
    for path in (tmp_path / "heard/states").glob("*/means.npy"):
        means = np.load(path)
        means[0, 0] = np.nan
        np.save(path, means)
    done = run(world, str(tmp_path / "out"), ins=("items/train", str(tmp_path / "heard"), "base"))
    assert done.returncode == 1 and "embeddings are not finite, e.g. of train/" in done.stderr


def spoilt(trained: Path, to: Path, change) -> Path:
    shutil.copytree(trained / "hf", to)
    weights = read_tensors(to / "adapter_model.safetensors")
    write_tensors(to / "adapter_model.safetensors", change(weights), {"format": "pt"})
    return to


def test_an_adapter_that_does_not_take_is_an_error(world: Path, trained: Path, tmp_path: Path) -> None:
    def zero(weights):
        return {n: t * 0 if "lora_B" in n else t for n, t in weights.items()}

    def broken(weights):
        return {n: t / 0 if "lora_B" in n else t for n, t in weights.items()}

    with pytest.raises(UserError, match=r"damaged weights: .*lora_B.* holds (nan|inf)"):
        load_adapter(load_omni(world / "base"), spoilt(trained, tmp_path / "broken", broken))
    with pytest.raises(UserError, match="whose weights are all 0"):
        load_adapter(load_omni(world / "base"), spoilt(trained, tmp_path / "zero", zero))
    with pytest.raises(
        UserError, match=r"an adapter of another model or release: .* of its layers are not this model's"
    ):
        load_adapter(
            load_omni(world / "base"), spoilt(trained, tmp_path / "gone", lambda w: dict(list(w.items())[:-2]))
        )
    wide = omnis.write_omni(tmp_path / "wide", world / "items", world / "whisper", hidden_size=64)
    with pytest.raises(UserError, match="an adapter of a model of another width"):
        load_adapter(wide, trained / "hf")


def test_an_adapter_of_the_other_module_tree_is_translated(world: Path, trained: Path, tmp_path: Path) -> None:
    """As transformers 5.23 names the modules: model.language_model.layers instead of model.layers."""
    newer = spoilt(
        trained,
        tmp_path / "newer",
        lambda w: {n.replace("model.layers", "model.language_model.layers"): t for n, t in w.items()},
    )
    one, two = load_omni(world / "base"), load_omni(world / "base")
    load_adapter(one, trained / "hf")
    load_adapter(two, newer)
    states = [{n: t for n, t in o.model.state_dict().items() if "lora" in n} for o in (one, two)]
    assert states[0].keys() == states[1].keys() and all(torch.equal(t, states[1][n]) for n, t in states[0].items())


def test_a_model_that_answers_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="answers its own training items with nothing"):
        refuse_silent(["", "", "نعم"], tmp_path)
    refuse_silent(["", "نعم", "لا"], tmp_path)


def test_an_adapter_of_one_task_takes_its_share_of_the_steps(world: Path) -> None:
    table = read_part(world / "items/train")
    config = config_of(data={"tasks": ["dialect"], "share_of_steps": "yes"}, loop={"total_steps": "90"})
    assert shortened(config, table).loop.total_steps == 30
    assert shortened(config_of(), table) == config_of()


def test_clusters_of_embeddings_take_the_place_of_labels(world: Path, omni: Omni) -> None:
    """The clips are tones of three heights, which three clusters of the tower's states tell apart."""
    every = rows(world, omni)
    embedding = embedding_of(every, omni, Heard(world / "heard"), 0, 1)
    strata = strata_of(every, embedding, 3, 1)
    for row, stratum in zip(every, strata, strict=True):
        assert stratum.startswith("cluster ") is (row.item.task != "dialect")
        assert row.item.task != "dialect" or stratum == row.item.label
    of_text: dict[str, set[str]] = {}
    for row, stratum in zip(every, strata, strict=True):
        if row.item.task == "asr":
            of_text.setdefault(row.item.answer, set()).add(stratum)
    assert len({stratum for strata in of_text.values() for stratum in strata}) == 3
    config = config_of(schedule=[{"type": "diverse", "clusters": "3", "pool": "4"}], loop={"total_steps": "9"})
    schedule = schedule_of(every, omni, Heard(world / "heard"), config, 1)
    asr = [i for s in range(9) for i in schedule.items(s).tolist() if every[i].item.task == "asr"]
    counts = [sum(strata[i] == name for i in asr) for name in sorted({strata[i] for i in asr})]
    assert max(counts) - min(counts) <= 1
    with pytest.raises(UserError, match="diverse sampling sees the states of clips, and none were kept"):
        schedule_of(every, omni, None, config, 1)


def test_a_dev_set_is_seen_once_in_batches_of_one_task(world: Path, omni: Omni) -> None:
    hears = FromCache(Heard(world / "heard"))
    batches = Batches(rows(world, omni, "dev"), omni, hears, "sample")
    dev = Dev(batches, 3)
    numbers = sorted(n for part, _ in dev.parts for n in part)
    assert numbers == list(range(len(batches.rows)))
    assert all({batches.rows[n].item.task for n in part} == {task} for part, task in dev.parts)
    assert len(Dev(batches, 3, 1)) == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--adapt.tower", "yes"), "adapt.tower needs data.cache false"),
        (("--data.tasks", "poetry"), "no task poetry"),
        (("--adapt.how", "full", "--adapt.mlp", "yes"), "full trains all of the text model"),
    ],
)
def test_a_wrong_call_is_told_without_a_traceback(
    world: Path, tmp_path: Path, flags: tuple[str, ...], message: str
) -> None:
    done = run(world, str(tmp_path / "out"), *flags)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


def test_inputs_are_told_apart_by_what_they_hold(world: Path) -> None:
    inputs = InstructInputs.read([world / "base", world / "heard", world / "items/train", world / "items/dev"])
    assert (inputs.train.name, inputs.dev and inputs.dev.name, inputs.base) == ("train", "dev", world / "base/hf")
    with pytest.raises(UserError, match="1 parts of items, 1 kept states, 0 models"):
        InstructInputs.read([world / "items/train", world / "heard"])


def tune_in(ranks: World, world: Path, items: Path, out: Path) -> None:
    """A rank's part of three steps with adapters in the tower, which is heard in every step."""
    config = build(
        InstructTraining,
        {
            "adapt": {"rank": "4", "alpha": "8", "tower": "yes"},
            "data": {"batch": "4", "micro_items": "2", "cache": "no", "samples": "0"},
            "schedule": [{"type": "uniform", "equal": "yes"}],
            "loop": {"total_steps": "3", "log_every": "1", "tensorboard": "no", "prefetch": "0"},
        },
        "test",
    )
    learn(
        config,
        InstructInputs.read([items, world / "base"]),
        omnis.step_of(config, [], out, "train.instruct"),
        ranks,
        "x",
    )


def test_two_ranks_train_what_one_trains_also_with_audio_on_one_of_them_alone(world: Path, tmp_path: Path) -> None:
    tasks = {"asr": omnis.TASKS["asr"], "text_summary": {"ask": "summarise", "table": "utt2summary", "input": "text"}}
    omnis.write_items(tmp_path / "items", world / "sets", tasks=tasks)
    weights = []
    for size in (1, 2):
        in_ranks(size, tune_in, world, tmp_path / "items/train", tmp_path / str(size))
        weights.append(read_tensors(tmp_path / str(size) / "hf/adapter_model.safetensors"))
    assert weights[0].keys() == weights[1].keys()
    assert any("audio_tower" in n and "lora_B" in n and bool(t.any()) for n, t in weights[0].items())
    for name, tensor in weights[0].items():
        assert torch.allclose(tensor, weights[1][name], atol=1e-4), name
