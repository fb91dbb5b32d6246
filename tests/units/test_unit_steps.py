"""units.sample, kmeans, label and quality: from a data directory to labels, and what they refuse."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.data.ark import Features
from toolkit.data.audio import read_audio
from toolkit.data.labels import Labels
from toolkit.units import kmeans, label, quality, sample
from toolkit.units.codebook import Codebook
from toolkit.units.config import UnitsConfig
from toolkit.units.label import LabelConfig
from toolkit.units.mfcc import mfcc
from toolkit.units.quality import QualityConfig

ROOT = Path(__file__).resolve().parents[2]


def test_a_sample_holds_frames_of_its_utterances_in_the_shares_asked_for(
    make_data: Callable[..., Path], run_step: Callable[..., Any], small: dict[str, Any], tmp_path: Path
) -> None:
    data = make_data()
    fields = {**small, "sample.frames": 400, "sample.equal": "true"}
    step = run_step(sample, UnitsConfig, [data], tmp_path / "s", fields)
    features = Features(tmp_path / "s/feats.scp")
    assert step.counts == {"utterances": 4 + 3, "frames": 400, "strata": 2}  # 4 of 50 Arabic frames each; all English
    langs = dict(line.split() for line in (data / "utt2lang").read_text().splitlines())
    for lang in ("MSA", "ENG"):
        assert sum(len(x) for id, x in features.items() if langs[id] == lang) == 200
    for id, x in features.items():
        whole = mfcc(torch.from_numpy(read_audio(tmp_path / f"audio/{id}.wav"))).numpy()
        assert {row.tobytes() for row in x} <= {row.tobytes() for row in whole}
    lengths = dict(line.split() for line in (tmp_path / "s/utt2num_frames").read_text().splitlines())
    assert {id: str(len(x)) for id, x in features.items()} == lengths


def test_a_share_of_the_utterances_leaves_the_others_unread(
    make_data: Callable[..., Path], run_step: Callable[..., Any], small: dict[str, Any], tmp_path: Path
) -> None:
    """A third of the 9 Arabic and of the 3 English ones."""
    fields = {**small, "sample.utterances": 1 / 3}
    step = run_step(sample, UnitsConfig, [make_data()], tmp_path / "s", fields)
    assert step.counts["utterances"] == 4 and step.counts["frames"] <= 700
    langs = dict(line.split() for line in (tmp_path / "train/utt2lang").read_text().splitlines())
    assert sorted(langs[id] for id in Features(tmp_path / "s/feats.scp")) == ["ENG", "MSA", "MSA", "MSA"]


def test_an_unknown_table_to_stratify_by_is_refused_naming_those_there_are(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="utt2dialect") as e:
        run_step(sample, UnitsConfig, [make_data()], tmp_path / "s", {"sample.strata": "utt2dialect"})
    assert "utt2lang" in str(e.value)


def test_labels_are_the_nearest_centroids_of_the_features(chain: Callable[..., Path], tmp_path: Path) -> None:
    made = chain()
    labels, codebook = Labels.open(made / "labels", rate=100.0), Codebook.read(made / "codebook")
    assert (labels.k, labels.codebook, labels.layer) == (8, codebook.hash, "mfcc") and len(labels) == 12
    for id in labels:
        x = mfcc(torch.from_numpy(read_audio(tmp_path / f"audio/{id}.wav"))).double()
        assert len(labels[id]) == len(x)
        distances = torch.cdist(x, codebook.centroids_KP.double())
        chosen = distances.gather(1, torch.from_numpy(labels[id].astype(np.int64))[:, None])[:, 0]
        torch.testing.assert_close(chosen, distances.min(1).values, atol=1e-3, rtol=1e-5)


def test_the_inertia_in_the_codebook_is_that_of_its_sample(chain: Callable[..., Path]) -> None:
    made = chain()
    codebook, about = Codebook.read(made / "codebook"), read_json(made / "codebook/codebook.json")
    x = torch.from_numpy(np.concatenate(list(Features(made / "sample/feats.scp").values()))).double()
    exact = torch.cdist(x, codebook.centroids_KP.double()).min(1).values.square().mean().item()
    assert about["inertia_per_frame"] == pytest.approx(exact, rel=1e-4)
    assert (about["kind"], about["rate"], about["dim"], about["k"]) == ("mfcc", 100.0, 39, 8)


def test_quality_says_what_the_report_reads(chain: Callable[..., Path]) -> None:
    made = chain()
    figures = read_json(made / "quality/quality.json")
    labels = Labels.open(made / "labels")
    assert figures["set"] == "train" and figures["source"] == "mfcc" and figures["frames"] == labels.frames
    assert figures["histogram"] == labels.histogram.tolist()
    assert figures["run_length_ms"] == pytest.approx(10 * figures["run_length_mean"])  # MFCC: a frame every 10 ms
    assert 0 <= figures["pnmi"] <= 1 and 0 < figures["phone_purity"] <= 1 and 0 < figures["cluster_purity"] <= 1
    examples = read_json(made / "quality/examples.json")
    assert len(examples) == 4 and {e["lang"] for e in examples} == {"MSA", "ENG"}
    for e in examples:
        assert e["units"] == labels[e["id"]].tolist() and e["text"] == f"text of {e['id']}" and e["rate"] == 100.0
        assert soundfile.info(made / "quality" / e["wav"]).samplerate == 16000
        assert e["phones"][0] == [0.0, 0.1, "a"]


def test_without_phone_times_the_three_measures_are_null(
    make_data: Callable[..., Path], chain: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    made = chain()
    (tmp_path / "train/phones.ctm").unlink()
    run_step(quality, QualityConfig, [tmp_path / "train", made / "labels"], tmp_path / "q")
    figures = json.loads((tmp_path / "q/quality.json").read_text())
    assert [figures[name] for name in ("phone_purity", "cluster_purity", "pnmi")] == [None] * 3
    assert all(e["phones"] is None for e in read_json(tmp_path / "q/examples.json"))


def spoil(folder: Path) -> dict[str, str]:
    """Break four recordings of a set, of which three cannot be decoded; id -> the reason for the ledger."""
    audio = folder.parent / "audio"
    ids = sorted(line.split()[0] for line in (folder / "wav.scp").read_text().splitlines())
    (audio / f"{ids[0]}.wav").unlink()
    (audio / f"{ids[1]}.wav").write_bytes(b"")
    size = soundfile.info(audio / f"{ids[2]}.wav").frames
    soundfile.write(audio / f"{ids[2]}.wav", np.full(size, np.nan, np.float32), 16000, subtype="FLOAT")
    soundfile.write(audio / f"{ids[3]}.wav", np.zeros(1), 16000)
    table = dict(line.split() for line in (folder / "utt2dur").read_text().splitlines())
    (folder / "utt2dur").write_text("".join(f"{id} {s}\n" for id, s in (table | {ids[3]: "0.0001"}).items()))
    return {ids[0]: "missing", ids[1]: "empty", ids[2]: "non-finite", ids[3]: "shorter than a frame"}


def test_recordings_that_cannot_be_used_get_a_row_and_the_others_their_labels(
    make_data: Callable[..., Path], run_step: Callable[..., Any], small: dict[str, Any], tmp_path: Path
) -> None:
    data = make_data()
    reasons = spoil(data)
    s = run_step(sample, UnitsConfig, [data], tmp_path / "s", small)
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", small)
    labelled = run_step(label, LabelConfig, [data, tmp_path / "c"], tmp_path / "l")
    for step in (s, labelled):
        assert {row[0]: row[2] for row in step.ledger.rows} == reasons
        assert step.counts["utterances"] == 8
    labels = Labels.open(tmp_path / "l")
    assert len(labels) == 8 and not set(labels) & set(reasons)
    done = run_step(quality, QualityConfig, [data, tmp_path / "l"], tmp_path / "q")
    assert done.ledger.reasons() == {"no labels": 4}
    with pytest.raises(UserError, match="4 of 12 utterances have no labels"):
        labels.require([*labels, *reasons])


def test_a_set_of_which_nothing_can_be_read_is_an_error_with_the_reasons(
    make_data: Callable[..., Path], run_step: Callable[..., Any], small: dict[str, Any], tmp_path: Path
) -> None:
    data = make_data(n=3)
    for wav in (tmp_path / "audio").glob("*.wav"):
        wav.unlink()
    with pytest.raises(UserError, match="of no utterance") as e:
        run_step(sample, UnitsConfig, [data], tmp_path / "s", small)
    assert "'missing': 3" in str(e.value)


def test_silent_audio_makes_degenerate_labels_and_is_refused(
    make_data: Callable[..., Path], chain: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    made, silent = chain(), make_data("silent", 3)
    for wav in (tmp_path / "audio").glob("*silent*"):
        soundfile.write(wav, np.zeros(12000), 16000)
    with pytest.raises(UserError, match="degenerate labels"):
        run_step(label, LabelConfig, [silent, made / "codebook"], tmp_path / "l")
    assert not (tmp_path / "l/header.json").exists()


def test_more_clusters_than_frames_is_refused_before_anything_is_read(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    run_step(sample, UnitsConfig, [make_data()], tmp_path / "s", {"sample.frames": 30})
    with pytest.raises(UserError, match="31 clusters of 30 frames"):
        run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", {"kmeans.k": 31})


def test_few_frames_a_cluster_are_said_to_be_few(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_step(sample, UnitsConfig, [make_data()], tmp_path / "s", {"sample.frames": 320})
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "enough", {"kmeans.k": 8})
    assert "note:" not in capsys.readouterr().out
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "few", {"kmeans.k": 9})
    assert "36 frames for each of 9 clusters" in capsys.readouterr().out


def test_a_changed_codebook_and_a_wrong_teacher_are_refused(
    chain: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    made = chain()
    with pytest.raises(UserError, match=r"features\.kind is mfcc"):
        run_step(label, LabelConfig, [tmp_path / "train", made / "codebook", tmp_path / "audio"], tmp_path / "l")
    weights = made / "codebook/codebook.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(UserError, match=r"is not the one that codebook\.json describes"):
        run_step(label, LabelConfig, [tmp_path / "train", made / "codebook"], tmp_path / "l")


def test_an_utterance_in_two_sets_is_refused(
    make_data: Callable[..., Path], chain: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    made = chain()
    again = Path(shutil.copytree(tmp_path / "train", tmp_path / "again"))
    with pytest.raises(UserError, match="12 utterances are in more than one of the sets"):
        run_step(label, LabelConfig, [tmp_path / "train", again, made / "codebook"], tmp_path / "l")


def test_inputs_that_are_missing_are_named(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    data, empty = make_data(), tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match="no codebook among the inputs"):
        run_step(label, LabelConfig, [data], tmp_path / "l")
    with pytest.raises(UserError, match="no sample of features here"):
        run_step(kmeans, UnitsConfig, [empty], tmp_path / "c")
    with pytest.raises(UserError, match="one data directory and one folder of labels"):
        run_step(quality, QualityConfig, [data], tmp_path / "q")
    with pytest.raises(UserError, match="no data directory"):
        run_step(sample, UnitsConfig, [], tmp_path / "s")
