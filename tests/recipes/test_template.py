"""What the options of the ssl template change: the steps inside stages, never the stages."""

import pytest
from conftest import House

ABLATIONS = [
    ("--targets", "raw"),
    ("--targets", "both"),
    ("--layers", "it1.base it2.L"),
    ("--tuned", ""),
    ("--tuned", "S ST"),
    ("--start", "1 6"),
    ("--max-hours", "0.01"),
    ("--twin-seed", "5"),
]


@pytest.fixture(scope="module")
def house(new_house) -> House:
    return new_house()


def listed(house: House, *words: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Names of the stages, and (inputs, output) of every step, as --list shows them."""
    code, output = house.run("mini/ssl", "--preset", "nano", "--list", *words)
    assert code == 0, output
    lines = output.splitlines()
    steps = [line.split(" -> ") for line in lines if " -> " in line]
    return [line.split()[1] for line in lines if line[:3].strip().isdigit()], [(a.strip(), b) for a, b in steps]


@pytest.mark.parametrize("words", ABLATIONS, ids=" ".join)
def test_no_option_renumbers_a_stage(house: House, words: tuple[str, str]) -> None:
    assert listed(house, *words)[0] == listed(house)[0]


def test_the_ablation_adds_students_of_raw_units_and_leaves_the_others_as_they_are(house: House) -> None:
    usual, both = listed(house)[1], listed(house, "--targets", "both")[1]
    students = {out for _, out in both} - {out for _, out in usual}
    assert {f"nano/exp/it3-raw/{model}" for model in ("codebook", "quality", "S", "ST")} <= students
    # Only the probes, which hear the new rows alone, and the report get more inputs.
    assert [step for step in usual if step not in both] == [usual[-4], usual[-1]]


def test_a_model_more_is_a_row_more_of_the_same_output(house: House) -> None:
    usual, more = (listed(house, "--tuned", tuned, "--upstreams", up)[1] for tuned, up in (("S", ""), ("S ST", "/m/x")))
    assert [out for _, out in usual] == [out for _, out in more]
    added = [set(b.split()) - set(a.split()) for (a, _), (b, _) in zip(usual, more, strict=True)]
    assert [names for names in added if names] == [{"/m/x"}, {"nano/exp/it3-pca/ST"}]


def test_a_student_that_begins_with_its_teacher_has_it_among_its_inputs(house: House) -> None:
    of = {out: ins.split() for ins, out in listed(house, "--start", "1 6")[1]}
    assert "nano/exp/it2/L" in of["nano/exp/it3-pca/S"] and "nano/exp/it2/L" not in of["nano/exp/it3-pca/ST"]


def test_a_second_seed_gives_quality_other_units_of_the_dev_set_and_touches_nothing_else(house: House) -> None:
    usual, twins = listed(house)[1], listed(house, "--twin-seed", "5", "--targets", "pca")[1]
    of = {out: ins.split() for ins, out in twins}
    for book, teacher in (("it1", []), ("it2", ["nano/exp/it1/base"]), ("it3-pca", ["nano/exp/it2/L"])):
        assert of[f"nano/exp/{book}/twin"] == [f"nano/dump/{book.partition('-')[0]}/sample"]
        assert of[f"nano/dump/{book}/twin"] == ["nano/dump/sets/dev", f"nano/exp/{book}/twin", *teacher]
        units = f"nano/dump/{book}"
        assert of[f"nano/exp/{book}/quality"] == ["nano/dump/sets/dev", f"{units}/labels", f"{units}/twin"]
    changed = [out for ins, out in usual if (ins, out) not in twins]
    assert changed == [f"nano/exp/{book}/quality" for book in ("it1", "it2", "it3-pca")]


def test_targets_that_there_are_not_are_refused(house: House) -> None:
    code, output = house.run("mini/ssl", "--preset", "nano", "--targets", "ica", "--list")
    assert code == 2 and "--targets is pca, raw or both, not ica" in output


@pytest.mark.parametrize(
    ("words", "model"),
    [
        (("--layers", "it2.L it3.S"), "it3.S"),
        (("--layers", "*"), "it3-pca.*"),
        (("--tuned", "L"), "it3-pca.L"),
        (("--tuned", "it3-pca.S", "--targets", "raw"), "it3-pca.S"),
    ],
)
def test_a_model_that_there_is_not_is_refused(house: House, words: tuple[str, ...], model: str) -> None:
    code, output = house.run("mini/ssl", "--preset", "nano", "--list", *words)
    student = "it3-raw" if "raw" in words else "it3-pca"
    models = f"it1.base it2.L {student}.S {student}.ST"
    assert code == 2 and output == f"error: {words[0]}: no model {model}; there are {models}\n"


def test_names_are_not_taken_for_patterns_of_files(house: House) -> None:
    ins = {out: ins.split() for ins, out in listed(house, "--upstreams", "/models/* /models/xls?")[1]}
    assert ins["nano/exp/probe"][-2:] == ["/models/*", "/models/xls?"]


@pytest.mark.parametrize("recipe", ["folder/ssl", "asterisk/ssl"])
def test_the_other_recipes_are_whole_tables(house: House, recipe: str) -> None:
    code, output = house.run(recipe, "--list")
    assert code == 0 and " results " in output, output


@pytest.mark.parametrize(
    ("recipe", "out", "words"),
    [
        ("fleurs/ssl", "data", ()),
        ("fleurs/ssl", "data", ("--data", "tables/of_fleurs")),
        ("qasr/whisper", "data", ()),
        ("dialect_mor/ssl", "data", ()),
        ("harness/ssl", "mgb2", ()),
        ("superb/superb", "iemocap", ("--iemocap", "/corpora/iemocap")),
        ("to_distill/whisper", "mgb3", ("--corpora", "mgb3 fleurs")),
    ],
)
def test_a_config_called_as_the_output_of_a_corpus_is_handed_to_its_step(
    house: House, recipe: str, out: str, words: tuple[str, ...]
) -> None:
    file = house.root / "egs" / recipe / "conf" / f"{out}.yaml"
    assert f"conf/{out}.yaml" not in house.run(recipe, "--dry-run", *words)[1]
    file.parent.mkdir(exist_ok=True)
    file.write_text("take: {channel: left}\n", encoding="utf-8")
    try:
        code, output = house.run(recipe, "--dry-run", *words)
    finally:
        file.unlink()
    assert code == 0, output
    given = [line for line in output.splitlines() if f"conf/{out}.yaml" in line]
    assert len(given) == 1 and "toolkit.data.corpora." in given[0]
