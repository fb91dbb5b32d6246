from __future__ import annotations

from pathlib import Path

import pytest
from tones import task_of

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger
from toolkit.data.kaldi import DataDir, Utterance
from toolkit.tasks.base import Notes, TaskData, Unusable
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.examples import build
from toolkit.tasks.features import SetFeatures
from toolkit.tasks.spelling import transcript
from toolkit.tasks.spelt import Spelling
from toolkit.tasks.task_config import TaskConfig


def made(
    tmp_path: Path, config: TaskConfig, tables: dict[str, dict[str, str]], frames: int = 20
) -> tuple[TaskData, Notes]:
    """Task over sets whose `config.table` is given by set; utterances have no audio, features are `frames` long."""
    sets, features = {}, {}
    for name, table in tables.items():
        folder = tmp_path / name
        folder.mkdir()
        if config.type == "frames":
            lines = (
                f"{id} 1 {0.1 * i:.1f} 0.1 {p}\n" for id, text in table.items() for i, p in enumerate(text.split())
            )
            (folder / "phones.ctm").write_text("".join(lines))
        (folder / config.table).touch()
        ids = sorted({*table, f"{name}-bare"})
        utterances = [Utterance(id, f"{id}.wav", 0.0, None, "s", 1.0) for id in ids]
        sets[name] = DataDir(folder, {config.table: table}, utterances)
        features[name] = SetFeatures(folder, ids, [frames] * len(ids), (1, 2), [])
    notes = Notes(Ledger("test"))
    return build("task", config, sets, features, 50.0, notes), notes


def test_labels_unseen_in_training_are_counted_and_can_only_be_wrong(tmp_path: Path) -> None:
    tables = {"train": {"a": "X", "b": "Y"}, "dev": {"c": "X"}, "test": {"d": "Y", "e": "Z"}}
    data, notes = made(tmp_path, task_of("classify", label="utt2lang"), tables)
    assert (data.labels, data.classes) == (["X", "Y", "Z"], 2)
    assert [e.target.tolist() for e in data.parts["test"]] == [[1], [2]]
    assert notes.counts["task.test.label unseen in training"] == 1


def test_excluded_labels_leave_the_task_and_are_counted(tmp_path: Path) -> None:
    tables = {"train": {"a": "X", "b": "Y", "z": "ENG"}, "dev": {"c": "X"}, "test": {"d": "Y", "e": "ENG"}}
    data, notes = made(tmp_path, task_of("classify", label="utt2lang", exclude=("ENG",)), tables)
    assert data.labels == ["X", "Y"]
    assert [e.id for e in data.parts["test"]] == ["d"]
    assert notes.counts["task.test.label excluded"] == 1
    assert notes.counts["task.test"] == 1


@pytest.mark.parametrize(("asked", "used"), [(1, 1), (2, 2), (3, 2), (16, 2)])
def test_a_batch_is_no_larger_than_the_training_set(asked: int, used: int, tmp_path: Path) -> None:
    tables = {"train": {"a": "X", "b": "Y"}, "dev": {"c": "X"}, "test": {"d": "Y"}}
    data, notes = made(tmp_path, task_of("classify", label="utt2lang", batch=asked), tables)
    assert data.config.batch == used
    assert notes.counts.get("task.batch cut to the training set") == (used if used < asked else None)


def test_what_the_table_calls_unknown_is_no_class_and_is_counted(tmp_path: Path) -> None:
    tables = {
        "train": {"a": "X", "b": "Y", "z": "unknown"},
        "dev": {"c": "X", "y": "unknown"},
        "test": {"d": "Y", "e": "unknown", "f": "unknown"},
    }
    data, notes = made(tmp_path, task_of("classify", label="utt2lang"), tables)
    assert (data.labels, data.classes) == (["X", "Y"], 2)
    assert [e.id for e in data.parts["test"]] == ["d"]
    assert notes.counts["task.test.label excluded"] == 2
    assert "task.test.label unseen in training" not in notes.counts


def test_a_phone_may_be_called_unknown(tmp_path: Path) -> None:
    tables = {"train": {"a": "x unknown"}, "dev": {"c": "x"}, "test": {"d": "x unknown"}}
    data, _ = made(tmp_path, task_of("frames"), tables)
    assert data.labels == ["unknown", "x"]


def test_utterances_without_a_label_get_a_row_in_the_ledger(tmp_path: Path) -> None:
    tables = {"train": {"a": "X", "b": "Y"}, "dev": {"c": "X"}, "test": {"d": "Y"}}
    _, notes = made(tmp_path, task_of("classify", label="utt2lang"), tables)
    assert [(row[0], row[2]) for row in notes.ledger.rows] == [
        (f"{name}-bare", "no utt2lang") for name in ("train", "dev", "test")
    ]


def test_one_label_in_training_is_too_few(tmp_path: Path) -> None:
    tables = {"train": {"a": "X", "b": "X"}, "dev": {"c": "X"}, "test": {"d": "Y"}}
    with pytest.raises(Unusable, match="at least two labels in training and has 1: X"):
        made(tmp_path, task_of("classify", label="utt2lang"), tables)


def test_a_part_without_a_usable_utterance_cannot_serve_a_task(tmp_path: Path) -> None:
    tables: dict[str, dict[str, str]] = {"train": {"a": "X", "b": "Y"}, "dev": {"c": "X"}, "test": {}}
    with pytest.raises(Unusable, match="no utterance of test"):
        made(tmp_path, task_of("classify", label="utt2lang"), tables)


def test_a_transcript_of_more_than_was_read_costs_a_task_of_transcripts_its_training_row_and_no_other_task(
    tmp_path: Path,
) -> None:
    long = "ذهبت مع أخي إلى السوق القديم في وسط المدينة أمس"  # 39 letters in a second
    tables = {"train": {"a": "نعم", "b": long}, "dev": {"c": "نعم"}, "test": {"d": long}}
    for name in ("asr", "lid"):
        (tmp_path / name).mkdir()
    data, notes = made(tmp_path / "asr", task_of("ctc"), tables)
    assert [e.id for e in data.parts["train"]] == ["a"] and [e.id for e in data.parts["test"]] == ["d"]
    assert [row[2] for row in notes.ledger.rows if row[0] == "b"] == ["letters per second"]
    assert [row[:2] for row in notes.warned] == [("d", "letters per second")]
    labels = {"train": {"a": "X", "b": "Y"}, "dev": {"c": "X"}, "test": {"d": "Y"}}
    data, notes = made(tmp_path / "lid", task_of("classify", label="utt2lang"), labels)
    assert [e.id for e in data.parts["train"]] == ["a", "b"] and not notes.warned


def test_training_utterances_too_short_for_their_transcripts_are_dropped_and_test_ones_scored(tmp_path: Path) -> None:
    long = "ab" * 15
    tables = {"train": {"a": "ab", "b": long}, "dev": {"c": "ab"}, "test": {"d": long}}
    data, notes = made(tmp_path, task_of("ctc"), tables)
    assert [e.id for e in data.parts["train"]] == ["a"]
    assert [e.reference for e in data.parts["test"]] == [long]
    assert (
        "b",
        "test",
        "too short for its transcript",
        "task task: 20 frames, stride 1, for 30 characters",
    ) in notes.ledger.rows


def test_characters_unseen_in_training_stay_in_the_reference_and_are_counted(tmp_path: Path) -> None:
    tables = {"train": {"a": "ab"}, "dev": {"c": "ab"}, "test": {"d": "abz"}}
    data, notes = made(tmp_path, task_of("ctc"), tables)
    assert data.parts["test"][0].reference == "abz"
    assert data.parts["test"][0].target.tolist() == [1, 2]
    assert notes.counts["task.test.character unseen in training"] == 1


def test_a_transcript_that_is_too_long_in_characters_is_short_enough_in_pieces(tmp_path: Path) -> None:
    words = ["\u0633\u0644\u0627\u0645", "\u0643\u062a\u0627\u0628", "meeting"]
    long = " ".join(words * 2)
    tables = {"train": {"a": long, "b": words[0]}, "dev": {"c": words[1]}, "test": {"d": f"{words[2]} \u0698"}}
    pieces = {"tokens": "sentencepiece", "pieces": 16}
    (tmp_path / "characters").mkdir()
    spelt, _ = made(tmp_path / "characters", task_of("ctc"), tables)
    data, notes = made(tmp_path, task_of("ctc", **pieces), tables)
    assert [[e.id for e in d.parts["train"]] for d in (spelt, data)] == [["b"], ["a", "b"]]
    assert isinstance(data, Spelling) and data.tokens.name == "sentencepiece 16" and data.classes == 17
    assert data.tokens.decode(data.parts["train"][0].target.tolist()) == long
    assert data.tokens.decode(data.parts["test"][0].target.tolist()) == words[2]
    assert data.parts["test"][0].reference == f"{words[2]} \u0698"
    assert notes.counts["task.test.character unseen in training"] == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"tokens": "sentencepiece", "pieces": 500}, "too small for 500 pieces"),
        ({"decode": "beam", "lm_order": 40}, "n-grams of 40 tokens"),
        ({"decode": "beam", "lm_text": "nowhere.txt"}, "no text for the language model"),
    ],
)
def test_what_would_end_a_task_after_its_training_ends_it_before(
    more: dict[str, object], message: str, tmp_path: Path
) -> None:
    tables = {"train": {"a": "ab"}, "dev": {"c": "ab"}, "test": {"d": "abz"}}
    with pytest.raises(UserError, match=message) as raised:
        made(tmp_path, task_of("ctc", **more), tables)
    assert "task task" in raised.value.where and raised.value.remedy


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"", "no sentence"),
        ("\nژ\n".encode(), "no sentence"),  # nothing that the head can spell
        ("ab\nقال".encode("cp1256"), "not UTF-8 text"),
    ],
)
def test_a_useless_text_for_the_language_model_ends_a_task_before_its_training(
    written: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "more.txt").write_bytes(written)
    tables = {"train": {"a": "ab"}, "dev": {"c": "ab"}, "test": {"d": "abz"}}
    with pytest.raises(UserError, match=message) as raised:
        made(tmp_path, task_of("ctc", decode="beam", lm_text=str(tmp_path / "more.txt")), tables)
    assert "more.txt" in raised.value.where and "lm_text" in raised.value.remedy


def test_frames_of_excluded_and_of_no_phone_do_not_count(tmp_path: Path) -> None:
    tables = {"train": {"a": "x y sil"}, "dev": {"c": "x y"}, "test": {"d": "x sil y"}}
    data, _ = made(tmp_path, task_of("frames", exclude=("sil",)), tables)
    assert data.labels == ["x", "y"]
    # centres at 0.0125, 0.0325, ...: five frames each tenth of a second, five left over at the end
    assert data.parts["test"][0].target.tolist() == [0] * 5 + [-1] * 5 + [1] * 5 + [-1] * 5


def test_transcripts_lose_diacritics_and_punctuation_only_when_told() -> None:
    text = "\u0643\u0650\u062a\u064e\u0627\u0628\u064c  \u061f"
    assert transcript(text, task_of("ctc")) == "\u0643\u062a\u0627\u0628"
    kept = transcript(text, task_of("ctc", strip_diacritics=False, strip_punctuation=False))
    assert kept == "\u0643\u0650\u062a\u064e\u0627\u0628\u064c \u061f"


def test_transcripts_that_look_alike_are_alike() -> None:
    """A mark of direction, a tatweel and presentation forms, as web pages and PDFs have them."""
    plain = "\u0642\u0627\u0644 \u0644\u0627"
    for written in (
        "\u200f\u0642\u0627\u0644\u200f \u0644\u0627\u061c",
        "\ufed7\ufe8e\ufedd \ufefb",
        "\u0642\u0640\u0627\u0644 \ufefb",
    ):
        assert transcript(written, task_of("ctc")) == plain


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("\u0639\u0628\u062f\u0627\ufdf2", "\u0639\u0628\u062f\u0627\u0644\u0644\u0647"),
        ("\ufdf2", "\u0627\u0644\u0644\u0647"),
    ],
)
def test_the_ligature_allah_after_an_alef_is_spelt_with_one_alef(written: str, spelt: str) -> None:
    assert transcript(written, task_of("ctc")) == spelt


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("steps", 0, "steps must be at least 1"),
        ("lr", (), "one or several rates"),
        ("lr", (0.1, -1.0), "above 0"),
        ("dropout", 1.0, "below 1"),
        ("beam", 0, "beam must be at least 1"),
        ("lm_weight", (), "lm_weight must be one or several"),
        ("lm_weight", (-0.1,), "at least 0"),
        ("insertion", (), "insertion one or several"),
        ("batch", 65537, "batch must be at most 65536"),
        ("hidden", 65537, "hidden must be at most 65536"),
        ("layers", 65, "layers must be at most 64"),
    ],
)
def test_settings_of_a_task_that_cannot_be_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        task_of("ctc", **{field: value})


def test_a_classification_without_a_label_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a label"):
        task_of("classify")


def test_a_transcription_has_no_labels_to_exclude() -> None:
    with pytest.raises(ValueError, match="exclude leaves out labels"):
        task_of("ctc", exclude=("ENG",))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"rows": ("mfcc",)}, "mfcc"),
        ({"tasks": {"cost": 1}}, "cost"),
        ({"tasks": {"layers": 1}}, "layers cannot name"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"random_seed": -1}, "random_seed must be at least 0, not -1"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0"),
        ({"clip": -1.0}, "clip must be at least 0"),
        ({"max_hours": -1.0}, "max_hours must be at least 0"),
        ({"encoder_lr": 0.0}, "encoder_lr must be above 0"),
        ({"warmup": -0.1}, "warmup is a share of the steps"),
        ({"cost_seconds": 0.0}, "cost_seconds must be above 0"),
        ({"cost_seconds": 1e9}, "cost_seconds must be above 0 and at most 3600"),
        ({"cost_utterances": 0}, "cost_utterances must be at least 1"),
        ({"threads": 1025}, "threads must be 1 to 1024, not 1025"),
    ],
)
def test_settings_of_the_probes_that_cannot_be_are_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TasksConfig(**{"tasks": {"phone": task_of("frames")}, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"dropped": [["a"]]}'])
def test_a_damaged_index_of_cached_features_is_a_users_mistake(text: str, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(UserError) as e:
        SetFeatures.open(tmp_path)
    assert e.value.where == str(tmp_path / "index.json") and e.value.remedy
