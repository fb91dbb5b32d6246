"""The report of a whole chain: iteration 1, a teacher, students of PCA and of raw units, a fine-tuned student."""

import re
import shutil

import pytest
from report import chain
from report.conftest import report, rows_of, table
from report.figures import TASKS, pair

from toolkit.core.errors import UserError
from toolkit.core.schema import dump
from toolkit.report.relations import questions, students, twins
from toolkit.report.render.html import page
from toolkit.report.render.markdown import document
from toolkit.report.sections.systems import main_table
from toolkit.report.sections.training import training_table
from toolkit.report.sections.units import unit_table
from toolkit.report.sources.collect import collect

L, S, ST, RAW = "it2.L", "it3-pca.S", "it3-pca.ST", "it3-raw.S"
FIGURE = {name: dict(zip(chain.TASKS, figures, strict=True)) for name, figures in chain.FIGURES.items()}
HEADING = {
    "phone": "Phone acc. % ↑",
    "asr": "ASR CER % ↓",
    "dialect": "Dialect acc. % ↑",
    "emotion": "Emotion acc. % ↑",
}
TWIN, MAKER = "Untrained, of the same shape", "The network that made its units"
TEACHER, THIN = "Student − its teacher", "Thinner − wider student of the same units"
PCA, TUNED = "Units with PCA − without", "Fine-tuned − frozen"


@pytest.fixture
def run(recipe):
    """What the report reads of the chain."""
    return collect(recipe.chain() and chain.ins())


def asked(run):
    """Title of each question -> its pairs."""
    return {question.title: question.pairs for question in questions(run)}


def differences(made):
    """(question, difference) -> heading -> cell of the table of paired differences."""
    paired, title, rows = table(made, "pairs", "Paired differences"), "", {}
    for row in paired.rows:
        title = row[0] or title
        rows[title, row[1]] = dict(zip([c.title for c in paired.columns[2:]], row[2:], strict=True))
    return rows


def outcome(task, system, against):
    """What the paired test says, worked out from the figures: the mark, and the difference."""
    gap = FIGURE[system][task] - FIGURE[against][task]
    better = -gap if task == "asr" else gap
    return "" if abs(gap) <= chain.HALF else "▲" if better > 0 else "▼", gap


def test_a_model_stands_between_its_random_twin_and_its_tuned_self_in_the_order_of_the_chain(run):
    wanted = ["fbank", "fbank_stacked"]
    for model in chain.NETWORKS:
        wanted += [f"random.{model}", model, *([f"{model}.tuned"] if model == ST else [])]
    assert [system.name for system in run.board.systems] == wanted
    shuffled = [*chain.ins()[-8:], *chain.ins()[:-8]]
    assert [system.name for system in collect(shuffled).board.systems] == wanted


def test_twins_are_muted_models_strong_and_every_model_begins_a_group(run):
    made = main_table(run)
    names = [system.name for system in run.board.systems]
    assert {names[i] for i in made.muted if i < len(names)} == {name for name in names if name.startswith("random")}
    assert {names[i] for i in made.strong} == {name for name in names if name[:2] == "it"}
    assert {names[i] for i in made.first - {len(names)}} == {name for name in names if name.startswith("random")}
    assert made.rows[-1][0] == "chance" and len(names) in made.first & made.muted


def test_twins_and_tuned_systems_have_the_size_of_their_model(run):
    rows = rows_of(table(report(chain.ins()), "costs"))
    for name, (parameters, *_) in chain.NETWORKS.items():
        share = f"{100 * (1 - parameters / 6_400_000):.1f}"
        assert {row["Saved %"] for title, row in rows.items() if re.search(rf"{name}(?![\w])", title)} == {share}


def test_the_chain_decides_which_systems_are_held_against_which(run):
    assert asked(run) == {
        TWIN: [(name, f"random.{name}") for name in chain.NETWORKS],
        MAKER: [(L, "it1.base")],
        TEACHER: [(S, L), (ST, L), (RAW, L)],
        THIN: [(ST, S)],
        PCA: [(S, RAW)],
        TUNED: [(f"{ST}.tuned", ST)],
    }
    assert [(student.name, teacher.name) for student, teacher in students(run)] == [(S, L), (ST, L), (RAW, L)]


def test_each_question_is_answered_by_the_paired_test_with_its_sign(run):
    rows = differences(report(chain.ins()))
    pairs = [(title, *named) for title, of in asked(run).items() for named in of]
    assert {(title, f"{system} − {against}") for title, system, against in pairs} <= rows.keys()
    marks = set()
    for title, system, against in pairs:
        for task in TASKS:
            cell = rows[title, f"{system} − {against}"][HEADING[task]]
            if "tuned" in system and task != "asr":
                assert cell is None
                continue
            mark, gap = outcome(task, system, against)
            assert (cell.mark, cell.value) == (mark, pytest.approx(gap)), (system, against, task)
            assert str(cell).startswith(f"{gap:+.1f} [") or abs(gap) < 0.05
            marks.add(mark)
    assert marks == {"", "▲", "▼"}


def test_it_does_not_matter_from_which_side_a_pair_was_written(recipe):
    recipe.chain()
    before = document(report(chain.ins()))
    recipe.json("exp/compare/pairs.json", [dump(p.turned) for p in reversed(chain.pairs())])
    assert document(report(chain.ins())) == before
    assert "−" in before and "▼" in before


def test_the_baseline_is_the_first_question_and_holds_no_tuned_system(run):
    rows = list(differences(report(chain.ins())))
    title = "The baseline, FBANK 40 stacked ±3"
    assert [name for question, name in rows if question == title] == [f"{m} − fbank_stacked" for m in chain.NETWORKS]
    assert rows[0][0] == title
    assert [name for question, name in rows if "tuned" in name] == [f"{ST}.tuned − {ST}"]


def test_without_pairs_nothing_is_marked_or_called_decided(recipe):
    recipe.chain()
    made = report(chain.ins()[:-1])
    assert not any(cell.mark for row in made.main.rows for cell in row[2:] if hasattr(cell, "mark"))
    assert {row[4] for row in table(made, "best").rows} == {"not tested"}
    assert [t.title for section in made.sections if section.id == "pairs" for t in section.blocks] == [
        "What students keep"
    ]


def test_pairs_of_systems_that_are_not_here_are_left_out_and_named(recipe):
    recipe.chain()
    shutil.rmtree(f"exp/probe/{RAW}")
    strange = sum(RAW in p.system + p.against for p in chain.pairs())
    notes = report(chain.without(RAW)).main.notes
    assert f"{strange} paired tests are left out: it3-raw.S and random.it3-raw.S not given." in notes
    assert "Not scored: it3-raw.S." in notes


def test_a_task_that_was_left_out_is_told_under_the_table_with_its_reason(recipe):
    recipe.chain()
    argv, drops = ["tasks.fit"], [("toasts", "task left out", "no set has utt2toast")]
    recipe.record("exp/probe/it2.L", argv, ["data"], {"rows": 2}, drops=drops)
    assert "Task toasts was left out: no set has utt2toast." in report(chain.ins()).main.notes


def test_what_a_student_keeps_is_its_share_of_the_teachers_figure(recipe):
    rows = rows_of(table(report(recipe.chain() and chain.ins()), "pairs", "What students keep"))
    assert list(rows) == [f"{S} of {L}", f"{ST} of {L}", f"{RAW} of {L}"]
    row, share = rows[f"{ST} of {L}"], {task: FIGURE[ST][task] / FIGURE[L][task] for task in TASKS}
    assert row["Parameters saved %"] == f"{100 * (1 - 0.49 / 6.4):.1f}"
    assert row["phone acc."] == f"{100 * share['phone']:.0f} %" and row["ASR CER"] == f"× {share['asr']:.2f}"
    assert row["dialect acc."] == f"{100 * share['dialect']:.0f} %"


def test_of_a_teacher_that_learnt_nothing_on_a_task_students_keep_nothing(recipe):
    recipe.chain()
    named = (L, f"random.{L}", "emotion")
    pairs = [pair(*named, 0.4, 3) if (p.system, p.against, p.task) == named else p for p in chain.pairs()]
    recipe.json("exp/compare/pairs.json", [dump(p) for p in pairs])
    rows = rows_of(table(report(chain.ins()), "pairs", "What students keep"))
    assert all(row["phone acc."] and row["emotion acc."] is None for row in rows.values())
    recipe.json("exp/compare/pairs.json", [dump(p) for p in chain.pairs() if (p.system, p.against, p.task) != named])
    rows = rows_of(table(report(chain.ins()), "pairs", "What students keep"))
    assert all(row["emotion acc."] for row in rows.values())  # the twin was not tested


def test_a_twin_of_another_model_is_never_the_random_network_of_this_one(run):
    """The students of PCA and of raw units have one shape, and as many weights each; the twin says whose it is."""
    assert [[twin.name for twin in twins(run, model)] for model in run.models] == [
        [f"random.{name}"] for name in chain.NETWORKS
    ]


def test_a_model_without_a_twin_has_no_such_question(recipe):
    recipe.chain()
    shutil.rmtree(f"exp/probe/{RAW}/random.{RAW}")
    run = collect(chain.ins())
    assert twins(run, run.board.system(RAW)) == []
    assert asked(run)[TWIN] == [(name, f"random.{name}") for name in chain.NETWORKS if name != RAW]


def test_the_tiles_speak_of_the_best_trained_system_of_every_task(run):
    made = report(chain.ins()).tiles
    assert [tile.label for tile in made] == [
        f"Phone acc. % ↑: {L}",
        f"ASR CER % ↓: {ST}.tuned",
        f"Dialect acc. % ↑: {L}",
        f"Emotion acc. % ↑: {L}",
    ]
    assert made[0].figure == f"{FIGURE[L]['phone']:.1f}"
    assert made[1].under == "baseline FBANK 40 stacked ±3 77.0: better, decided"


def test_figures_by_beam_search_are_left_to_the_details_with_their_weights(recipe):
    made = report(recipe.chain() and chain.ins())
    assert "by beam search" not in " ".join(c.title for c in made.main.columns)
    every = table(made, "figures")
    metrics = {(row[0], row[2]): row[3].value for row in every.rows if row[1] == "ASR"}
    assert metrics[f"iteration 2 ({L})", "CER by beam search %"] == FIGURE[L]["asr"] - 4
    assert metrics[f"iteration 2 ({L})", "CER %"] == FIGURE[L]["asr"]
    assert every.notes == ["Chosen on dev: beam 16, insertion 0.0, lm weight 0.5, order 4, text train."]


def test_units_and_trainings_say_what_they_were_made_of(run):
    units = rows_of(unit_table(run))
    assert [(row["K"], row["PCA"], row["Source"]) for row in units.values()] == [
        (str(k), str(pca) if pca else "none", source) for source, k, pca, *_ in chain.UNITS.values()
    ]
    trained = rows_of(training_table(run))
    assert trained[S]["Learnt from"] == "layer 11 of it2.L, PCA to 32"
    assert trained[RAW]["Learnt from"] == "layer 11 of it2.L"
    assert [row["Parameters"] for row in trained.values()] == ["0.72M", "6.40M", "1.32M", "0.49M", "1.32M"]


def test_a_training_whose_labels_are_gone_is_known_by_the_codebook_beside_it(recipe):
    recipe.chain()
    shutil.rmtree("dump")
    run = collect(chain.ins())
    assert [run.teacher(model) and run.teacher(model).name for model in run.models] == [None, "it1.base", L, L, L]
    assert asked(run)[PCA] == [(S, RAW)]


def test_a_broken_pairs_json_is_named_with_the_step_to_rerun(recipe):
    recipe.chain().json("exp/compare/pairs.json", [{"task": "phone", "system": S}])
    with pytest.raises(UserError, match=r"\[0\]\.against is missing") as error:
        collect(chain.ins())
    assert "runs score.compare_probes " in error.value.remedy


def test_the_order_of_the_probe_folders_changes_no_byte(recipe, drawn_anew):
    recipe.chain()
    probes = [path for path in chain.ins() if path.parent.name == "probe"]
    rest = [path for path in chain.ins() if path not in probes]
    first, second = (report([*rest, *inputs]) for inputs in (probes, probes[::-1]))
    assert document(first) == document(second) and page(first) == page(second)
