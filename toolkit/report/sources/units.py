"""Codebooks and unit quality, as units.kmeans and units.quality leave them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from .resultfile import ResultFile, broken

HEADER = "header.json"
TEACHER = re.compile(r"layer \d+ of ([^\s,;]+)")


@dataclass(frozen=True)
class Codebook:
    """Of one iteration.

    Attributes:
        tag: the iteration: the name of the folder that holds the codebook's.
        source: "mfcc", or "layer 9 of it2.L".
        pca: dimensions that PCA left of the features, 0 without PCA; None where the file does not say.
        hash: that travels with the labels made by it; empty where the file does not say.
        parameters: of the teacher network the features came from, 0 for MFCC; None where the file does not say.
    """

    tag: str
    source: str
    k: int
    rate: float | None
    inertia: float | None
    pca: int | None = None
    hash: str = ""
    parameters: int | None = None


@dataclass(frozen=True)
class Targets:
    """What a network was trained to predict: units of `source` made by the codebook with that hash."""

    source: str
    codebook: str
    pca: int | None

    @property
    def layer(self) -> str:
        """`layer 9 of it2.L`, whatever else the source says of what was made of it."""
        match = TEACHER.match(self.source)
        return match[0] if match else self.source

    @property
    def teacher(self) -> str | None:
        """`it2.L` of "layer 9 of it2.L"; None for MFCC."""
        match = TEACHER.match(self.source)
        return match[1] if match else None


@dataclass(frozen=True)
class Example:
    """An utterance to listen to: `units` at `rate` Hz, `phones` as (start s, duration s, phone)."""

    id: str
    text: str
    lang: str
    wav: Path
    rate: float
    units: list[int]
    phones: list[tuple[float, float, str]] | None


@dataclass(frozen=True)
class Quality:
    """Of the units of one set.

    Attributes:
        rate: frames per second; run_length_mean: frames, run_length_ms: milliseconds; None where it is not said.
        nmi, adjusted_rand: agreement with the units of another seed; None where there were none.
        frames_with_phone: frames that the three measures against phones are of; these are None without phone times.
        doubts: what speaks against the phone times.
    """

    tag: str
    set: str
    source: str
    k: int
    rate: float | None
    frames: int
    frames_with_phone: int | None
    clusters_used: int
    entropy_bits: float
    run_length_mean: float
    run_length_ms: float | None
    phone_purity: float | None
    cluster_purity: float | None
    pnmi: float | None
    nmi: float | None
    adjusted_rand: float | None
    histogram: list[float]
    synthetic: bool
    examples: list[Example]
    doubts: list[str] = field(default_factory=list)


def iteration(folder: Path) -> str:
    """exp/it1/quality -> it1."""
    return folder.absolute().parent.name


def read_codebook(folder: Path) -> Codebook:
    file = ResultFile.read(folder / "codebook.json")
    return Codebook(
        tag=iteration(folder),
        source=file.text("source"),
        k=file.whole("k"),
        rate=_rate(file),
        inertia=file.maybe("inertia_per_frame"),
        pca=file.whole("pca") if file.has("pca") else None,
        hash=file.text("hash") if file.has("hash") else "",
        parameters=file.whole("parameters") if file.has("parameters") else None,
    )


def read_targets(labels: Path) -> Targets | None:
    """Of header.json in a folder of units; None for a folder of other things. Raises UserError for a broken header."""
    if not (labels / HEADER).is_file():
        return None
    file = ResultFile.read(labels / HEADER)
    if not file.has("codebook") and not file.has("layer"):
        return None  # of texts
    pca = file.whole("pca") if file.has("pca") else None
    return Targets(file.text("layer"), file.text("codebook"), pca)


def _rate(file: ResultFile) -> float | None:
    """Frames per second; None where the file does not say."""
    rate = file.maybe("rate")
    if rate is not None and rate <= 0:
        raise broken(file.path, f"{file.prefix}rate is {rate}, not above 0")
    return rate


def read_quality(folder: Path) -> Quality:
    file = ResultFile.read(folder / "quality.json")
    histogram, k = file.numbers("histogram"), file.whole("k")
    twin = file.section("agreement") if file.has("agreement") else None
    if len(histogram) != k:
        raise broken(file.path, f"histogram has {len(histogram)} bins, k is {k}")
    return Quality(
        tag=iteration(folder),
        set=file.text("set"),
        source=file.text("source"),
        k=k,
        rate=_rate(file),
        frames=file.whole("frames"),
        frames_with_phone=file.whole("frames_with_phone") if file.has("frames_with_phone") else None,
        clusters_used=file.whole("clusters_used"),
        entropy_bits=file.number("entropy_bits"),
        run_length_mean=file.number("run_length_mean"),
        run_length_ms=file.maybe("run_length_ms"),
        phone_purity=file.maybe("phone_purity"),
        cluster_purity=file.maybe("cluster_purity"),
        pnmi=file.maybe("pnmi"),
        nmi=twin.number("nmi") if twin else None,
        adjusted_rand=twin.number("adjusted_rand") if twin else None,
        histogram=histogram,
        synthetic=bool(file.tree.get("synthetic")),
        examples=_examples(folder),
        doubts=[str(doubt) for doubt in file.listed("doubts")] if file.has("doubts") else [],
    )


def _examples(folder: Path) -> list[Example]:
    path = folder / "examples.json"
    return [_example(folder, file) for file in ResultFile.read_list(path)] if path.is_file() else []


def _example(folder: Path, file: ResultFile) -> Example:
    wav = folder / file.text("wav")
    if not wav.resolve().is_relative_to(folder.resolve()):
        raise broken(file.path, f"{file.prefix}wav leads out of the folder")
    if not wav.is_file():
        raise broken(file.path, f"{file.prefix}wav names {file.text('wav')}, which is missing")
    rate = _rate(file) or file.number("rate")
    phones = None
    if file.has("phones"):
        phones = [_phone(file, i, phone) for i, phone in enumerate(file.listed("phones"))]
    return Example(
        id=file.text("id"),
        text=file.text("text") if file.has("text") else "",
        lang=file.text("lang") if file.has("lang") else "",
        wav=wav,
        rate=rate,
        units=[int(u) for u in file.numbers("units")],
        phones=phones,
    )


def _phone(file: ResultFile, i: int, phone: object) -> tuple[float, float, str]:
    if not isinstance(phone, list) or len(phone) != 3:
        raise broken(file.path, f"{file.prefix}phones[{i}] is not [start, duration, phone]")
    start, duration = ResultFile(file.path, {"times": phone[:2]}, f"{file.prefix}phones[{i}].").numbers("times")
    return start, duration, str(phone[2])
