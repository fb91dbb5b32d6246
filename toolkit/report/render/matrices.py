"""Matrices as pictures in the style of the others."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
from markupsafe import Markup

from .plots import STYLE, axes_of, svg_of


def matrix_plot(
    name: str, matrix: Sequence[Sequence[float]], seconds: float, lowest: float, highest: float, label: str
) -> Markup:
    """A square of values between moments of `seconds` of audio, `lowest` dark and `highest` bright."""
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(2.6, 2.4)
        extent = (0.0, seconds, seconds, 0.0)
        image = axes.imshow(
            matrix, cmap="magma", vmin=lowest, vmax=highest, extent=extent, interpolation="nearest", aspect="equal"
        )
        axes.set_xlabel("seconds")
        axes.tick_params(length=0)
        figure.colorbar(image, ax=axes, shrink=0.8).outline.set_visible(False)
        return svg_of(figure, name, label)
