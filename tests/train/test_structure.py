"""The insides of students beside their teacher's, against cosines written out; which utterances; what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from networks import TINY

from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.kaldi import DataDir, write_data_dir
from toolkit.models.encoder import Encoder
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained
from toolkit.train.objectives.star import paired
from toolkit.train.star_config import StructureConfig
from toolkit.train.structure import compare, drawn, run


def network(seed: int, **changes) -> Hubert:
    config = replace(TINY, **changes)
    model = Hubert(config)
    initialise(model, config, torch.Generator().manual_seed(seed))
    return model


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataDir:
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(1)
    tables: dict[str, dict[str, str]] = {"wav.scp": {}, "utt2spk": {}, "utt2dur": {}}
    for i, samples in enumerate((4000, 16000, 20000, 24000, 64000)):
        id, path = f"متحدث-{i}", folder / f"{i}.wav"
        soundfile.write(path, 0.1 * random.standard_normal(samples), 16000)
        tables["wav.scp"][id], tables["utt2spk"][id], tables["utt2dur"][id] = str(path), id, f"{samples / 16000:.4f}"
    write_data_dir(folder / "set", tables)
    return DataDir.read(folder / "set")


def test_distances_are_those_of_cosines_of_all_pairs_of_frames(data: DataDir) -> None:
    teacher = Encoder(network(1, num_hidden_layers=4, hidden_size=24, num_attention_heads=3), "deep", False)
    student = Encoder(network(2), "thin", False)
    chosen = drawn(data, StructureConfig(utterances=2, seconds=(1.0, 1.3)))
    assert sorted(u.id for u in chosen) == ["متحدث-1", "متحدث-2"]
    told = compare(teacher, [student], chosen, 6)
    sums, entries = np.zeros(3), 0
    for utterance in chosen:
        wave = torch.from_numpy(utterance.audio())[None]
        with torch.no_grad():
            ours, theirs = ([x[0].double().numpy() for x in of.states(wave)] for of in (student, teacher))
        entries += len(ours[0]) ** 2
        for layer, taught in enumerate(paired(2, 4)):
            for t in range(len(ours[0])):
                for u in range(len(ours[0])):
                    cosines = [
                        x[t] @ x[u] / np.linalg.norm(x[t]) / np.linalg.norm(x[u]) for x in (ours[layer], theirs[taught])
                    ]
                    sums[layer] += (cosines[0] - cosines[1]) ** 2
    assert told.students[0].apart == pytest.approx(np.sqrt(sums / entries), abs=1e-4)
    assert told.teacher.apart == (0.0,) * 5 and len(told.teacher.gram) == len(told.teacher.gram[0]) == 6
    assert (told.utterances, told.example) == (2, chosen[0].id)


def test_a_teacher_is_at_no_distance_from_itself(data: DataDir) -> None:
    teacher = Encoder(network(1), "t", False)
    told = compare(teacher, [teacher], drawn(data, StructureConfig()), 60)
    assert max(told.students[0].apart) < 1e-3 and told.students[0].gram == told.teacher.gram


def test_networks_of_other_frames_and_sets_without_a_fitting_utterance_are_refused(data: DataDir) -> None:
    teacher, coarse = Encoder(network(1), "t", False), Encoder(network(2, conv_stride=(10, 8, 8)), "coarse", False)
    with pytest.raises(UserError, match=r"coarse has .* frames"):
        compare(teacher, [coarse], drawn(data, StructureConfig()), 60)
    with pytest.raises(UserError, match="no utterance of 9 to 10 seconds"):
        drawn(data, StructureConfig(seconds=(9, 10)))


def test_the_step_reads_folders_and_is_the_same_every_time(data: DataDir, tmp_path: Path) -> None:
    for name, seed in (("teacher", 1), ("student", 2)):
        save_pretrained(network(seed), tmp_path / name)
    written = []
    for out in ("first", "second"):
        ins = [data.path, tmp_path / "teacher", tmp_path / "student"]
        step = Step(StructureConfig(), ins, tmp_path / out, ["train.structure"], ledger=Ledger("train.structure"))
        step.out.mkdir()
        run(step)
        written.append(read_json(step.out / "structure.json"))
    assert json.dumps(written[0]) == json.dumps(written[1])
    assert written[0]["teacher"]["name"] == "teacher" and step.counts == {"students": 1, "utterances": 4}
