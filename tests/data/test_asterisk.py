"""The Asterisk prompts: a small tree in the true layout, the odd lines of the true transcripts, the fetcher offline."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mirrors import Mirror, path_with, with_sums_of

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger, read_ledger
from toolkit.core.step import Step
from toolkit.data.corpora import asterisk
from toolkit.data.corpora.asterisk import AsteriskConfig, normalise, part, spoken_words
from toolkit.data.kaldi import DataDir

ROOT = Path(__file__).resolve().parents[2]
VOICES = ("en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU")
TRANSCRIPTS = """; Core Asterisk Sounds in English

auth-thankyou: Thank you.
privacy-thankyou: Thank you.
beep: [this is a simple beep tone]
confbridge-join: <beep ascending>
dictate/both_help: press * to toggle pause, press # to enter a new dictation filename
demo-moreinfo: For more information, visit www.asterisk.org.
letters/at: at [@]
silence/1: (1 second of silence)
spy-iax2: IAX (note: does not say "2")
spy-h323: H.323
vm-leavemsg:  Press 5 to leave a message
vm-sorry: I'm sorry I did not understand your response.
is: Is.
pls-try-call-later: Please try your call again later.
"""
SAID = [line.split(":")[0] for line in TRANSCRIPTS.splitlines()[2:-1]]
NUMBERS = [f"digits/{n}" for n in range(40)]


def write_tree(root: Path) -> Path:
    """A tree as the packages unpack to; every voice says NUMBERS, the English one what has a transcript too."""
    rng = np.random.default_rng(1)
    for voice in VOICES:
        for prompt in [*SAID, *NUMBERS]:
            path = root / "usr/share/asterisk/sounds" / voice / f"{prompt}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            n = 0 if (voice[:2], prompt) == ("ru", "is") else 2400
            soundfile.write(path, (rng.standard_normal(n) * 3000).astype(np.int16), 8000, subtype="PCM_16")
    text = TRANSCRIPTS + "".join(f"{p}: number {chr(97 + i // 26)}{chr(97 + i % 26)}\n" for i, p in enumerate(NUMBERS))
    path = root / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(text.encode()))
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "corpus")


def prepare(corpus: Path, out: Path, config: AsteriskConfig | None = None) -> Step[AsteriskConfig]:
    step = Step(config or AsteriskConfig(), [corpus], out, ["data.corpora.asterisk"], ledger=Ledger("asterisk"))
    asterisk.run(step)
    return step


def test_every_prompt_is_in_one_set_in_all_languages_or_in_the_ledger(tree: Path, tmp_path: Path) -> None:
    step = prepare(tree, tmp_path / "data")
    where: dict[str, set[str]] = {}
    ids: set[str] = set()
    for name in ("train", "dev", "test"):
        for u in DataDir.read(tmp_path / "data" / name).utterances:
            assert u.id not in ids
            ids.add(u.id)
            where.setdefault(u.id.removeprefix(u.speaker + "-"), set()).add(name)
    assert all(len(sets) == 1 for sets in where.values())
    whole = {row[0] for row in step.ledger.rows if "kept in" not in row[3]}
    assert len(ids) + len(whole) == len(VOICES) * (len(SAID) + len(NUMBERS)) and not ids & whole


def test_equal_sentences_go_to_the_same_set() -> None:
    transcripts = {"auth-thankyou": "Thank you.", "privacy-thankyou": "thank you!"}
    for seed in range(20):
        config = AsteriskConfig(seed=seed)
        assert part("auth-thankyou", transcripts, config) == part("privacy-thankyou", transcripts, config)


def test_shares_of_the_sets_are_those_asked_for() -> None:
    config = AsteriskConfig(dev_share=0.1, test_share=0.2)
    parts = [part(f"prompt-{i}", {}, config) for i in range(4000)]
    assert parts.count("test") / 4000 == pytest.approx(0.2, abs=0.03)
    assert parts.count("dev") / 4000 == pytest.approx(0.1, abs=0.03)


def test_silence_tones_and_empty_files_leave_a_ledger_row(tree: Path, tmp_path: Path) -> None:
    reasons = {row[0]: row[2] for row in prepare(tree, tmp_path / "data").ledger.rows}
    for voice in ("en-allison", "es-allison", "fr-june", "it-carlo", "ru-ivrvoiceru"):
        assert reasons[f"{voice}-silence.1"] == "silence"
        assert reasons[f"{voice}-beep"] == reasons[f"{voice}-confbridge-join"] == "tone or noise"
    assert reasons["ru-ivrvoiceru-is"] == "empty"
    for prompt in ("dictate.both_help", "demo-moreinfo", "spy-h323"):
        assert reasons[f"en-allison-{prompt}"] == "transcript not certain"


def test_english_sets_hold_normalised_text_and_nothing_else(tree: Path, tmp_path: Path) -> None:
    prepare(tree, tmp_path / "data")
    texts: dict[str, str] = {}
    for name in ("train", "dev", "test"):
        data = DataDir.read(tmp_path / "data" / f"{name}_en")
        assert {u.speaker for u in data.utterances} == {"en-allison"}
        assert set(data.tables["text"]) == {u.id for u in data.utterances}
        assert "text" not in DataDir.read(tmp_path / "data" / name).tables
        texts |= data.tables["text"]
    assert texts["en-allison-letters.at"] == "at"
    assert texts["en-allison-spy-iax2"] == "iax"
    assert texts["en-allison-vm-leavemsg"] == "press five to leave a message"
    assert texts["en-allison-vm-sorry"] == "i'm sorry i did not understand your response"
    assert set("".join(texts.values())) <= set("abcdefghijklmnopqrstuvwxyz' ")
    assert "en-allison-pls-try-call-later" not in texts  # a transcript without audio


def test_verbatim_text_has_its_capitals_and_digits_and_the_same_prompts(tree: Path, tmp_path: Path) -> None:
    prepare(tree, tmp_path / "words")
    prepare(tree, tmp_path / "verbatim", AsteriskConfig(transcript="verbatim"))
    texts: dict[str, str] = {}
    for name in ("train_en", "dev_en", "test_en"):
        words, verbatim = (DataDir.read(tmp_path / kind / name).tables["text"] for kind in ("words", "verbatim"))
        assert {id: normalise(text) for id, text in verbatim.items()} == words
        texts |= verbatim
    assert texts["en-allison-vm-leavemsg"] == "Press 5 to leave a message"
    assert texts["en-allison-letters.at"] == "at"


def test_english_alone_is_the_same_english_and_needs_no_other_package(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(tree, tmp_path / "all")
    for voice in VOICES[1:]:
        for path in (tree / "usr/share/asterisk/sounds" / voice).rglob("*.wav"):
            path.unlink()
        (tree / "usr/share/asterisk/sounds" / voice).rename(tmp_path / voice)
    capsys.readouterr()
    step = prepare(tree, tmp_path / "en", AsteriskConfig(languages=("en",)))
    for name in ("train_en", "dev_en", "test_en"):
        for file in (tmp_path / "all" / name).iterdir():
            assert (tmp_path / "en" / name / file.name).read_bytes() == file.read_bytes()
    assert set(DataDir.read(tmp_path / "en/train").tables["utt2lang"].values()) == {"en"}
    assert "languages that are not there" not in capsys.readouterr().out
    assert {row[0].split("-")[0] for row in step.ledger.rows} == {"en"}


@pytest.mark.parametrize(("languages", "message"), [(("de",), "de is none of"), (("fr",), "en must be among them")])
def test_languages_that_cannot_be_are_refused(languages: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AsteriskConfig(languages=languages)


def test_languages_genders_and_audio_are_as_the_folders_say(tree: Path, tmp_path: Path) -> None:
    prepare(tree, tmp_path / "data")
    data = DataDir.read(tmp_path / "data/train")
    assert set(data.tables["utt2lang"].values()) == {"en", "es", "fr", "it", "ru"}
    assert data.tables["spk2gender"]["it-carlo"] == "m" and data.tables["spk2gender"]["fr-june"] == "f"
    u = data.utterances[0]
    assert u.seconds == pytest.approx(0.3) and len(u.audio()) == 4800  # 8 kHz read as 16 kHz
    assert u.path.startswith(str(tree)), "audio is referenced in place"


def test_other_counts_than_expected_are_told(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tree / "usr/share/asterisk/sounds/fr_CA_f_June").rglob("*.wav"):
        path.unlink()
    prepare(tree, tmp_path / "data")
    output = capsys.readouterr().out
    assert "WARNING: en: 53 recordings, -515 against the 568" in output
    assert "WARNING: fr: 0 recordings, -561" in output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Agent Logged off.", "agent logged off"),
        ("... letters of your party's first or last name.", "letters of your party's first or last name"),
        ("De-activated.", "de activated"),
        ("3D audio enabled", "three d audio enabled"),
        ("o'clock", "o'clock"),
        ('a polite "don\'t call" menu', "a polite don't call menu"),
        ("A.M.", "a m"),
    ],
)
def test_normalised_text(text: str, expected: str) -> None:
    assert normalise(text) == expected
    assert normalise(expected) == expected


@pytest.mark.parametrize("text", ["dial 600", "a 28.8 kilobit modem", "press #", "press *", "www.asterisk.org"])
def test_what_may_be_said_in_two_ways_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="is not known"):
        normalise(text)


def test_what_is_not_said_is_taken_out() -> None:
    assert spoken_words("at [@]") == "at"
    assert spoken_words("<beep decending>") == spoken_words("(1 second of silence)") == ""
    assert spoken_words("after the tone. (simple tone sound plays)") == "after the tone."


def test_the_sounds_folder_itself_is_taken_too(tree: Path) -> None:
    sounds = tree / "usr/share/asterisk/sounds"
    assert asterisk.find_sounds(sounds) == asterisk.find_sounds(tree) == sounds
    assert asterisk.read_transcripts(sounds)["is"] == "Is."


def test_another_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no Asterisk prompts here") as caught:
        prepare(tmp_path, tmp_path / "data")
    assert "fetch_asterisk" in caught.value.remedy


def test_missing_transcripts_are_a_clear_error(tree: Path, tmp_path: Path) -> None:
    (tree / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz").unlink()
    with pytest.raises(UserError, match="transcripts are missing"):
        prepare(tree, tmp_path / "data")


def test_the_step_is_repeatable_as_a_command(tree: Path, tmp_path: Path) -> None:
    outputs = []
    for name in ("one", "two"):
        argv = [sys.executable, "-m", "toolkit.data.corpora.asterisk", "--in", str(tree), "--out", name]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(argv, cwd=tmp_path, env=env, check=True, capture_output=True)
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file() and p.parent != tmp_path / name)
        outputs.append([(p.relative_to(tmp_path / name), p.read_bytes()) for p in files])
    assert outputs[0] == outputs[1] and len(outputs[0]) > 30
    assert {row[2] for row in read_ledger(tmp_path / "one/dropped.tsv")} >= {"silence", "empty"}


PACKAGES = ["asterisk-core-sounds-en"] + [
    f"asterisk-core-sounds-{language}-wav" for language in ["en", "es", "fr", "it", "ru"]
]
APT = """#!/usr/bin/env bash
# An apt-get that knows one archive: a folder.
package=${!#}
[[ $package == update ]] && exit
cp "ARCHIVE/${package%%=*}.deb" "./${package%%=*}_1.6.1-1_all.deb"
"""


def write_deb(path: Path, members: dict[str, bytes]) -> None:
    """A Debian package: an ar archive of a version, a control and a data tar."""
    tars = []
    for content in ({"./control": b"Package: x\nVersion: 1\nArchitecture: all\n"}, members):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, data in content.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        tars.append(buffer.getvalue())
    with open(path, "wb") as f:
        f.write(b"!<arch>\n")
        for name, data in zip(("debian-binary", "control.tar.gz", "data.tar.gz"), (b"2.0\n", *tars)):
            f.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
            f.write(data + b"\n" * (len(data) % 2))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder with the six packages, tiny, and an apt-get that fetches from it."""
    folder = tmp_path / "archive"
    (folder / "bin").mkdir(parents=True)
    for package in PACKAGES:
        write_deb(folder / f"{package}.deb", {f"./usr/share/{package}.txt": package.encode()})
    (folder / "bin/apt-get").write_text(APT.replace("ARCHIVE", str(folder)))
    (folder / "bin/apt-get").chmod(0o755)
    return folder


def fetch(archive: Path, out: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{archive / 'bin'}:{os.environ['PATH']}", "SAWT_CACHE": str(archive / "cache")}
    argv = [str(ROOT / "tools/fetch_asterisk.sh"), "--out", str(out)]
    return subprocess.run(argv, env=env, capture_output=True, text=True)


def test_packages_are_unpacked_and_another_build_is_told(archive: Path, tmp_path: Path) -> None:
    done = fetch(archive, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is not the tested build") == 6
    assert sorted(p.stem for p in (tmp_path / "out/usr/share").iterdir()) == sorted(PACKAGES)
    assert "nothing to fetch" in fetch(archive, tmp_path / "out").stdout


@pytest.mark.parametrize("name", ["../evil", "./usr/../../evil", "/tmp/evil-of-a-package"])
def test_a_package_that_would_leave_its_folder_is_refused(archive: Path, tmp_path: Path, name: str) -> None:
    write_deb(archive / "asterisk-core-sounds-it-wav.deb", {name: b"evil"})
    done = fetch(archive, tmp_path / "out")
    assert done.returncode != 0 and "leaves its folder" in done.stderr
    assert not list(tmp_path.glob("**/evil*")) and not Path("/tmp/evil-of-a-package").exists()
    assert not (tmp_path / "out/usr").exists()


def test_a_fetch_that_failed_leaves_nothing_half_made_and_goes_on_later(archive: Path, tmp_path: Path) -> None:
    whole = (archive / "asterisk-core-sounds-ru-wav.deb").read_bytes()
    (archive / "asterisk-core-sounds-ru-wav.deb").write_bytes(whole[:100])
    done = fetch(archive, tmp_path / "out")
    assert done.returncode != 0 and "damaged" in done.stderr
    assert not list((tmp_path / "out").iterdir())
    (archive / "asterisk-core-sounds-ru-wav.deb").write_bytes(whole)
    assert fetch(archive, tmp_path / "out").returncode == 0


def test_a_missing_folder_for_the_packages_is_a_clear_error() -> None:
    done = subprocess.run([str(ROOT / "tools/fetch_asterisk.sh")], capture_output=True, text=True)
    assert done.returncode == 1 and "--out is missing" in done.stderr


POOL = "/pool/main/a/asterisk-core-sounds/"


@pytest.fixture
def mirror(archive: Path) -> Iterator[Mirror]:
    """A mirror of Debian that has the packages of `archive`."""
    server = Mirror()
    for package in PACKAGES:
        server.files[f"{POOL}{package}_1.6.1-1_all.deb"] = (archive / f"{package}.deb").read_bytes()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def fetch_without_apt(
    out: Path, tools: list[str], script: Path = ROOT / "tools/fetch_asterisk.sh", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the fetcher beside `out`, with a cache beside it, without apt-get."""
    path = path_with(out.parent / "bin", ["dpkg-deb", "tar", *tools])
    env = {"PATH": str(path), "HOME": str(out.parent), "SAWT_CACHE": str(out.parent / "cache"), **variables}
    return subprocess.run([str(script), "--out", str(out)], env=env, capture_output=True, text=True)


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_without_apt_get_the_packages_come_from_the_mirror_that_is_named(tool: str, archive, mirror, tmp_path) -> None:
    tested = {package: (archive / f"{package}.deb").read_bytes() for package in PACKAGES}
    script = with_sums_of(ROOT / "tools/fetch_asterisk.sh", tested, tmp_path)
    done = fetch_without_apt(tmp_path / "out", [tool], script, SAWT_DEBIAN_MIRROR=f"{mirror.address}/")
    assert done.returncode == 0 and done.stdout.count("fetched ") == 6, done.stderr
    assert sorted(p.stem for p in (tmp_path / "out/usr/share").iterdir()) == sorted(PACKAGES)
    assert mirror.asked == list(mirror.files)
    assert sorted(p.name for p in (tmp_path / "cache/packages").iterdir()) == sorted(
        path.removeprefix(POOL) for path in mirror.files
    )


def test_another_build_from_a_mirror_is_refused_for_nobody_signed_it(archive, mirror, tmp_path) -> None:
    done = fetch_without_apt(tmp_path / "out", ["curl"], SAWT_DEBIAN_MIRROR=mirror.address)
    assert done.returncode == 1 and "asterisk-core-sounds-en_1.6.1-1_all.deb is not the tested file" in done.stderr
    assert not list((tmp_path / "out").iterdir()) and not list((tmp_path / "cache/packages").iterdir())


@pytest.mark.parametrize("tools", [[], ["curl", "wget"]], ids=["nothing", "curl and wget"])
def test_without_apt_get_and_a_mirror_the_error_says_what_to_use_set_or_get(tools: list[str], tmp_path) -> None:
    done = fetch_without_apt(tmp_path / "out", tools)
    assert done.returncode == 1 and "cannot fetch asterisk-core-sounds-en" in done.stderr
    assert "apt-get" in done.stderr and "set SAWT_DEBIAN_MIRROR" in done.stderr and "http" not in done.stderr
    for package in PACKAGES:
        assert f"{package}_1.6.1-1_all.deb\n" in done.stderr
    assert f"put them into {tmp_path}/cache/packages" in done.stderr


def test_a_mirror_without_curl_and_wget_is_told_of(mirror, tmp_path) -> None:
    done = fetch_without_apt(tmp_path / "out", [], SAWT_DEBIAN_MIRROR=mirror.address)
    assert done.returncode == 1 and "neither curl nor wget could fetch asterisk-core-sounds-en_" in done.stderr


def test_what_apt_get_says_is_shown_and_a_mirror_that_is_named_is_asked_then(archive, mirror, tmp_path) -> None:
    tested = {package: (archive / f"{package}.deb").read_bytes() for package in PACKAGES}
    script = with_sums_of(ROOT / "tools/fetch_asterisk.sh", tested, tmp_path)
    for package in PACKAGES:
        (archive / f"{package}.deb").unlink()
    path = f"{archive / 'bin'}:{os.environ['PATH']}"
    for variables, code in (({}, 1), ({"SAWT_DEBIAN_MIRROR": mirror.address}, 0)):
        env = {**os.environ, "PATH": path, "SAWT_CACHE": str(tmp_path / "cache"), **variables}
        done = subprocess.run([str(script), "--out", str(tmp_path / "out")], env=env, capture_output=True, text=True)
        assert done.returncode == code and "apt-get did not fetch asterisk-core-sounds-en: cp:" in done.stderr
        assert mirror.asked == (list(mirror.files) if variables else [])
