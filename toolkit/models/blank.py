"""Networks without numbers: the shapes of all tensors, no memory, for weights that are put in afterwards.

Building on the meta device alone would import torch._dynamo and sympy (1 to 3 s), because filling a meta tensor with
random numbers does. Here nothing is filled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


@contextmanager
def blank() -> Iterator[None]:
    """Modules built inside have their parameters on the meta device, as `load_state_dict(assign=True)` wants them."""
    with torch.device("meta"), _Unfilled():
        yield


class _Unfilled(TorchFunctionMode):
    """Leaves out every function of torch.nn.init."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return named["tensor"] if "tensor" in named else args[0]
        return func(*args, **named)
