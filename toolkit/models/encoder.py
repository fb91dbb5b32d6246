"""One interface for all speech encoders: our own, and those of Hugging Face.

Layer convention, here and in every label header: state 0 is the input of block 1, state L the residual
stream after block L (1-based); the final LayerNorm of pre-LN networks is not applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.seed import seed_of
from .config import HubertConfig, samples_under
from .foreign_encoder import foreign_config, load_foreign
from .hubert import Hubert, Inside, initialise, own_frames
from .hugging_face import load_pretrained, read_config
from .input_settings import normalizes
from .macs import Macs, benchmark_macs
from .model_files import (
    CONFIG,
    OF_ENCODER,
    PREPROCESSOR,
    PROCESSOR,
    WEIGHTS,
    encoder_type,
    find_folder,
    refuse_without_weights,
)
from .weight_headers import refuse_unlike_network

SAMPLE_RATE = 16000
CONVENTION = "residual stream after block L, 1-based; 0 = input of block 1; no final LayerNorm"
EXAMPLE = "facebook/hubert-base-ls960"


class Encoder(nn.Module):
    """A speech encoder in eval mode, whose parameters are frozen until `trainable` is called.

    Attributes:
        model: Hubert, or a model of transformers.
        name: `it1.base` for exp/it1/base, else the folder's or the hub's name.
        dim, layers: `states` gives layers + 1 tensors of width dim.
        rate: frames a second.
        parameter_count: number of weights.
        macs: multiply-accumulate operations over the benchmark's clips; None: not counted for such a network.
    """

    def __init__(self, model: nn.Module, name: str, normalize: bool) -> None:
        super().__init__()
        config = cast(Any, model).config
        self.model, self.name, self.normalize = model, name, normalize
        self.dim, self.layers = int(config.hidden_size), int(config.num_hidden_layers)
        self._convolutions = tuple(zip(config.conv_kernel, config.conv_stride))
        self._squeeze = int(getattr(config, "squeeze_factor", 1))  # of SEW: frames that its blocks see as one
        self.rate = SAMPLE_RATE / self.hop
        self.parameter_count = sum(p.numel() for p in model.parameters())
        self.macs: Macs | None = benchmark_macs(config)
        self.requires_grad_(False).eval()

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        hop = self._squeeze
        for _, stride in self._convolutions:
            hop *= stride
        return hop

    @property
    def field(self) -> int:
        """Samples under one frame."""
        return samples_under(self._squeeze, self._convolutions)

    def final_norm(self, state_BTD: Tensor) -> Tensor:
        """The last state as the network itself gives it: after the final LayerNorm of a pre-LN network."""
        model = cast(Any, self.model)
        before = getattr(model.config, "do_stable_layer_norm", False)
        return cast(Tensor, model.encoder.layer_norm(state_BTD)) if before else state_BTD

    def frames(self, samples: int) -> int:
        """Number of frames of `samples` samples."""
        for kernel, stride in self._convolutions:
            samples = (samples - kernel) // stride + 1
        return max(samples, 0) // self._squeeze

    def trainable(self, freeze_convolutions: bool = False) -> Encoder:
        """This encoder with trainable parameters; its states carry gradients.

        In training mode it uses the dropout of its config, but skips no block and masks no frame, as users of its
        states expect all of them.
        """
        model = cast(Any, self.model)
        self.requires_grad_(True)
        if isinstance(model, Hubert):
            model.encoder.layerdrop = 0.0
            model.feature_extractor.requires_grad_(not freeze_convolutions)
        elif hasattr(model.config, "apply_spec_augment"):
            model.config.layerdrop, model.config.apply_spec_augment = 0.0, False
            if freeze_convolutions:
                model.feature_extractor._freeze_parameters()  # else it would ask for gradients of its input
        return self

    @property
    def takes_padding(self) -> bool:
        """True if `states` accepts waveforms of unequal length."""
        return isinstance(self.model, Hubert)

    def normalized(self, wave: Tensor) -> Tensor:
        """Waveforms [..., N] with mean 0 and variance 1 if the network was trained so, else unchanged."""
        return nn.functional.layer_norm(wave, wave.shape[-1:]) if self.normalize else wave

    def states(
        self,
        wave_BN: Tensor,
        samples: Sequence[int] | None = None,
        normalize: bool = True,
        masks_norms: bool = True,
    ) -> list[Tensor]:
        """States 0 to `layers`, each [B, T, D] in float32, of waveforms at 16 kHz.

        Raises UserError if they are too short for a single frame.

        Args:
            samples: length of each before padding; None: all are equally long. The first `frames(n)` states of a
                waveform of n samples equal those of it alone, up to rounding.
            normalize: False for pieces of waveforms that `normalized` has processed.
            masks_norms: False: padding counts in norms over time, as in fairseq and transformers: states then depend on
                the padding. Every network takes waveforms of unequal length so.
        """
        inside = self.inside(wave_BN, samples, normalize=normalize, masks_norms=masks_norms)
        return [x_BTD.float() for x_BTD in inside.states]

    def inside(
        self,
        wave_BN: Tensor,
        samples: Sequence[int] | None = None,
        mask_BT: Tensor | None = None,
        maps: bool = False,
        normalize: bool = True,
        masks_norms: bool = True,
    ) -> Inside:
        """As `states`, in the network's own precision, with the features before positions are added.

        Raises UserError for a network that does not give what is asked for.

        Args:
            mask_BT: True where a frame is replaced by the network's mask embedding.
            maps: attention maps too.
        """
        lengths = [wave_BN.shape[1]] * len(wave_BN) if samples is None else list(samples)
        padded = lengths if len({*lengths, wave_BN.shape[1]}) > 1 else None
        if padded and masks_norms and not self.takes_padding:
            raise ValueError(f"{self.name} takes waveforms of one length only")
        if self.frames(min(lengths)) < 1:
            raise UserError(
                f"{min(lengths)} samples are too few for one frame of {self.name}",
                "",
                "leave out utterances shorter than 25 ms",
            )
        if normalize:
            wave_BN = self._each_normalized(wave_BN, padded)
        inside = Inside(maps=[] if maps else None)
        if isinstance(self.model, Hubert):
            self.model(wave_BN, mask_BT, inside=inside, samples=padded, masks_norms=masks_norms)
            return inside
        if maps or mask_BT is not None:
            problem = f"{self.name} is no HuBERT, whose {'attention maps' if maps else 'frames'} could be "
            problem += "read" if maps else "masked"
            raise UserError(problem, "", "take a HuBERT as a teacher, or losses without attention and without masks")
        own_B = torch.tensor(padded or [], device=wave_BN.device)
        masked = {"attention_mask": own_frames(own_B, wave_BN.shape[1])} if padded else {}
        with _recorded(cast(Any, self.model), inside):
            self.model(wave_BN, **masked)
        return inside

    def _each_normalized(self, wave_BN: Tensor, samples: Sequence[int] | None) -> Tensor:
        """`normalized` waveforms of a padded batch, each over its own samples; None: all are equally long."""
        if samples is None or not self.normalize:
            return self.normalized(wave_BN)
        size = wave_BN.shape[1]
        each = [(self.normalized(wave_N[:n]), size - n) for wave_N, n in zip(wave_BN, samples, strict=True)]
        return torch.stack([nn.functional.pad(own_N, (0, padding)) for own_N, padding in each])


@contextmanager
def _recorded(model: Any, inside: Inside) -> Iterator[None]:
    """Note the features, the first layer's input and every layer's output while the block runs.

    The last hidden state of transformers includes the final LayerNorm.
    """

    def projected(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        inside.projected = output[0] if isinstance(output, tuple) else output

    def entered(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        inside.states.append(args[0] if args else kwargs["hidden_states"])

    def left(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        inside.states.append(output[0] if isinstance(output, tuple) else output)

    layers = model.encoder.layers
    hooks = [layers[0].register_forward_pre_hook(entered, with_kwargs=True)]
    hooks += [layer.register_forward_hook(left) for layer in layers]
    if hasattr(model, "feature_projection"):
        hooks.append(model.feature_projection.register_forward_hook(projected))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def load_encoder(path: Path | str, device: torch.device | str = "cpu") -> Encoder:
    """Encoder of a folder of ours, of a Hugging Face folder, or of a model on the Hugging Face hub.

    Raises UserError if it is missing, is no speech encoder, or its weights are incomplete or only there as pickles.
    """
    folder, name = _folder(path, OF_ENCODER), encoder_name(path)
    refuse_without_weights(folder, str(path))
    model = load_pretrained(folder) if _ours(folder) else load_foreign(folder)
    return Encoder(model, name, hears_normalized(path)).to(device)


def hears_normalized(path: Path | str) -> bool:
    """True if the encoder at `path` hears waveforms of mean 0 and variance 1; no weights are loaded."""
    folder = _folder(path, OF_ENCODER)
    config = _ours(folder)
    return config.normalize_waveform if config else normalizes(folder)


def _ours(folder: Path) -> HubertConfig | None:
    """The shape of a network that our code reads; None for one that transformers reads."""
    return read_config(folder) if (folder / WEIGHTS).is_file() else None


def refuse_unusable(path: Path | str) -> None:
    """Raise UserError for a folder that holds no speech encoder, or none with weights that can be read."""
    folder = _folder(path, OF_ENCODER)
    refuse_without_weights(folder, str(path))
    refuse_unlike_network(folder)


def random_encoder(path: Path | str, seed: int, device: torch.device | str = "cpu") -> Encoder:
    """Encoder with the shape of the one at `path` and random initial weights."""
    folder = _folder(path, (CONFIG, PREPROCESSOR, PROCESSOR))
    config = read_config(folder)
    if config is not None:
        model: nn.Module = Hubert(config)
        initialise(model, config, torch.Generator().manual_seed(seed_of(seed, "init")))
        return Encoder(model, "random", config.normalize_waveform).to(device)
    from transformers import AutoModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, "init"))
        model = AutoModel.from_config(foreign_config(folder), trust_remote_code=False)
    return Encoder(model, "random", normalizes(folder)).to(device)


def encoder_shape(path: Path | str) -> tuple[int, int]:
    """(dim, layers) of the encoder at `path`, from its configuration; no weights are loaded."""
    folder = _folder(path, (CONFIG,))
    config: Any = read_config(folder, inputs=False) or foreign_config(folder)
    return int(config.hidden_size), int(config.num_hidden_layers)


def encoder_name(path: Path | str) -> str:
    """exp/it1/base -> it1.base, exp/it1/base/at/10 -> it1.base.at10; any other folder or hub name: its last part."""
    path = Path(path)
    if (path / "hf").is_dir():
        path = path.resolve()
        if path.parent.name == "at":  # weights kept by loop.keep_at
            return f"{encoder_name(path.parents[1])}.at{path.name}"
        return path.name if path.parent.name in ("", "exp") else f"{path.parent.name}.{path.name}"
    return path.name


def _folder(path: Path | str, wanted: Sequence[str]) -> Path:
    """Folder of the speech encoder at `path`, or of the one with that name on the hub. Raises UserError."""
    folder = find_folder(path, "speech encoder", EXAMPLE, wanted)
    encoder_type(folder)
    return folder
