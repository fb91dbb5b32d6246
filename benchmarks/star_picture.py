"""Time and memory of a step by the length of a clip, as a picture."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import matplotlib
from matplotlib.figure import Figure

COLOURS = ("#0b6e4f", "#b3541e")


def growth_picture(points: Sequence[tuple[float, Sequence[float], Sequence[float]]], names: Sequence[str]) -> str:
    """SVG of (seconds of a clip, seconds of a step of each, peak MB of each). Equal figures give equal bytes."""
    with matplotlib.rc_context({"svg.hashsalt": "sawt", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(7, 2.8), layout="constrained", facecolor="white")
        for axes, part, label in zip(figure.subplots(1, 2), (1, 2), ("seconds of a step", "peak GB"), strict=True):
            for i, name in enumerate(names):
                values = [point[part][i] / (1000 if part == 2 else 1) for point in points]  # type: ignore[index]
                axes.plot([point[0] for point in points], values, marker="o", color=COLOURS[i], label=name)
            axes.set_xlabel("seconds of the clip")
            axes.set_ylabel(label)
            axes.set_ylim(bottom=0)
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
