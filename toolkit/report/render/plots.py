"""Pictures as SVG that takes its colours and its font from the page, so that dark mode and phones are served.

Drawn by matplotlib with placeholder colours, which become the page's CSS variables; text stays text.
Equal figures give equal bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..value import Value

# Placeholder -> CSS variable. Any six distinct colours that nothing else draws in would do.
COLOURS = {
    "#0a0b01": "--ink",
    "#0a0b02": "--muted",
    "#0a0b03": "--rule",
    "#0a0b04": "--accent",
    "#0a0b05": "--second",
    "#0a0b06": "--third",
}
INK, MUTED, RULE, ACCENT, SECOND, THIRD = COLOURS
SERIES = (ACCENT, SECOND, THIRD)
STYLE = {
    "svg.hashsalt": "sawt",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
}
POINTS = 400
"""points of a curve that are drawn at most: a long run's losses are averaged to this"""


LONGEST = 28
"""characters of a label; the table beside the picture has it whole"""


def svg_of(figure: Figure, name: str, description: str) -> Markup:
    """SVG element of a figure; ids get `name` before them, since several stand in one page."""
    buffer = io.StringIO()
    with warnings.catch_warnings():  # it is the browser that draws the letters, in a font that has them
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", text)
    text = text.replace(f"font-family: '{STYLE['font.family']}'", "font-family: var(--sans)")
    for placeholder, variable in COLOURS.items():
        text = text.replace(placeholder, f"var({variable})")
    head = Markup('<svg role="img" aria-label="{}"').format(description)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return head + Markup(text.removeprefix("<svg").rstrip())


def axes_of(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"


def loss_plot(name: str, curves: Sequence[tuple[str, Sequence[float], Sequence[float]]], label: str) -> Markup:
    """Curves (name, steps, values) over steps; the first is the training's, drawn strong."""
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(3.8, 2.3)
        for i, (title, steps, values) in enumerate(curves):
            x, y = thinned(steps, values)
            few = len(x) <= 60 and i > 0
            axes.plot(
                x,
                y,
                color=SERIES[i % 3],
                label=title,
                linewidth=1.5,
                marker="o" if few or len(x) == 1 else "",
                markersize=3,
            )
        axes.set_xlabel("step")
        axes.set_ylabel(label)
        axes.grid(axis="y")
        axes.tick_params(length=0)
        if len(curves) > 1:
            axes.legend(labelcolor=INK)
        return svg_of(figure, name, f"{label} over training steps: {', '.join(c[0] for c in curves)}")


DASHES = ("-", (0, (4, 2)), (0, (1, 1.5)))


def lines_plot(
    name: str, lines: Sequence[tuple[str, Sequence[float], Sequence[float]]], place: str, label: str
) -> Markup:
    """Curves (name, places, values) of several arms: each has its own pair of colour and dashes."""
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(3.8, 2.9)
        for i, (title, places, values) in enumerate(lines):
            x, y = thinned(places, values)
            dots = "o" if len(x) <= 10 else ""
            dashes = DASHES[i // len(SERIES) % len(DASHES)]
            axes.plot(x, y, color=SERIES[i % len(SERIES)], label=title, linestyle=dashes, marker=dots, markersize=3)
        axes.set_xlabel(place)
        axes.set_ylabel(label)
        axes.grid(axis="y")
        axes.tick_params(length=0)
        axes.legend(labelcolor=INK, ncols=2)
        return svg_of(figure, name, f"{label} over {place}: {', '.join(title for title, _, _ in lines)}")


def arms_plot(
    name: str, arms: Sequence[tuple[str, Sequence[tuple[str, Sequence[float], Sequence[float]]]]], label: str
) -> Markup:
    """Curves (kind, steps, values) over steps of several trainings: a colour each, its first kind thin, dev dotted."""
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(3.8, 2.6)
        for i, (arm, curves) in enumerate(arms):
            for kind, steps, values in curves:
                x, y = thinned(steps, values)
                dev = kind == "dev"
                dashes = (0, (4, 2)) if dev else "-"
                colour, title, width = SERIES[i % 3], f"{arm}, {kind}", 1.7 if dev else 1.1
                dots = "o" if len(x) <= 60 and dev else ""
                axes.plot(x, y, color=colour, label=title, linewidth=width, linestyle=dashes, marker=dots, markersize=3)
        axes.set_xlabel("step")
        axes.set_ylabel(label)
        axes.grid(axis="y")
        axes.tick_params(length=0)
        axes.legend(labelcolor=INK, ncols=2)
        return svg_of(figure, name, f"{label} over training steps: {', '.join(arm for arm, _ in arms)}")


def rate_plot(
    name: str, curves: Sequence[tuple[str, Sequence[tuple[float, float]], Sequence[float]]], label: str
) -> Markup:
    """Curves (title, points, chosen rates) of a figure over learning rates on a log axis; the chosen ones ringed."""
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(3.8, 2.3 + 0.17 * ((len(curves) + 1) // 2))
        for i, (title, points, chosen) in enumerate(curves):
            line = ("-", (0, (4, 2)), (0, (1, 1.5)))[(i // 3) % 3]
            x, y = [rate for rate, _ in points], [value for _, value in points]
            colour = SERIES[i % 3]
            axes.plot(x, y, color=colour, linestyle=line, linewidth=1.4, marker="o", markersize=3, label=_short(title))
            rings = [point for point in points if point[0] in chosen]
            x, y = [rate for rate, _ in rings], [value for _, value in rings]
            axes.plot(x, y, "o", markersize=9, markerfacecolor="none", markeredgecolor=colour)
        tried = sorted({rate for _, points, _ in curves for rate, _ in points})
        axes.set_xscale("log")
        axes.set_xticks(tried, [f"{rate:g}" for rate in tried])
        axes.minorticks_off()
        axes.set_xlabel("learning rate")
        axes.set_ylabel(f"{label} on dev")
        axes.grid(axis="y")
        axes.tick_params(length=0)
        figure.legend(labelcolor=INK, loc="outside upper left", ncols=2, borderaxespad=0)
        words = "; ".join(f"{title}: {', '.join(f'{x:g} {y:.1f}' for x, y in points)}" for title, points, _ in curves)
        return svg_of(figure, name, f"{label} on dev by learning rate: {words}")


def layer_plot(name: str, test: Mapping[int, Value], best: int | None, chance: float | None, label: str) -> Markup:
    """Figure of each layer with its interval as a band; the layer that dev chose ringed, chance dashed."""
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(3.8, 2.3)
        x, y = list(test), [e.value for e in test.values()]
        low = [e.value if e.low is None else e.low for e in test.values()]
        high = [e.value if e.high is None else e.high for e in test.values()]
        axes.fill_between(x, low, high, color=ACCENT, alpha=0.2, linewidth=0)
        axes.plot(x, y, color=ACCENT, linewidth=1.5, marker="o", markersize=3)
        if best is not None and best in test:
            at = test[best].value
            axes.plot(
                [best], [at], "o", markersize=9, markerfacecolor="none", markeredgecolor=SECOND, markeredgewidth=2
            )
        if chance is not None:
            axes.axhline(chance, color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("layer")
        axes.set_ylabel(label)
        axes.grid(axis="y")
        axes.tick_params(length=0)
        words = "; ".join(f"layer {layer} {value}" for layer, value in test.items())
        return svg_of(figure, name, f"{label} by layer: {words}")


def thinned(steps: Sequence[float], values: Sequence[float], points: int = POINTS) -> tuple[list[float], list[float]]:
    """At most `points` means over neighbouring values, in order."""
    if len(steps) <= points:
        return list(steps), list(values)
    groups = [np.array_split(np.asarray(x, dtype=np.float64), points) for x in (steps, values)]
    return [float(g.mean()) for g in groups[0]], [float(g.mean()) for g in groups[1]]


def interval_plot(name: str, rows: Sequence[tuple[str, Value, bool]], chance: float | None, label: str) -> Markup:
    """A dot with its interval for each row (title, estimate, whether it is a model of this run), chance dashed."""
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(3.8, 0.35 + 0.3 * len(rows))
        for y, (_, estimate, ours) in enumerate(rows):
            colour = ACCENT if ours else MUTED
            if estimate.low is not None and estimate.high is not None:
                axes.plot(
                    [estimate.low, estimate.high], [y, y], color=colour, linewidth=2, solid_capstyle="round", alpha=0.55
                )
            axes.plot([estimate.value], [y], "o", color=colour, markersize=6)
            axes.annotate(
                estimate.figure, (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
                va="center", color=colour, fontsize=9, annotation_clip=False,
            )  # fmt: skip
        if chance is not None:
            axes.axvline(chance, color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        axes.set_yticks(range(len(rows)), [_short(title) for title, _, _ in rows])
        for tick, (_, _, ours) in zip(axes.get_yticklabels(), rows):
            tick.set_color(INK if ours else MUTED)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="x")
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        words = "; ".join(f"{title} {estimate}" for title, estimate, _ in rows)
        return svg_of(figure, name, f"{label}: {words}")


def quality_plot(name: str, rows: Sequence[tuple[str, dict[str, float]]]) -> Markup:
    """Bars of each measure (0 to 1) for each iteration."""
    measures = list(dict.fromkeys(measure for _, values in rows for measure in values))
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(3.8, 0.5 + len(rows) * (0.25 * len(measures) + 0.18 * (len(rows) > 1)))
        height = 0.8 / len(rows)
        opacity = np.linspace(0.4, 1.0, len(rows)) if len(rows) > 1 else [1.0]  # the newest is the strongest
        for i, (tag, values) in enumerate(rows):
            y = [measures.index(m) + (i - (len(rows) - 1) / 2) * height for m in values]
            axes.barh(y, list(values.values()), height=height * 0.8, color=ACCENT, alpha=opacity[i], label=_short(tag))
            for at, value in zip(y, values.values()):
                axes.annotate(
                    f"{value:.3f}", (value, at), xytext=(4, 0), textcoords="offset points", va="center", color=INK
                )
        axes.set_yticks(range(len(measures)), measures)
        axes.set_xlim(0, 1)
        axes.invert_yaxis()
        axes.grid(axis="x")
        axes.tick_params(length=0)
        if len(rows) > 1:
            figure.legend(labelcolor=INK, loc="outside upper left", borderaxespad=0)
        words = "; ".join(f"{tag}: {', '.join(f'{m} {v:.3f}' for m, v in values.items())}" for tag, values in rows)
        return svg_of(figure, name, f"Unit quality by iteration: {words}")


def histogram_plot(name: str, counts: Sequence[float]) -> Markup:
    """Share of frames of each unit, the most frequent first; the even share dashed."""
    shares = np.sort(np.asarray(counts, dtype=np.float64))[::-1]
    shares = 100 * shares / max(shares.sum(), 1.0)
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(3.8, 2.2)
        axes.stairs(shares, np.arange(len(shares) + 1), fill=True, color=ACCENT, alpha=0.8, linewidth=0)
        axes.axhline(100 / len(shares), color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        axes.set_xlim(0, len(shares))
        axes.set_xlabel("units, most frequent first")
        axes.set_ylabel("share of frames, %")
        axes.grid(axis="y")
        axes.tick_params(length=0)
        return svg_of(figure, name, f"Share of frames of each of {len(shares)} units, most frequent first")


def survival_plot(name: str, curves: Sequence[tuple[str, Sequence[float], Sequence[float]]], label: str) -> Markup:
    """Percent that each limit leaves, (title, limits, percent) of each curve; the first is drawn strong."""
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(3.8, 2.5)
        for i, (title, limits, shares) in enumerate(curves):
            strong = i == 0
            line = ("-", (0, (4, 2)), (0, (1, 1.5)))[(i // 3) % 3]
            axes.plot(limits, shares, linestyle=line, color=SERIES[i % 3], label=_short(title))
            axes.lines[-1].set(linewidth=1.8 if strong else 1.1, marker="o", markersize=3.5 if strong else 2)
        axes.set_ylim(0, 103)
        axes.set_xlabel("λ, WER %")
        axes.set_ylabel(label)
        axes.grid(axis="y")
        axes.tick_params(length=0)
        if len(curves) > 1:
            figure.legend(labelcolor=INK, loc="outside upper left", ncols=3, borderaxespad=0)
        words = "; ".join(f"{title}: {', '.join(f'{x:g} {y:.1f}' for x, y in zip(*xy))}" for title, *xy in curves)
        return svg_of(figure, name, f"{label} by λ: {words}")


def bins_plot(name: str, edges: Sequence[float], counts: Sequence[float], label: str) -> Markup:
    """Counts between edges."""
    with matplotlib.rc_context(STYLE):
        figure, axes = axes_of(3.8, 2.0)
        axes.stairs(counts, edges, fill=True, color=ACCENT, alpha=0.8, linewidth=0)
        axes.set_xlim(edges[0], edges[-1])
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(label)
        axes.set_ylabel("labels")
        axes.grid(axis="y")
        axes.tick_params(length=0)
        return svg_of(figure, name, f"{label}: how many labels between {edges[0]:g} and {edges[-1]:g}")
