"""Compare the temporal structure inside students with that inside their teacher, layer by layer: structure.json.

Inputs: a data directory, the teacher, and its students: folders of ours or of Hugging Face. Structure is the matrix of
cosines between the states of all pairs of frames of an utterance (a temporal Gram matrix of states of length 1, so that
networks of any width can be compared).

Source: STaR, ICASSP 2024. Shapes: B is 1, T frames, D width, P places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.errors import UserError
from ..core.files import write_json
from ..core.progress import Progress
from ..core.schema import dump
from ..core.seed import seed_of
from ..core.step import Step, main
from ..core.structure_results import STRUCTURE, NetworkStructure, Structure
from ..data.audio import AudioError
from ..data.kaldi import DataDir, Utterance
from ..data.listen import decoded
from ..models.encoder import Encoder, load_encoder
from .objectives.gram import gram_distance
from .objectives.star import paired
from .star_config import StructureConfig


def drawn(data: DataDir, config: StructureConfig) -> list[Utterance]:
    """Utterances of fitting length in a seeded order. Raises UserError if there are none."""
    lowest, highest = config.seconds
    fitting = sorted((u for u in data.utterances if lowest <= u.seconds <= highest), key=lambda u: u.id)
    if not fitting:
        problem = f"no utterance of {lowest:g} to {highest:g} seconds"
        raise UserError(problem, f"seconds ({data.path})", "widen the range")
    order = np.random.default_rng(seed_of(config.seed, "structure")).permutation(len(fitting))
    return [fitting[i] for i in order[: config.utterances]]


def directions(encoder: Encoder, wave_N: Tensor) -> list[Tensor]:
    """States of all layers of one waveform, each frame's of length 1, [1, T, D]."""
    return [F.normalize(x_BTD, dim=-1) for x_BTD in encoder.states(wave_N[None])]


def small_gram(x_BTD: Tensor, places: int) -> tuple[tuple[float, ...], ...]:
    """Cosines between frames, averaged to [P, P], P at most `places`."""
    gram_TT = (x_BTD @ x_BTD.transpose(1, 2))[0]
    size = min(places, len(gram_TT))
    gram_PP = F.adaptive_avg_pool2d(gram_TT[None, None], (size, size))[0, 0]
    return tuple(tuple(round(float(x), 3) for x in row) for row in gram_PP)


def compare(
    teacher: Encoder,
    students: Sequence[Encoder],
    chosen: Sequence[Utterance],
    places: int,
    layers: Sequence[int] = (),
    drop: Callable[[str, str, str], None] = lambda id, reason, detail: None,
) -> Structure:
    """All students on the chosen utterances, of which the first is the example; `layers`: the teacher's for theirs.

    One that cannot be decoded is left out, and `drop(id, reason, detail)` hears of it. Raises UserError if all are, and
    for a student with other frames, or deeper than the teacher.
    """
    pairs = [paired(student.layers, teacher.layers, layers) for student in students]
    apart = [np.zeros(len(layers)) for layers in pairs]
    grams: list[tuple[tuple[float, ...], ...]] = []
    entries, heard = 0, list[Utterance]()
    with torch.no_grad(), Progress("train.structure", len(chosen), "utterances") as progress:
        for utterance in chosen:
            progress.add(1)
            try:
                wave_N = torch.from_numpy(decoded(utterance))
            except AudioError as e:
                drop(utterance.id, e.reason, f"{e.what}: {utterance.path}")
                continue
            number = len(heard)
            heard.append(utterance)
            theirs = directions(teacher, wave_N)
            entries += theirs[0].shape[1] ** 2
            grams += [small_gram(theirs[-1], places)] if number == 0 else []
            for student, of_teacher, sums in zip(students, pairs, apart, strict=True):
                ours = directions(student, wave_N)
                if ours[0].shape[1] != theirs[0].shape[1]:
                    problem = f"{student.name} has {ours[0].shape[1]} frames, {teacher.name} {theirs[0].shape[1]}"
                    raise UserError(f"{problem}, of {utterance.id}", "--in", "compare networks of one frame rate")
                sums += [float(gram_distance(ours[n], theirs[layer])) for n, layer in enumerate(of_teacher)]
                grams += [small_gram(ours[-1], places)] if number == 0 else []
    if not heard:
        raise UserError(
            "not one of the drawn utterances can be decoded", "--in", "mend the audio: see validate --audio"
        )
    insides = [
        NetworkStructure(student.name, tuple(round(float(x), 4) for x in np.sqrt(sums / entries)), gram)
        for student, sums, gram in zip(students, apart, grams[1:], strict=True)
    ]
    first = heard[0]
    seconds = round(sum(u.seconds for u in heard), 2)
    own = NetworkStructure(teacher.name, (0.0,) * (teacher.layers + 1), grams[0])
    return Structure(own, tuple(insides), len(heard), seconds, first.id, round(first.seconds, 2))


def run(step: Step[StructureConfig]) -> None:
    data = DataDir.read(step.input(0, "a data directory"))
    step.input(1, "the teacher")
    teacher, *students = [load_encoder(path) for path in step.ins[1:]]
    torch.set_num_threads(step.config.threads)
    config = step.config
    chosen = drawn(data, config)
    result = compare(teacher, students, chosen, config.places, config.teacher_layers, step.ledger.drop)
    write_json(step.out / STRUCTURE, dump(result))
    step.counts |= {"students": len(students), "utterances": result.utterances}


if __name__ == "__main__":
    main(run)
