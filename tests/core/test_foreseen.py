"""Inputs of another kind, places where no output can be, and configs at odds are told before stage 1."""

import os
from pathlib import Path

import pytest

from toolkit.core import check, output, plan
from toolkit.core.record import Ledger
from toolkit.core.table import Option, Stage, StepRun, Table


def _table(words, *runs, **options):
    """A table of one stage for each run, called with all of its options."""
    stages = [Stage(f"s{n}", "", [StepRun(run.split())]) for n, run in enumerate(runs, 1)]
    called = [word for name in options for word in ("--" + name.replace("_", "-"), options[name])]
    return Table([Option(name, value, "what it is") for name, value in options.items()], stages, [*called, *words])


def _told(table):
    return [(e.what, e.where) for e in check.option_mistakes(table, len(table.stages))]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("تسجيلات/مجموعة", "empty", "net/hf"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("تسجيلات/مجموعة/wav.scp", "net/hf/config.json", "afile"):
        (tmp_path / name).write_text("")
    (tmp_path / "gone").symlink_to("/nope/big")
    return tmp_path


@pytest.mark.parametrize(
    ("run", "name", "good"),
    [
        ("data.contamination", "تسجيلات", True),
        ("data.contamination", "تسجيلات/مجموعة", True),
        ("data.contamination", "empty", False),
        ("data.contamination", "net", False),
        ("data.contamination", "afile", False),
        ("tasks.fit", "net", True),
        ("tasks.fit", "empty", False),
        ("models.student", "net/hf", True),
        ("models.student", "تسجيلات", False),
        ("data.corpora.folder", "empty", True),
        ("data.corpora.folder", "afile", False),
    ],
)
def test_an_input_that_is_there_and_of_another_kind_is_told_with_its_option(here, run, name, good):
    table = _table([], f"{run} --in {name} --out out", named=name)
    mistakes = check.option_mistakes(table, 1)
    assert not mistakes if good else [e.where for e in mistakes] == [name]
    assert all("--named" in e.remedy and f"stage 1 (s1) needs {name}: no " in e.what for e in mistakes)


def test_a_file_and_a_link_that_leads_nowhere_are_no_places_of_outputs_and_told_once(here):
    runs = [f"data.corpora.folder --in empty --out {place}/{n}" for place in ("afile", "gone", "new") for n in (1, 2)]
    told = _told(_table([], *runs, exp="afile", data="gone", dump="new"))
    assert told == [
        (f"{here}/afile is a file, where a folder of outputs belongs", "--exp afile"),
        (f"{here}/gone is a link to /nope/big, which is not there, where a folder of outputs belongs", "--data gone"),
    ]


@pytest.mark.parametrize(
    ("model", "good"), [("openai/whisper-tiny", True), ("net", True), ("/nope", False), ("./x", False)]
)
def test_a_path_that_is_not_there_is_no_model_of_the_hub(here, model, good):
    told = _told(_table([], f"models.fetch --model {model} --out out", teacher=model))
    problem = f"stage 1 (s1): no model {model}: no such folder, and no id of the hub"
    assert told == ([] if good else [(problem, f"--teacher {model}")])


def test_an_arm_that_no_selection_has_a_twin_of_the_same_seed_and_a_block_that_is_none_are_told(here):
    (here / "keep.yaml").write_text("keep: {all: ''}\n")
    (here / "L.yaml").write_text("model: {num_hidden_layers: 3, hidden_size: 64, num_attention_heads: 2}\n")
    (here / "it1.yaml").write_text("seed: 7\n")
    data = "تسجيلات/مجموعة"
    pack = [
        f"pseudo.select --config keep.yaml --in {data} empty --out select",
        f"pseudo.pack --keep nope --in {data} net empty select --out pack",
        f"pseudo.pack --keep all --in {data} net empty select --out pack2",
    ]
    assert [told for told in _told(_table([], *pack, arms="nope"))] == [
        ("stage 2 (s2): keep: no selection is called nope", "--arms nope")
    ]
    same = "the twin codebook has the seed of the config, 7: it would be the same codebook"
    for seed, wanted in (("7", [(f"stage 5 (s5): {same}", "twin")]), ("8", [])):
        units = [
            "units.kmeans --config it1.yaml --in empty --out book",
            f"units.kmeans --config it1.yaml --seed {seed} --in empty --out twin",
            f"units.label --in {data} book --out labels",
            f"units.label --in {data} twin --out labels2",
            f"units.quality --in {data} labels labels2 --out quality",
        ]
        assert _told(_table([], *units, twin_seed=seed)) == wanted
    for blocks, wanted in (("0,1,7", "0, 7"), ("1,2,3", "")):
        train = [
            f"train.pretrain --config L.yaml --in {data} {data} empty --out L",
            f"train.pretrain --config L.yaml --start_layers {blocks} --in {data} {data} empty L --out S",
        ]
        problem = f"stage 2 (s2): start_layers: no block {wanted} in L, which has 3"
        assert _told(_table([], *train, start=blocks)) == ([(problem, f"--start {blocks}")] if wanted else [])


SETS = "data.contamination --in تسجيلات --out sets"


def _make_sets(*names):
    """The sets that a stage has made."""
    begun = output.begin(SETS.split(), Path("sets"))
    for name in names:
        Path("sets", name).mkdir()
        Path("sets", name, "wav.scp").write_text("")
    output.finish(begun, Path("sets"), {}, {}, Ledger("data.contamination"), 0.0)


@pytest.mark.parametrize(
    ("run", "option", "problem", "where"),
    [
        ("units.sample --in sets/{} --out o", "train", "stage 2 (s2) needs sets/{}, which stage 1 did not make", ""),
        ("data.sample --sets {} --in sets --out o", "train", "stage 2 (s2): sets: no set is called {}", "--train {}"),
        (
            "tasks.fit --config t.yaml --sets.test {} --in sets --out o",
            "test",
            "stage 2 (s2): sets.test: no set is called {}",
            "--test {}",
        ),
    ],
)
def test_a_set_that_nobody_has_is_told_by_name_once_the_sets_are_made(here, run, option, problem, where):
    (here / "t.yaml").write_text("tasks: {لهجة: {type: classify, label: utt2lang, steps: 1, lr: 1e-3}}\n")
    tables = {name: _table([], SETS, run.format(name), **{option: name}) for name in ("تدريب", "trian")}
    assert [_told(table) for table in tables.values()] == [[], []]
    _make_sets("train", "dev", "test", "تدريب")
    tables = {name: _table([], SETS, run.format(name), **{option: name}) for name in ("تدريب", "trian")}
    assert _told(tables["تدريب"]) == []
    told = check.option_mistakes(tables["trian"], 2)
    assert [(e.what, e.where) for e in told] == [(problem.format("trian"), where.format("trian") or "sets/trian")]
    assert "dev, test, train, تدريب" in told[0].remedy
    assert check.option_mistakes(tables["trian"], 2, fresh=["sets"]) == []  # which sets there will be is not known


@pytest.mark.parametrize(
    ("value", "wrong"), [("tr*", True), ("train تدريب", False), ("train train", True), ("train", False)]
)
def test_an_option_whose_set_is_read_as_a_folder_names_one_set(here, value, wrong):
    run = ["units.sample", "--in", f"sets/{value}" if wrong else "sets/train", "--out", "o"]
    table = Table(
        [Option("train", value, "set")],
        [Stage("s", "", [StepRun(SETS.split())]), Stage("t", "", [StepRun(run)])],
        ["--train", value],
    )
    told = [(e.what, e.where) for e in check.option_mistakes(table, 2)]
    assert told == ([("--train names one set here, by its name", f"--train {value}")] if wrong else [])


@pytest.mark.skipif(os.stat("/dev/shm").st_dev == os.stat("/tmp").st_dev, reason="there is one disk")
def test_free_room_is_told_of_the_disks_that_are_written_to(here):
    assert plan.free_where(["exp/it1", "dump"]).startswith("free here: ")
    assert plan.free_where(["/dev/shm/exp/it1"]).startswith("free at /dev/shm: ")
    both = plan.free_where(["dump", "/dev/shm/exp"])
    assert f"free at {here}: " in both and "free at /dev/shm: " in both
