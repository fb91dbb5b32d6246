"""Configs: YAML and flags into frozen dataclasses."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from toolkit.core.config import build, check_threads, field_help, load_config
from toolkit.core.errors import UserError
from toolkit.train.engine.config import OptimConfig


@dataclass(frozen=True)
class Optim:
    peak_lr: float = 1e-3
    """highest learning rate"""
    betas: tuple[float, float] = (0.9, 0.98)
    """Adam's"""


@dataclass(frozen=True)
class Config:
    steps: int
    """number of updates"""
    lang: str = "ar"
    """language"""
    shuffle: bool = True
    """whether"""
    limit: float | None = None
    """seconds"""
    kind: Literal["mfcc", "layer"] = "mfcc"
    """which"""
    rates: tuple[float, ...] = ()
    """several"""
    langs: tuple[str, ...] = ()
    """several words"""
    shares: dict[str, float] = field(default_factory=dict)
    """a number for each name"""
    optim: Optim = field(default_factory=Optim)
    """section"""


def load(tmp_path, text, **overrides):
    path = tmp_path / "it1.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(Config, path, overrides)


def test_a_float_without_a_dot_is_a_float_and_no_is_a_language(tmp_path):
    c = load(tmp_path, "steps: 1e3\nlang: no\nshuffle: no\nlimit: 3\nrates: [1e-3, 5e-4]\noptim: {peak_lr: 5e-4}\n")
    assert (c.steps, c.lang, c.shuffle, c.limit) == (1000, "no", False, 3.0)
    assert c.rates == (1e-3, 5e-4) and c.optim == Optim(5e-4)


def test_flags_win_over_the_file(tmp_path):
    c = load(tmp_path, "steps: 1\noptim: {peak_lr: 1}\n", **{"optim.peak_lr": "2e-4", "limit": "null", "rates": "1,2"})
    assert c.optim.peak_lr == 2e-4 and c.limit is None and c.rates == (1.0, 2.0)


@pytest.mark.parametrize("value", ["ENG FRA", "ENG,FRA", "ENG, FRA", "[ENG, FRA]"])
def test_a_flag_gives_several_words(tmp_path, value):
    assert load(tmp_path, "steps: 1\n", langs=value).langs == ("ENG", "FRA")


@pytest.mark.parametrize("value", ["ENG=0.5 FRA=.1", "ENG=0.5, FRA=1e-1"])
def test_a_flag_gives_a_number_for_each_name_as_the_file_does(tmp_path, value):
    expected = load(tmp_path, "steps: 1\nshares: {ENG: 0.5, FRA: 0.1}\n").shares
    assert load(tmp_path, "steps: 1\nshares: {ARB: 1}\n", shares=value).shares == expected == {"ENG": 0.5, "FRA": 0.1}
    for wrong in ("ENG", "ENG=", "=0.5", "ENG=half"):
        with pytest.raises(UserError, match="shares"):
            load(tmp_path, "steps: 1\n", shares=wrong)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps: 1\noptim: {peek_lr: 1}\n", ["optim.peek_lr", "did you mean optim.peak_lr?"]),
        ("lang: ar\n", ["steps is required"]),
        ("steps: 1.5\n", ["steps: '1.5' is not int"]),
        ("steps: 1\nshuffle: maybe\n", ["shuffle: 'maybe' is not bool"]),
        ("steps: 1\nkind: mfc\n", ["not one of mfcc, layer"]),
        ("steps: 1\nsteps: 2\n", ["key given twice: steps", "line 1"]),
        ("- 1\n", ["must be a mapping"]),
        ("steps: [1\n", ["not a YAML file"]),
        ("steps: " + "[" * 5000 + "\n", ["deeper than 100"]),
        ("steps: 1\nlang: [a, b]\n", ["lang"]),
        ("steps: 1\nlimit: inf\n", ["limit: 'inf' is not a finite number"]),
        ("steps: 1\nrates: [0.1, -inf]\n", ["rates[1]: '-inf' is not a finite number"]),
        ("steps: 1\nshares: {ENG: nan}\n", ["shares.ENG: 'nan' is not a finite number"]),
        ("steps: 1\nlimit: long\n", ["limit: 'long' is not a finite number"]),
        ("steps: 1\noptim: 3\n", ["optim must be a section"]),
        ("steps: 1\noptim: {betas: [1]}\n", ["needs 2 values"]),
        ("steps: !!python/object/apply:os.system [ls]\n", ["a tag (!!python/object/apply:os.system)", "line 1"]),
    ],
)
def test_a_mistake_names_field_file_and_remedy(tmp_path, text, words):
    with pytest.raises(UserError) as e:
        load(tmp_path, text)
    assert all(w in str(e.value) for w in words) and "it1.yaml" in str(e.value)


@pytest.mark.parametrize("threads", [0, -1, 1025, 10**9])
def test_threads_that_would_end_the_process_are_refused_by_name(threads):
    with pytest.raises(ValueError, match=f"loop.threads must be 1 to 1024, not {threads}"):
        check_threads("loop.threads", threads)


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "it1.yaml").write_text("")
    with pytest.raises(UserError, match=r"did you mean it1\.yaml"):
        load_config(Config, tmp_path / "it11.yaml")


def test_help_shows_name_default_and_meaning_of_nested_fields():
    rows = {name: (default, meaning) for name, default, meaning in field_help(Config)}
    assert rows["optim.peak_lr"] == ("0.001", "highest learning rate") and rows["steps"][0] == "(required)"


@dataclass(frozen=True)
class Longer(Config):
    """A config that has one field more than another."""

    rounds: int = 2
    "how often"


def test_help_shows_the_meaning_of_inherited_fields_too():
    rows = field_help(Longer)
    assert rows[:-1] == field_help(Config) and rows[-1] == ("rounds", "2", "how often")


def test_a_refusal_in_post_init_is_a_users_mistake():
    @dataclass(frozen=True)
    class Odd:
        n: int = 1

        def __post_init__(self):
            if self.n % 2 == 0:
                raise ValueError("n must be odd")

    with pytest.raises(UserError, match="n must be odd"):
        build(Odd, {"n": "2"}, "flags")


def written(folder, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_a_config_begins_with_the_one_it_is_like_section_by_section(tmp_path):
    written(tmp_path, base="steps: 5\nlang: en\noptim:\n  peak_lr: 5e-4\n  betas: [0.8, 0.9]\n")
    (tmp_path / "recipe").mkdir()
    written(tmp_path / "recipe", own="like: ../base.yaml\nlang: ar\noptim:\n  peak_lr: 2e-3\n")
    config = load_config(Config, tmp_path / "recipe/own.yaml")
    assert (config.steps, config.lang, config.optim) == (5, "ar", Optim(2e-3, (0.8, 0.9)))


def test_of_several_configs_a_later_one_is_laid_over_the_earlier_section_by_section(tmp_path):
    written(tmp_path, base="steps: 5\noptim:\n  peak_lr: 5e-4\n")
    written(tmp_path, size="like: base.yaml\nlang: en\n", way="lang: ar\noptim:\n  betas: [0.8, 0.9]\n")
    config = load_config(Config, [tmp_path / "size.yaml", tmp_path / "way.yaml"], {"steps": "7"})
    assert (config.steps, config.lang, config.optim) == (7, "ar", Optim(5e-4, (0.8, 0.9)))
    written(tmp_path, wrong="stepz: 5\n")
    with pytest.raises(UserError, match=r"unknown config field stepz") as refused:
        load_config(Config, [tmp_path / "size.yaml", tmp_path / "wrong.yaml"])
    assert "size.yaml" in refused.value.where and "wrong.yaml" in refused.value.where


def test_configs_that_are_like_each_other_are_refused(tmp_path):
    written(tmp_path, a="like: b.yaml\nsteps: 1\n", b="like: a.yaml\n")
    with pytest.raises(UserError, match="`like` each other"):
        load_config(Config, tmp_path / "a.yaml")


def test_a_key_given_twice_hides_no_other_mistake_of_its_file(tmp_path):
    written(tmp_path, a="steps: 1\noptim: {peak_lr: 1, peak_lr: 2}\nsteps: 2\nlagn: ar\n", b="lang: [ar\n")
    with pytest.raises(UserError) as e:
        load_config(Config, tmp_path / "a.yaml")
    assert sorted(part.what for part in e.value.parts) == [
        "key given twice: peak_lr",
        "key given twice: steps",
        "unknown config field lagn",
    ]
    with pytest.raises(UserError) as e:
        load_config(Config, [tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert [part.what for part in e.value.parts][-1] == "not a YAML file" and len(e.value.parts) == 3


def test_a_config_that_is_like_no_file_is_told_with_the_files_path(tmp_path):
    written(tmp_path, a="like: nowhere.yaml\nsteps: 1\n")
    with pytest.raises(UserError) as e:
        load_config(Config, tmp_path / "a.yaml")
    assert e.value.where == f"{tmp_path / 'nowhere.yaml'}, which {tmp_path / 'a.yaml'} is `like`"


@pytest.mark.parametrize("base", ["[base.yaml]", '""', "{a: base.yaml}", '"a\\0b"'])
def test_a_config_is_like_one_file_or_none(tmp_path, base):
    written(tmp_path, base="steps: 1\n", a=f"like: {base}\nsteps: 1\n")
    with pytest.raises(UserError, match="name of one file"):
        load_config(Config, tmp_path / "a.yaml")


def test_a_circle_through_a_linked_folder_is_refused(tmp_path):
    (tmp_path / "sub").symlink_to(".")
    written(tmp_path, a="like: sub/a.yaml\nsteps: 1\n")
    with pytest.raises(UserError, match="`like` each other"):
        load_config(Config, tmp_path / "a.yaml")


@pytest.mark.parametrize("name", ["like", "optim", "lang"])
def test_a_list_that_anchors_make_of_billions_of_words_is_refused_with_a_short_message(tmp_path, name):
    lists = ["&a0 [x, x, x, x]", *(f"&a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))]
    with pytest.raises(UserError) as e:
        load(tmp_path, f"steps: 1\n{name}: [{', '.join(lists)}]\n")
    assert len(str(e.value)) < 5000


@dataclass(frozen=True)
class Limited:
    """A section that refuses some values."""

    steps: int = 1
    rate: float = 1.0
    least: int = 0
    most: int = 9

    def __post_init__(self):
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {self.steps}")
        if self.rate <= 0:
            raise ValueError("rate must be above 0")
        if self.least > self.most:
            raise ValueError("least must not be above most")


@dataclass(frozen=True)
class Whole:
    """A config of two sections."""

    name: str
    loop: Limited = field(default_factory=Limited)
    optim: Optim = field(default_factory=Optim)


def test_all_mistakes_of_a_config_are_told_at_once_each_with_its_place_and_remedy():
    tree = {
        "lop": {},
        "loop": {"steps": "0", "rate": "-1", "least": "5"},
        "optim": {"peek_lr": "1", "betas": ["x", "1"]},
    }
    with pytest.raises(UserError) as e:
        build(Whole, tree, "it1.yaml")
    assert [(part.what, part.remedy) for part in e.value.parts] == [
        ("unknown config field lop", "did you mean loop?"),
        ("loop: steps must be at least 1, not 0", "mend the field named"),
        ("loop: rate must be above 0", "mend the field named"),
        ("unknown config field optim.peek_lr", "did you mean optim.peak_lr?"),
        ("optim.betas: 'x' is not a finite number", "give a finite number"),
        ("config field name is required", "add `name: …`"),
    ]
    assert {part.where for part in e.value.parts} == {"it1.yaml"} and str(e.value).count("remedy:") == 6


def test_a_value_of_another_type_hides_no_other_mistake_of_its_section():
    told = []
    for optim in ({"peak_lr": "0", "clip": "nan"}, {"peak_lr": "0", "clp": "1"}, {"warmup": "-1", "clip": "nan"}):
        with pytest.raises(UserError) as refused:
            build(OptimConfig, optim, "L.yaml")
        told.append([part.what for part in refused.value.parts])
    assert told == [
        ["clip: 'nan' is not a finite number", "optim.peak_lr must be above 0, not 0.0"],
        ["unknown config field clp", "optim.peak_lr must be above 0, not 0.0"],
        ["clip: 'nan' is not a finite number"],  # the rule of warmup is of clip too, which is told already
    ]


def test_a_refusal_that_only_a_default_causes_is_not_told():
    with pytest.raises(UserError) as e:
        build(Limited, {"steps": "0", "most": "2"}, "a.yaml")
    assert [part.what for part in e.value.parts] == ["steps must be at least 1, not 0"]


def test_every_missing_or_broken_file_of_a_config_is_told(tmp_path):
    written(tmp_path, a="steps: [1\n")
    with pytest.raises(UserError) as e:
        load_config(Config, [tmp_path / "a.yaml", tmp_path / "nowhere.yaml"])
    assert [part.what for part in e.value.parts] == ["not a YAML file", "no such config"]


def test_of_a_thousand_mistakes_twenty_are_told_and_the_others_counted(tmp_path):
    with pytest.raises(UserError) as e:
        load(tmp_path, f"steps: 1\nrates: [{', '.join(['x'] * 1000)}]\n")
    assert len(e.value.parts) == 21 and e.value.parts[-1].what == "and 980 mistakes more"


def test_a_config_that_is_a_link_to_nowhere_is_called_one(tmp_path):
    (tmp_path / "it1.yaml").symlink_to(tmp_path / "gone.yaml")
    with pytest.raises(UserError, match=r"the config is a link to .*/gone.yaml, which is not there"):
        load_config(Config, tmp_path / "it1.yaml")


@dataclass(frozen=True)
class Mixed:
    """Fields of several types."""

    count: int | str = "all"
    "how many"
    word_first: str | int = 1
    "the same, named the other way round"
    lr: float | Literal["auto"] | None = None
    "a rate, or auto"
    layers: int | tuple[int, ...] = 1
    "one or several"
    switch: bool | str = False
    "on, off, or a word"


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("count: 3", "count", 3),
        ("count: all", "count", "all"),
        ("count: 2.5", "count", "2.5"),
        ("word_first: 3", "word_first", 3),
        ("word_first: ثلاثة", "word_first", "ثلاثة"),
        ("lr: 1e-3", "lr", 1e-3),
        ("lr: auto", "lr", "auto"),
        ("lr: null", "lr", None),
        ("layers: 3", "layers", 3),
        ("layers: [3, 4]", "layers", (3, 4)),
        ("switch: no", "switch", False),
        ("switch: some", "switch", "some"),
    ],
)
def test_a_field_of_several_types_takes_the_strictest_that_the_value_fits(tmp_path, text, field, value):
    path = tmp_path / "a.yaml"
    path.write_text(text + "\n", encoding="utf-8")
    config = getattr(load_config(Mixed, path), field)
    assert config == value and type(config) is type(value)
    name, _, word = text.partition(": ")
    assert getattr(load_config(Mixed, None, {name: word}), field) == value  # as a flag


def test_a_value_that_fits_no_type_of_a_field_names_them_all():
    with pytest.raises(UserError, match="lr: 'fast' is not one of auto or a finite number"):
        build(Mixed, {"lr": "fast"}, "a.yaml")


def test_help_shows_a_field_of_several_types_with_its_default():
    assert field_help(Mixed)[0] == ("count", "all", "how many")
