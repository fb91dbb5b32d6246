"""What is drawn is labelled, then selected, then packed: each step reads what the one before it left."""

from __future__ import annotations

from pathlib import Path

from pseudo.label_trees import selected, write_data, write_labels
from pseudo.packs import pack

from toolkit.core.files import read_json
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data import sample
from toolkit.data.kaldi import DataDir
from toolkit.pseudo.pack import PackConfig
from toolkit.pseudo.selections import read_kept

TEXTS = {f"م{i % 2}-{i}": text for i, text in enumerate(("قال المعلم", "رحت السوق", "نعم يا سيدي", "شو صار"))}
WRONG = {id: "شكرا على المشاهدة" for id in ("م0-2", "q1-1")}
OTHERS = {id.replace("م", "q"): text for id, text in TEXTS.items()}
KEEP = {"filtered": "wer <= 20", "unfiltered": ""}


def drawn(root: Path) -> Path:
    sets = [write_data(root / "data/mgb2_train", TEXTS), write_data(root / "data/qasr_train", OTHERS)]
    out = root / "dump/drawn"
    sample.run(Step(sample.SampleConfig(), sets, out, ["data.sample"], ledger=Ledger("data.sample")))
    return out


def test_windows_hold_what_the_filter_keeps_and_all_of_it(whisper: Path, tmp_path: Path) -> None:
    data = drawn(tmp_path)
    labels = write_labels(tmp_path / "labels", {**TEXTS, **OTHERS, **WRONG}, set=data.name)
    selected(tmp_path / "select", data, labels, keep=KEEP)
    for name, kept in (("filtered", {**TEXTS, **OTHERS}.keys() - WRONG.keys()), ("unfiltered", TEXTS | OTHERS)):
        assert set(read_kept(tmp_path / "select", name)) == set(kept)
        packed = pack(tmp_path / name, PackConfig(keep=name), data, whisper, labels, tmp_path / "select")
        assert sorted(packed.ids) == sorted(kept) and not packed.dropped
        assert packed.counts["not_selected"] == 8 - len(kept) and packed.counts["windows"] == 4
    assert len(DataDir.read(data)) == 8


def test_what_survives_is_told_by_the_corpora_that_were_drawn_from(tmp_path: Path) -> None:
    data = drawn(tmp_path)
    selected(tmp_path / "select", data, write_labels(tmp_path / "labels", {**TEXTS, **OTHERS, **WRONG}), keep=KEEP)
    table = (tmp_path / "select/scores.tsv").read_text(encoding="utf-8").splitlines()
    column = table[0].split("\t").index("set")
    of = {line.split("\t")[0]: line.split("\t")[column] for line in table[1:]}
    assert of == {**dict.fromkeys(TEXTS, "mgb2_train"), **dict.fromkeys(OTHERS, "qasr_train")}
    assert "qasr_train" in str(read_json(tmp_path / "select/survival.json"))
