"""The report of a whole chain: iteration 1, a teacher, students of PCA and of raw units, a fine-tuned student."""

import re
import shutil
from pathlib import Path

import pytest
from report import chain

from toolkit.core.errors import UserError
from toolkit.report.compare import comparisons
from toolkit.report.content import gather
from toolkit.report.document import document
from toolkit.report.model_table import model_table
from toolkit.report.page import cards, page
from toolkit.report.paper import our_table
from toolkit.report.results import collect
from toolkit.report.run_tables import training_table, unit_table

L, S, ST, RAW = "it2.L", "it3-pca.S", "it3-pca.ST", "it3-raw.S"
FIGURE = {row: dict(zip(chain.TASKS, figures)) for row, figures in chain.FIGURES.items()}


def dicts(table):
    """Rows by their first cell, each by column."""
    titles = [column.title for column in table.columns]
    return {str(row[0]): dict(zip(titles, row)) for row in table.rows}


def compared(results):
    return {comparison.title: comparison for comparison in comparisons(results)}


def contests(results, beginning):
    """(row, other) of every contest of the comparison whose title begins so."""
    found = [c for title, c in compared(results).items() if title.startswith(beginning)]
    return [(contest.name, contest.other) for c in found for contest in c.contests]


def test_a_model_stands_between_its_random_twin_and_its_tuned_self_in_the_order_of_the_chain(recipe):
    recipe.chain()
    wanted = ["fbank", "fbank_stacked"]
    for model in chain.NETWORKS:
        wanted += [f"random.{model}", model, *([f"{model}.tuned"] if model == ST else [])]
    assert [row.name for row in collect(chain.ins()).rows] == wanted
    shuffled = [*chain.ins()[-8:], *chain.ins()[:-8]]
    assert [row.name for row in collect(shuffled).rows] == wanted


def test_twins_are_muted_models_strong_and_every_model_begins_a_group(recipe):
    results = collect(recipe.chain() and chain.ins())
    table = model_table(results)
    names = [row.name for row in results.rows]
    assert {names[i] for i in table.muted} == {name for name in names if name.startswith("random")}
    assert {names[i] for i in table.strong} == {name for name in names if name[:2] == "it"}
    assert {names[i] for i in table.first - {len(names)}} == {name for name in names if name.startswith("random")}


def test_compression_of_twins_and_tuned_rows_is_that_of_their_shape(recipe):
    rows = dicts(model_table(collect(recipe.chain() and chain.ins())))
    for name, (parameters, *_) in chain.NETWORKS.items():
        share = f"{100 * (1 - parameters / 6_400_000):.1f}"
        assert {row["Compression %"] for title, row in rows.items() if re.search(rf"{name}(?![\w])", title)} == {share}


def test_every_model_is_held_against_its_own_twin_and_the_chain_decides_the_rest(recipe):
    results = collect(recipe.chain() and chain.ins())
    assert [results.twin(model).name for model in results.models] == [f"random.{name}" for name in chain.NETWORKS]
    assert contests(results, "Another iteration") == [(L, "it1.base")]
    assert contests(results, "What compression costs") == [(S, L), (ST, L), (RAW, L)]
    assert contests(results, "Thin against wide") == [(ST, S)]
    assert contests(results, "PCA units") == [(S, RAW)]
    assert contests(results, "Fine-tuned") == [(f"{ST}.tuned", ST)]


def test_no_other_comparison_holds_a_tuned_row_against_a_frozen_one(recipe):
    results = collect(recipe.chain() and chain.ins())
    names = [name for title, c in compared(results).items() if title[:4] != "Fine" for x in c.contests
             for name in (x.name, x.other)]  # fmt: skip
    assert not any("tuned" in name for name in names)


@pytest.mark.parametrize("beginning", ["Against a random", "What compression", "Thin", "PCA units", "Another"])
def test_the_outcome_follows_from_the_paired_interval_whichever_side_it_was_written_from(recipe, beginning):
    results = collect(recipe.chain() and chain.ins())
    for name, other in contests(results, beginning):
        verdicts = next(
            x.verdicts
            for title, c in compared(results).items()
            if title.startswith(beginning)
            for x in c.contests
            if (x.name, x.other) == (name, other)
        )
        for task, verdict in verdicts.items():
            difference = FIGURE[name][task] - FIGURE[other or f"random.{name}"][task]
            better = -difference if task == "asr" else difference
            decided = "ahead" if better > 0 else "behind"
            assert verdict.outcome == (decided if abs(difference) > chain.HALF else "not told apart"), (name, task)
            assert verdict.difference.value == pytest.approx(difference)
            assert verdict.paired


def test_pairs_of_rows_that_are_not_here_are_said_to_be_left_out(recipe):
    recipe.chain()
    shutil.rmtree(f"exp/probe/{RAW}")
    strange = sum(RAW in (p["row"] + p["other"]) for p in chain.pairs())
    said = [s for s in gather(chain.without(RAW)).statement.cautions if "left out" in s]
    assert said == [f"{strange} paired differences are left out: they are of it3-raw.S and random.it3-raw.S."]


def test_without_pairs_the_two_intervals_decide_and_it_is_said(recipe):
    recipe.chain()
    text = document(gather(chain.ins()[:-1]))
    assert "†: no paired test; judged by the intervals of the two figures." in text
    assert "†" not in document(gather(chain.ins()))


def test_what_a_student_keeps_is_its_share_of_the_teachers_figure(recipe):
    shows = [str(said) for said in gather(recipe.chain() and chain.ins()).statement.shows]
    share = {task: FIGURE[ST][task] / FIGURE[L][task] for task in chain.TASKS}
    assert shows[-2] == (
        f"What {ST} keeps of {L}, with {100 * (1 - 0.49 / 6.4):.1f} % fewer parameters: phone {share['phone']:.0%}, "
        f"ASR {share['asr']:.2f} times the error, dialect {share['dialect']:.0%}, emotion {share['emotion']:.0%}."
    ).replace("%,", " %,").replace("%.", " %.")


def test_of_a_teacher_that_learnt_nothing_on_a_task_there_is_nothing_to_keep(recipe):
    recipe.chain()
    pairs = chain.pairs()
    for entry in pairs:
        if (entry["row"], entry["other"], entry["task"]) == (L, f"random.{L}", "emotion"):
            entry.update(percent=0.4, low=-3.0, high=3.8)
    recipe.json("exp/compare/pairs.json", pairs)
    statement = gather(chain.ins()).statement
    kept = [str(said) for said in statement.shows if "keeps of" in str(said)]
    assert len(kept) == 3
    assert all("phone" in said and "emotion" not in said for said in kept)
    assert (
        f"What students keep of {L}: it is not ahead of its random initialisation on emotion, "
        "so there is nothing to keep."
    ) in map(str, statement.lacks)
    cells = next(table for table in statement.tables if table.title.startswith("What compression")).rows[0]
    assert [("keeps" in str(cell) or "times" in str(cell)) for cell in cells[1:]] == [True, True, True, False]


def test_a_teacher_that_is_not_above_its_iteration_1_is_said_not_to_be(recipe):
    recipe.chain()
    pairs = chain.pairs()
    for entry in pairs:
        if (entry["row"], entry["other"]) == (L, "it1.base"):
            entry.update(percent=0.1, low=-3.0, high=3.0)
    recipe.json("exp/compare/pairs.json", pairs)
    lacks = [str(said) for said in gather(chain.ins()).statement.lacks]
    assert (
        "Another iteration, against the network that made its units: "
        "it2.L against it1.base ahead on none, not told apart on all 4 tasks."
    ) in lacks


def test_table_4_lists_the_teacher_its_students_and_the_tuned_one_with_dialect_relative_to_the_teacher(recipe):
    rows = dicts(our_table(collect(recipe.chain() and chain.ins()), True))
    assert [re.sub(r".*\(|\)", "", title) for title in rows] == [L, S, ST, f"{ST}, fine-tuned", RAW]
    change = 100 * (FIGURE[S]["dialect"] / FIGURE[L]["dialect"] - 1)
    assert rows[f"iteration 3 ({S})"]["Dialect relative to L"] == f"−{abs(change):.1f} %"
    assert rows[f"iteration 2 ({L})"]["Dialect relative to L"] is None
    assert rows[f"{ST}, fine-tuned"]["Dialect relative to L"] is None


def test_the_head_of_the_page_speaks_of_the_teacher(recipe):
    phone, _, size, _ = cards(collect(recipe.chain() and chain.ins()))
    assert (phone.figure, size.figure) == (f"{FIGURE[L]['phone']:.1f}", "6.40M")
    assert phone.under.startswith("it2.L; n 20,111 frames; random initialisation 35.1")
    assert phone.under.endswith("; stacked FBANK 66.4 [64.1, 68.7]")


def test_table_4_gives_the_figures_by_beam_search_and_says_which_decoding(recipe):
    recipe.chain()
    recipe.edit(f"exp/probe/{ST}.tuned/{ST}.tuned/asr.json", others={"wer": {"percent": 70.0}}, decoding=...)
    table = our_table(collect(chain.ins()), True)
    rows, beam = dicts(table), "by beam search (beam 16, order 4, lm weight 0.5, insertion 0 over characters)"
    assert rows[f"iteration 2 ({L})"]["ASR WER % ↓"].value == FIGURE[L]["asr"] + 12
    assert rows[f"{ST}, fine-tuned"]["ASR WER % ↓"].value == 70.0
    (said,) = (note for note in table.notes if note.startswith("ASR WER: "))
    assert said.startswith(f"ASR WER: {beam} for iteration 2 ({L}), ")
    assert said.endswith(f"; greedy for {ST}, fine-tuned.")


def test_steps_and_learning_rates_of_fine_tuning_are_told_where_they_differ(recipe):
    recipe.chain()
    alike = gather(chain.ins())
    assert not any("fine-tuned 150" in note for note in alike.models.notes)
    recipe.edit(f"exp/probe/{ST}.tuned/{ST}.tuned/asr.json", steps=150, dev_percent_by_lr={})
    recipe.edit(f"exp/probe/{ST}/{ST}/asr.json", steps=800, dev_percent_by_lr={"0.01": 1, "0.003": 2, "0.001": 3})
    said = "Steps: ASR 800 (fine-tuned 150). Learning rates tried: ASR 3 (fine-tuned 1)."
    content = gather(chain.ins())
    (table,) = (table for table in content.statement.tables if table.title.startswith("Fine-tuned"))
    assert said in content.models.notes and said in table.notes


@pytest.mark.parametrize("change", [{"tokens": "200 pieces"}, {"sets": {"test": "other"}}, {"confusion": None}])
def test_of_figures_under_different_conditions_there_is_no_verdict(recipe, change):
    """Whether or not a pair was made of them."""
    recipe.chain()
    recipe.edit(f"exp/probe/{S}/{S}/dialect.json", **change)
    content = gather(chain.ins())
    (found,) = (c for c in compared(content.results)["What compression costs, students against their teacher"].contests
                if c.name == S)  # fmt: skip
    assert str(found.verdicts["dialect"]) == "not comparable"
    assert dicts(content.ours)[f"iteration 3 ({S})"]["Dialect relative to L"] is None
    text = document(content)
    assert f"{S} against {L} " in text and "not comparable on dialect" in text
    assert "Not comparable: the two were probed on different classes, on different sets, or in other tokens." in text


def test_units_and_trainings_say_what_they_were_made_of(recipe):
    results = collect(recipe.chain() and chain.ins())
    units = dicts(unit_table(results))
    assert [(row["K"], row["PCA"], row["Source"]) for row in units.values()] == [
        (str(k), str(pca) if pca else "none", source) for source, k, pca, *_ in chain.UNITS.values()
    ]
    trained = dicts(training_table(results))
    assert trained[S]["Units"] == "layer 11 of it2.L, PCA to 32"
    assert trained[RAW]["Units"] == "layer 11 of it2.L"
    assert [row["Parameters"] for row in trained.values()] == ["0.72M", "6.40M", "1.32M", "0.49M", "1.32M"]


def test_a_training_whose_labels_are_gone_is_known_by_the_codebook_beside_it(recipe):
    recipe.chain()
    shutil.rmtree("dump")
    results = collect(chain.ins())
    assert [results.teacher(model) and results.teacher(model).name for model in results.models] == [
        None, "it1.base", L, L, L
    ]  # fmt: skip
    assert contests(results, "PCA units") == [(S, RAW)]


def test_figures_by_beam_search_stand_among_the_details_and_are_announced(recipe):
    content = gather(recipe.chain() and chain.ins())
    assert "beam 16, order 4, lm weight 0.5, insertion 0 over characters" in " ".join(content.models.notes)
    metrics = {(row[0], row[2]): row[3].value for row in content.details.rows if row[1] == "ASR"}
    assert metrics[f"iteration 2 ({L})", "CER by beam"] == FIGURE[L]["asr"] - 4
    assert metrics[f"iteration 2 ({L})", "CER"] == FIGURE[L]["asr"]


def test_the_folder_of_one_run_with_several_rows_and_no_kinds_is_read_as_before(recipe):
    results = collect(recipe.whole().ins)
    assert [(row.name, row.kind, row.of, row.frozen) for row in results.rows] == [
        ("fbank", "fbank", None, True),
        ("fbank_stacked", "fbank_stacked", None, True),
        ("random", "random", None, True),
        ("it1.base", "model", None, True),
    ]
    for path in Path("exp/probe/it1.base").glob("*.json"):
        if path.name not in ("row.json", "cost.json"):
            recipe.edit(str(path), frozen=False)
    assert [row.title for row in collect(recipe.ins).tuned] == ["it1.base, fine-tuned"]


@pytest.mark.parametrize(
    ("file", "changes", "said"),
    [
        ("row.json", {"kind": "student"}, "kind is 'student'"),
        ("row.json", {"frozen": "yes"}, "frozen is 'yes', not true or false"),
        ("asr.json", {"decoding": {"beam": "wide"}}, "decoding.beam is 'wide'"),
    ],
)
def test_a_row_that_cannot_be_is_refused(recipe, file, changes, said):
    recipe.chain().edit(f"exp/probe/{S}/{S}/{file}", **changes)
    with pytest.raises(UserError, match=said):
        collect(chain.ins())


def test_a_broken_pairs_json_is_named_with_the_step_to_rerun(recipe):
    recipe.chain().json("exp/compare/pairs.json", [{"task": "phone", "row": S}])
    with pytest.raises(UserError, match=r"\[0\]\.other is missing") as error:
        collect(chain.ins())
    assert "runs score.compare_probes " in error.value.remedy


def test_the_order_of_the_probe_folders_changes_no_byte(recipe):
    recipe.chain()
    probes = [path for path in chain.ins() if path.parent.name == "probe"]
    others = [path for path in chain.ins() if path not in probes]
    assert page(gather([*others, *probes])) == page(gather([*others, *reversed(probes)]))
    assert document(gather([*others, *probes])) == document(gather([*others, *reversed(probes)]))
