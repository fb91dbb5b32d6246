"""Streaming principal components against scikit-learn, and the units that are made of them."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.core.identity import identity
from toolkit.core.registry import declared
from toolkit.data.audio import read_audio
from toolkit.data.labels import Labels
from toolkit.units import kmeans, label, sample
from toolkit.units.codebook import Codebook
from toolkit.units.config import PcaConfig, UnitsConfig
from toolkit.units.features import MfccSource
from toolkit.units.label import LabelConfig
from toolkit.units.pca import Moments, Projection, principal_components


def frames(rows: int = 20_000, dim: int = 24, mean: float = 0.0) -> np.ndarray:
    """Correlated frames of falling variance, float32 [rows, dim]."""
    rng = np.random.default_rng(7)
    turned = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    return ((rng.standard_normal((rows, dim)) * 0.8 ** np.arange(dim)) @ turned + mean).astype(np.float32)


def learnt(x_ND: np.ndarray, config: PcaConfig, part: int = 777) -> Projection:
    moments = Moments(x_ND.shape[1])
    for start in range(0, len(x_ND), part):
        moments.add(torch.from_numpy(x_ND[start : start + part]))
    return principal_components(moments, config)


@pytest.mark.parametrize("mean", [0.0, 1000.0])
@pytest.mark.parametrize("whiten", [False, True])
def test_components_are_those_of_scikit_learn(whiten: bool, mean: float) -> None:
    x_ND = frames(mean=mean)
    theirs = PCA(6, svd_solver="full", whiten=whiten).fit(x_ND.astype(np.float64))
    ours = learnt(x_ND, PcaConfig(6, whiten))
    assert ours.kept == pytest.approx(theirs.explained_variance_ratio_.sum(), rel=1e-6)
    expected_NP = theirs.transform(x_ND.astype(np.float64))
    sign_P = np.sign((ours(torch.from_numpy(x_ND)).numpy() * expected_NP).sum(0))  # a direction's sign is free
    np.testing.assert_allclose(ours(torch.from_numpy(x_ND)).numpy(), expected_NP * sign_P, atol=3e-5 * (1 + mean))
    scale_P = np.sqrt(theirs.explained_variance_) if whiten else np.ones(6)
    np.testing.assert_allclose(
        ours.components_DP.numpy() * sign_P, (theirs.components_ / scale_P[:, None]).T, atol=2e-5
    )


def test_how_the_frames_are_parted_changes_nothing_that_can_be_seen() -> None:
    x_ND = frames(3000)
    one, in_parts = (learnt(x_ND, PcaConfig(5), part) for part in (3000, 13))
    torch.testing.assert_close(one.components_DP, in_parts.components_DP, atol=1e-6, rtol=0)
    again = learnt(x_ND, PcaConfig(5), 13)
    assert torch.equal(again.components_DP, in_parts.components_DP) and torch.equal(again.mean_D, in_parts.mean_D)


def test_all_components_keep_all_distances() -> None:
    x_ND = torch.from_numpy(frames(200, 8))
    y_NP = learnt(x_ND.numpy(), PcaConfig(8))(x_ND).double()
    torch.testing.assert_close(torch.pdist(y_NP), torch.pdist(x_ND.double()), atol=1e-5, rtol=1e-5)


def test_the_sign_of_a_component_is_settled() -> None:
    components_DP = learnt(frames(), PcaConfig(6)).components_DP
    assert (components_DP.gather(0, components_DP.abs().argmax(0)[None]) > 0).all()


@pytest.mark.parametrize(
    ("x_ND", "config", "message"),
    [
        (frames(50, 4), PcaConfig(5), "ask for 4 at most"),
        (frames(4, 24), PcaConfig(4), "ask for 3 at most"),
        (frames(1, 4), PcaConfig(1), "of 1 frames"),
        (np.repeat(frames(50, 2), 2, 1), PcaConfig(3, True), "has no variance to be divided by"),
    ],
)
def test_more_components_than_the_frames_have_are_refused(x_ND: np.ndarray, config: PcaConfig, message: str) -> None:
    with pytest.raises(UserError) as refusal:
        learnt(x_ND, config)
    assert message in str(refusal.value)


def test_a_config_of_no_components_to_whiten_is_refused() -> None:
    with pytest.raises(UserError, match=r"pca\.whiten"):
        load_config(UnitsConfig, None, {"pca.whiten": "true"})


def test_units_of_principal_components_are_the_nearest_of_their_centroids(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    data, fields = make_data(n=6), {"kmeans.k": 9, "sample.frames": 300, "pca.dim": 7}
    run_step(sample, UnitsConfig, [data], tmp_path / "s", {"sample.frames": 300})
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", fields)
    run_step(label, LabelConfig, [data, tmp_path / "c"], tmp_path / "l")
    labels, codebook = Labels.open(tmp_path / "l"), Codebook.read(tmp_path / "c")
    assert codebook.projection and codebook.centroids_KP.shape == (9, 7)
    assert (labels.k, labels.header.pca, labels.codebook) == (codebook.k, 7, codebook.hash)
    mean_D, components_DP = codebook.projection.mean_D.double(), codebook.projection.components_DP.double()
    for id in labels:
        x_TP = (MfccSource()(read_audio(tmp_path / f"audio/{id}.wav")).double() - mean_D) @ components_DP
        distances_TK = torch.cdist(x_TP, codebook.centroids_KP.double())
        nearest = distances_TK.min(1).values
        assert (
            distances_TK.gather(1, torch.from_numpy(labels[id].astype(np.int64))[:, None])[:, 0] - nearest
        ).max() < 1e-3


def test_as_many_components_as_dimensions_give_the_units_of_the_features_themselves(
    make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    data, fields = make_data(n=8), {"kmeans.k": 6, "sample.frames": 600}
    run_step(sample, UnitsConfig, [data], tmp_path / "s", fields)
    for name, dim in (("raw", 0), ("pca", 39)):
        run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / name, {**fields, "pca.dim": dim})
        run_step(label, LabelConfig, [data, tmp_path / name], tmp_path / f"{name}-labels")
    raw, pca = (Labels.open(tmp_path / f"{name}-labels") for name in ("raw", "pca"))
    units = [np.concatenate([labels[id] for id in raw]) for labels in (raw, pca)]
    assert np.mean(units[0] == units[1]) > 0.99  # rounding may tip a frame between two centroids, and no more


def test_a_sweep_of_clusters_or_components_keeps_the_sample(tmp_path: Path) -> None:
    config = tmp_path / "it3.yaml"

    def ids(text: str) -> tuple[dict[str, str], dict[str, str]]:
        config.write_text(text)
        sampled, clustered = (["units." + step, "--config", str(config), "--out", "o"] for step in ("sample", "kmeans"))
        return identity(sampled), identity(clustered)

    one, more = ids("seed: 1\nkmeans: {k: 100}\n"), ids("seed: 1\nkmeans: {k: 500}\npca: {dim: 32}\n")
    assert one[0] == more[0] and one[1] != more[1]
    assert one[0] != ids("seed: 2\nkmeans: {k: 100}\n")[0] and one[0] != ids("seed: 1\nsample: {frames: 5}\n")[0]
    assert {*declared("units.sample").reads} | {"pca", "kmeans"} == {f.name for f in fields(UnitsConfig)}
