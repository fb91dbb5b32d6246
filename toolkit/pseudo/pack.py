"""Pack labelled utterances into windows of 30 s, of one speaker each, with timestamps.

python3 -m toolkit.pseudo.pack --labels pseudo --in data/train MODEL dump/labels --out dump/packs/all
python3 -m toolkit.pseudo.pack --labels pseudo --keep filtered --in data/train MODEL dump/labels dump/select --out ...
python3 -m toolkit.pseudo.pack --labels truth --in data/train MODEL --out dump/packs/truth

Whisper's encoder always processes 30 s; an utterance of 5 s alone would have 25 s of padding. MODEL is the folder of
the Whisper whose tokens the labels are written in. Inputs are told apart by what is in them.

Utterances of a speaker (and language) stay in the order of speech: by id, or by recording and time if the data has
`segments`. They are put into a window until the next one does not fit, by seconds or by tokens; then a new window
begins (next-fit). First-fit-decreasing would leave less padding, but then a window has no preceding text to be
conditioned on, and unrelated neighbours. Nothing is split; the last window of a speaker is kept however short it is,
without other speakers.

Times are multiples of 0.02 s, like Whisper's timestamps; every utterance begins at one.

With transcripts as labels nobody has decoded the audio before: it is decoded here, once, and what cannot be, or is no
speech by the rules of data/judge.py, gets no window. Of pseudo-labels, that is known from their own step.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

from ..core.errors import UserError
from ..core.files import read_json
from ..core.step import Step, main
from ..data.find import read_from_here
from ..data.kaldi import WAV, DataDir, Utterance
from ..data.listen import drop_warned, hear_all
from ..models.model_files import CONFIG
from ..models.older_files import MERGES
from ..models.token_ids import whole
from ..models.vocabulary import LAST_TICK, TICK, TOKENIZER, Vocabulary
from ..score.hypotheses import is_hypotheses, read_hypotheses
from .languages import languages_of, tell_other_languages
from .packing import FRAME, FUZZ, MARKS, Take, in_order, on_grid, ticks_of, windows_of
from .selections import is_selection, read_kept
from .windows import Header, Window, vocabulary_hash, write_windows


@dataclass(frozen=True)
class PackConfig:
    """How utterances and their labels are put into windows."""

    labels: Literal["pseudo", "truth"] = "pseudo"
    """text that the model learns to write; pseudo: hypotheses of pseudo.transcribe; truth: `text` of the data
    directory"""
    keep: str = ""
    """name of a selection of pseudo.select: only its utterances are packed; empty: all"""
    window_seconds: float = 30.0
    """largest length of a window, seconds, up to 30"""
    fill_seconds: float = 0.0
    """utterances are put together up to this many seconds; a longer utterance gets a window alone; smaller gives more,
    shorter windows; 0: up to window_seconds"""
    gap_seconds: float = 0.0
    """silence between two utterances of a window, seconds; larger fits fewer"""
    max_tokens: int = 225
    """largest number of tokens in a window's label, with prompt, timestamps and end; utterances with longer labels are
    dropped; 225 leaves about half of the decoder's 448 positions for the text of the window before"""
    shortest_seconds: float = 0.0
    """shorter utterances are dropped, seconds; larger drops more; 0: none"""
    language: str = "ar"
    """for labels: truth: Whisper's code of the transcripts' language; a pseudo-label carries its own"""
    languages: dict[str, str] = field(default_factory=dict)
    """for labels: truth: Whisper's code for each label of utt2lang in another language, e.g. `ENG: en`"""

    def __post_init__(self) -> None:
        if not TICK <= self.window_seconds <= LAST_TICK * TICK:
            raise ValueError(f"window_seconds must be in [{TICK}, 30]: the encoder sees no more")
        if not 0 <= self.fill_seconds <= self.window_seconds:
            raise ValueError("fill_seconds must be 0, or no more than window_seconds")
        if not 0 <= self.gap_seconds < self.window_seconds:
            raise ValueError("gap_seconds must be at least 0 and shorter than the window")
        if self.max_tokens <= FRAME + MARKS:
            raise ValueError(f"max_tokens must be more than {FRAME + MARKS}, the tokens of prompt, timestamps and end")
        if self.shortest_seconds < 0:
            raise ValueError("shortest_seconds must be at least 0")


@dataclass(frozen=True)
class Label:
    """Label of an utterance: (start, end, text), seconds from its beginning; without times, one segment."""

    language: str
    segments: tuple[tuple[float, float, str], ...]


def pseudo_labels(folder: Path, wanted: set[str], step: Step[PackConfig]) -> dict[str, Label]:
    """Id -> label, for the ids in `wanted`, with a ledger row for each without one. UserError for two of an id."""
    labels: dict[str, Label] = {}
    seen: set[str] = set()
    for row in read_hypotheses(folder):
        if row.id in seen:
            raise UserError(f"two hypotheses of {row.id}", str(folder), "transcribe again")
        seen.add(row.id)
        if row.id not in wanted:
            continue
        if not row.ended:
            step.ledger.drop(row.id, "label cut off", f"the recogniser came to no end: {row.text[:80]}")
        elif not all(math.isfinite(t) for s in row.segments for t in (s.start, s.end)):
            step.ledger.drop(row.id, "label without times", "times that are not finite")
        else:
            timed = tuple((s.start, s.end, s.text) for s in row.segments)
            labels[row.id] = Label(row.language, timed or ((0.0, row.seconds, row.text),))
    for id in sorted(wanted - seen):
        step.ledger.drop(id, "no label", f"not in {folder}")
    return labels


def true_labels(data: DataDir, wanted: set[str], vocabulary: Vocabulary, step: Step[PackConfig]) -> dict[str, Label]:
    """Id -> transcript, of each id in `wanted`; a ledger row for each without one.

    Raises UserError without `text`, and for utterances in another language than the config says.
    """
    if "text" not in data.tables:
        raise UserError(
            "no transcripts here, which `labels: truth` asks for", str(data.path / "text"), "labels: pseudo"
        )
    c, text, spoken = step.config, data.tables["text"], data.tables.get("utt2lang", {})
    labels: dict[str, Label] = {}
    chosen = [u for u in data.utterances if u.id in wanted]
    languages = languages_of(chosen, spoken, c.language, c.languages, vocabulary, "packed")
    for u, language in zip(chosen, languages, strict=True):
        if u.id in text:
            labels[u.id] = Label(language, ((0.0, u.seconds, text[u.id]),))
        else:
            step.ledger.drop(u.id, "no label", f"not in {data.path / 'text'}")
    return labels


def make_take(u: Utterance, label: Label, vocabulary: Vocabulary, step: Step[PackConfig]) -> Take | None:
    """The utterance with its label in tokens; a ledger row and None if no window can hold it."""
    config, ticks = step.config, ticks_of(u.seconds)
    placed = on_grid(label.segments, ticks)
    segments = tuple((start, end, tuple(vocabulary.encode(text))) for start, end, text in placed)
    take = Take(u.id, u.seconds, ticks, segments)
    if u.seconds < config.shortest_seconds:
        step.ledger.drop(u.id, "too short", f"{u.seconds:.3f} s")
    elif ticks > _room(config):
        step.ledger.drop(u.id, "longer than the window", f"{u.seconds:.3f} s, a window {config.window_seconds:g} s")
    elif not segments:
        step.ledger.drop(u.id, "empty label", f"labels: {config.labels}")
    elif FRAME + take.tokens > config.max_tokens:
        step.ledger.drop(u.id, "label too long", f"{FRAME + take.tokens} tokens, max_tokens is {config.max_tokens}")
    else:
        return take
    return None


def make_windows(
    data: DataDir, labels: dict[str, Label], vocabulary: Vocabulary, step: Step[PackConfig]
) -> Iterator[Window]:
    """Every window, by speaker and language. Raises UserError for a language that the model does not know."""
    config = step.config
    for language in sorted({label.language for label in labels.values() if any(text for *_, text in label.segments)}):
        vocabulary.language(language)
    gap = ticks_of(config.gap_seconds) if config.gap_seconds else 0
    fill = math.floor((config.fill_seconds + FUZZ) / TICK) if config.fill_seconds else _room(config)
    for speaker, utterances in groupby(in_order(data), key=lambda u: u.speaker):
        takes: dict[str, list[Take]] = {}
        for u in utterances:
            if u.id in labels and (take := make_take(u, labels[u.id], vocabulary, step)):
                takes.setdefault(labels[u.id].language, []).append(take)
        for language in sorted(takes):
            yield from windows_of(speaker, language, takes[language], fill, gap, config.max_tokens)


def _room(config: PackConfig) -> int:
    """Ticks of a window."""
    return math.floor((config.window_seconds + FUZZ) / TICK)


@dataclass(frozen=True)
class PackInputs:
    """The folders of the command line, told apart by what is in them."""

    data: Path
    model: Path
    labels: Path | None
    select: Path | None


def recognise(paths: list[Path]) -> PackInputs:
    """The inputs by kind. Raises UserError for an unknown input, two of a kind, or a missing one."""
    kinds: dict[str, Path] = {}
    for path in paths:
        model = path / "hf" if (path / "hf" / TOKENIZER).is_file() else path  # where a training writes it
        tests = {
            "data": (path / WAV).is_file(),
            "labels": is_hypotheses(path),
            "select": is_selection(path),
            "model": (model / TOKENIZER).is_file() or (model / MERGES).is_file(),  # the second lacks one, which is told
        }
        kind = next((name for name, fits in tests.items() if fits), "")
        if not kind:
            message = "neither a data directory nor a Whisper's folder, labels or a selection"
            raise UserError(message, str(path), f"see python3 -m toolkit.pseudo.pack --help; a Whisper has {TOKENIZER}")
        if kind in kinds:
            raise UserError(f"two inputs of one kind ({kind}): {kinds[kind]} and {path}", "--in", "leave one out")
        kinds[kind] = model if kind == "model" else path
    for kind, meaning in (
        ("data", "a data directory (with wav.scp)"),
        ("model", "the Whisper whose tokens labels are in"),
    ):
        if kind not in kinds:
            raise UserError(f"an input is missing: {meaning}", "--in", "name it")
    return PackInputs(kinds["data"], kinds["model"], kinds.get("labels"), kinds.get("select"))


def _wanted(data: DataDir, inputs: PackInputs, step: Step[PackConfig]) -> set[str]:
    """Ids to pack: all, or those of the selection. The selection's ledger has a row for the others."""
    ids, keep = {u.id for u in data.utterances}, step.config.keep
    if bool(keep) != bool(inputs.select):
        message = f"no selection to take {keep} from" if keep else "a selection, and no name of what to keep"
        raise UserError(message, "--in and --keep", "name both the output of pseudo.select and --keep NAME, or neither")
    if not inputs.select:
        return ids
    wanted = ids & set(read_kept(inputs.select, keep))
    if not wanted:
        remedy = f"loosen `{keep}` in `keep` of the config of pseudo.select (a higher λ), or leave --keep out"
        raise UserError(f"selection {keep} keeps not one utterance of {inputs.data}", str(inputs.select), remedy)
    step.counts["not_selected"] = len(ids) - len(wanted)
    return wanted


def _counted(windows: Iterable[Window], data: Path, step: Step[PackConfig]) -> Iterator[Window]:
    """The windows; after the last one their counts are in step.counts. Raises UserError if there is no window."""
    n, tokens, full, speakers = 0, 0, 0, set()
    lengths: list[float] = []
    before: Window | None = None
    for window in windows:
        n += 1
        speakers.add(window.speaker)
        lengths += [piece.seconds for piece in window.utterances]
        tokens += sum(len(segment.tokens) for piece in window.utterances for segment in piece.segments)
        full += before is not None and before.id == window.previous and _fits(before, window, step.config)
        before = window
        yield window
    if not n:
        reasons = ", ".join(f"{reason} ({m:,})" for reason, m in step.ledger.reasons().items())
        raise UserError(f"not one utterance can be packed: {reasons}", str(data), "mend what is named")
    seconds, room = math.fsum(lengths), step.config.window_seconds
    padding, alone = (100 * (1 - seconds / (room * count)) for count in (n, len(lengths)))
    step.counts |= {"windows": n, "utterances": len(lengths), "hours": round(seconds / 3600, 4)}
    step.counts |= {"speakers": len(speakers), "tokens": tokens, "closed_by_tokens": full}
    step.counts |= {"fill_percent": round(100 - padding, 2), "padding_percent": round(padding, 2)}
    step.counts["padding_percent_unpacked"] = round(alone, 2)
    print(
        f"{len(lengths):,} utterances, {seconds / 3600:.2f} h, in {n:,} windows of {room:g} s: "
        f"padding {padding:.1f} %, of utterances alone {alone:.1f} %"
    )
    if full:
        print(f"{full:,} windows had room for more audio, and none for its tokens (max_tokens)")


def _fits(before: Window, window: Window, config: PackConfig) -> bool:
    """True if the first utterance of a window fits the window before it by seconds, but not by tokens."""
    end, first = ticks_of(before.seconds), ticks_of(window.utterances[0].seconds)
    return end + (ticks_of(config.gap_seconds) if config.gap_seconds else 0) + first <= _room(config)


def _refuse_small(model: Path, config: PackConfig) -> None:
    """Raise UserError if windows or labels may exceed the positions of the model's encoder or decoder."""
    tree = read_json(model / CONFIG)
    try:
        states, tokens = (
            whole(tree.get(name, default), name)
            for name, default in (("max_source_positions", LAST_TICK), ("max_target_positions", config.max_tokens))
        )
    except ValueError as e:
        raise UserError(f"a broken {CONFIG}: {e}", str(model), "copy it again") from None
    seconds = states * TICK
    if config.window_seconds > seconds + FUZZ:
        message = f"window_seconds is {config.window_seconds:g}, and the encoder sees {seconds:g} s"
        raise UserError(message, str(model), f"window_seconds: {seconds:g}")
    if config.max_tokens > tokens:
        message = f"max_tokens is {config.max_tokens}, and the decoder has {tokens} positions"
        raise UserError(message, str(model), f"max_tokens: {tokens // 2 + 1}, say")


def run(step: Step[PackConfig]) -> None:
    config, inputs = step.config, recognise(step.ins)
    if config.labels == "pseudo" and not inputs.labels:
        raise UserError("no pseudo-labels among the inputs", "--in", "name the output of pseudo.transcribe")
    vocabulary = Vocabulary.read(inputs.model)
    _refuse_small(inputs.model, config)
    data = read_from_here(inputs.data)
    if "utt2spk" not in data.tables:
        print("WARNING: no utt2spk: every utterance is taken for a speaker, and nothing can be packed with it")
    wanted = _wanted(data, inputs, step)
    if config.labels == "truth":
        labels = true_labels(data, wanted, vocabulary, step)
        chosen = [u for u in data.utterances if u.id in labels and make_take(u, labels[u.id], vocabulary, step)]
        labels = {u.id: labels[u.id] for u in chosen}  # so that of no other is told that it is kept
        unfit = hear_all(step, data, chosen)
    else:
        assert inputs.labels
        labels = pseudo_labels(inputs.labels, wanted, step)
        written = {id: label.language for id, label in labels.items()}
        tell_other_languages(written, data.tables.get("utt2lang", {}), vocabulary)
        unfit = drop_warned(step, data.path, inputs.labels, labels)
    labels = {id: label for id, label in labels.items() if id not in unfit}
    header = Header(
        vocabulary_hash(inputs.model),
        config.labels,
        config.window_seconds,
        inputs.data.name,
        str(inputs.data),
        config.keep,
    )
    windows = make_windows(data, labels, vocabulary, step)
    write_windows(step.out, _counted(windows, inputs.data, step), header)


if __name__ == "__main__":
    main(run)
