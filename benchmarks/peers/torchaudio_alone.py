"""torchaudio beside a CPU build of torch: its Python parts, without the compiled extension, which wants CUDA.

Nothing that is measured here uses the extension (compliance.kaldi, functional.compute_deltas, models.hubert).
Import this before torchaudio.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any


def _unchanged(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


_extension = types.ModuleType("torchaudio._extension")
_extension._IS_TORCHAUDIO_EXT_AVAILABLE = False  # type: ignore[attr-defined]
_extension._IS_ALIGN_AVAILABLE = False  # type: ignore[attr-defined]
_extension._check_cuda_version = lambda: None  # type: ignore[attr-defined]
_extension.fail_if_no_align = _unchanged  # type: ignore[attr-defined]
sys.modules["torchaudio._extension"] = _extension
