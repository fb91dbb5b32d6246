"""What units are made of: MFCC, or one layer of a speech encoder, behind one interface.

An utterance always passes alone, never padded: the same audio gives the same features whatever stands
beside it (padding changes GroupNorm, and batches change the last bits).

torch is imported only where something is computed: it takes a second and a half, and a step that finds its shards made,
or leaves them to a cluster, does not need it.

Shapes: N samples at 16 kHz, T frames, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import UserError
from ..core.record import Ledger
from ..data.audio import AudioError
from ..data.judge import TOO_SHORT
from ..data.kaldi import Utterance
from ..data.listen import Listener
from . import framing
from .config import FeatureConfig

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class FeatureInfo:
    """What features are; it goes with samples and codebooks, so that those of different features never meet.

    Attributes:
        kind: mfcc or layer.
        source: "mfcc", or "layer 6 of it1.base".
        rate: frames per second.
        dim: width of a frame.
        layer: number of the layer, 0 for MFCC.
        convention: what "layer L" means.
        window_seconds: length of the pieces in which long utterances pass the teacher, 0 for MFCC.
        teacher: hash of the teacher's weights up to that layer, empty for MFCC.
        parameters: number of the whole teacher's weights, 0 for MFCC.
    """

    kind: str
    source: str
    rate: float
    dim: int
    layer: int = 0
    convention: str = ""
    window_seconds: float = 0.0
    teacher: str = ""
    parameters: int = 0

    @classmethod
    def of(cls, tree: dict[str, Any]) -> FeatureInfo:
        """From a mapping that may hold more. Raises KeyError if it holds less."""
        return cls(**{f.name: tree[f.name] for f in fields(cls)})

    def tree(self) -> dict[str, Any]:
        return asdict(self)


class FeatureSource:
    """Waveform [N] float32 -> features [T, D] float32. `info` says what they are; .rate, .dim and .name are of it."""

    def __init__(self, info: FeatureInfo) -> None:
        self.info = info

    @property
    def rate(self) -> float:
        return self.info.rate

    @property
    def dim(self) -> int:
        return self.info.dim

    @property
    def name(self) -> str:
        return self.info.source

    def frames(self, samples: int) -> int:
        """T for N = `samples`; 0 if that is too short."""
        raise NotImplementedError

    def __call__(self, wave_N: np.ndarray) -> Tensor:
        raise NotImplementedError


class MfccSource(FeatureSource):
    """39 coefficients at 100 Hz."""

    def __init__(self) -> None:
        super().__init__(FeatureInfo("mfcc", "mfcc", framing.RATE, framing.DIM))

    def frames(self, samples: int) -> int:
        return framing.frame_count(samples)

    def __call__(self, wave_N: np.ndarray) -> Tensor:
        import torch

        from .mfcc import mfcc

        return mfcc(torch.from_numpy(wave_N))


def preload(teacher: Path | None) -> None:
    """Import what computes features, so that workers forked from this process need not."""
    if teacher:
        from . import layer  # noqa: F401
    else:
        from . import mfcc  # noqa: F401


def open_source(config: FeatureConfig, teacher: Path | None, device: str = "cpu") -> FeatureSource:
    """The source that `config` asks for. Raises UserError if a teacher is wanted and absent, or the reverse."""
    if config.kind == "mfcc":
        if teacher:
            raise UserError(
                "a teacher, but features.kind is mfcc",
                str(teacher),
                "set features.kind: layer, or leave it out of --in",
            )
        return MfccSource()
    if teacher is None:
        raise UserError("features of a layer need a teacher", "--in", "name the folder of the encoder after the data")
    import torch

    from .layer import LayerSource

    torch.set_num_threads(config.threads)  # one thread: OpenMP then starts none, and this process can be forked
    return LayerSource(teacher, config.layer, config.window_seconds, device)


def features_of(
    utterances: Iterable[Utterance], source: FeatureSource, ledger: Ledger, listener: Listener
) -> Iterator[tuple[Utterance, Tensor]]:
    """(utterance, features [T, D]); one that cannot be used gets a row in the ledger, and the next one comes."""
    for u in utterances:
        try:
            features_TD = source(listener.hear(u))
        except AudioError as e:
            ledger.drop(u.id, e.reason, f"{e.what}: {u.path}")
            continue
        if not len(features_TD):
            ledger.drop(u.id, TOO_SHORT, f"{u.seconds:.3f} s")
        elif not features_TD.isfinite().all():
            ledger.drop(u.id, "non-finite features", source.name)
        else:
            yield u, features_TD
