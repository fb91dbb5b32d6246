"""Nothing foreign runs: each call that could run what a file holds is known, and is made so that it cannot."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("toolkit", "tools", "egs", "benchmarks", "setup.py")
PEERS = "benchmarks/peers/"  # other people's programs as published, which the races run on inputs of our own
IMPORTS = {  # module -> the files that may import it
    "pickle": {"toolkit/models/pickled.py"},  # for the name of an error; torch.load there takes tensors alone
    "yaml": {"toolkit/core/yaml_file.py"},
    "xml": {"toolkit/data/corpora/xml_elements.py"},  # expat, with entities refused
    "kaldiio": {"toolkit/data/ark.py"},  # which refuses its pickles, and opens files itself: kaldiio runs pipes
    "runpy": {"toolkit/core/forked.py"},  # of our own steps, by the names of the registry
    "tarfile": {"toolkit/data/unpack.py", "toolkit/data/corpora/archives.py"},
    "zipfile": {"toolkit/data/unpack.py", "toolkit/models/pickled.py"},  # the second asks whether it is one
    **{
        module: set() for module in ("marshal", "shelve", "dill", "cloudpickle", "joblib", "lxml", "pandas", "datasets")
    },
}
IMPORTING = {  # files that import a module by its name
    "toolkit/core/registry.py",  # steps by the registry, and registry.py of the user's own recipe
    "toolkit/core/forked.py",  # modules that the registry names
    "toolkit/tasks/task_config.py",  # a task type of the user's own, named in his config
    "toolkit/models/export.py",  # ctranslate2
    "benchmarks/worker.py",
}
SHELLS = {"toolkit/data/audio.py": 1, "toolkit/core/check_recipe.py": 2}  # a pipe that the user allowed; a recipe
SHELL = ("bash", "sh", "/bin/sh", "/bin/bash")
LOADERS = ("from_pretrained", "from_config")  # of transformers and peft
WATCHED = ("weights_only", "allow_pickle", "trust_remote_code", "shell", "autoescape", "use_safetensors")
NEVER = ("eval", "exec", "compile", "__import__", "os.system", "os.popen")
NO_CALLS = ("extractall", "extract", "unsafe_load", "full_load", "read_pickle", "load_dataset")


WORDS = re.compile(  # a file without any of these has nothing to be looked for: it is not parsed
    rf"\b({'|'.join([*IMPORTS, *SHELL, *WATCHED, *NO_CALLS, 'eval', 'exec', 'compile', 'system', 'popen'])}"
    r"|__import__|loads?\(|import_module|exec_module|from_pretrained|from_config|Environment)"
)


@cache
def sources() -> list[tuple[str, ast.Module]]:
    """Our own files in which a word is that is looked for, parsed."""
    read = []
    for place in PLACES:
        paths = [ROOT / place] if place.endswith(".py") else sorted((ROOT / place).rglob("*.py"))
        for path in paths:
            name = path.relative_to(ROOT).as_posix()
            text = path.read_text(encoding="utf-8")
            if not name.startswith(PEERS) and WORDS.search(text):
                read.append((name, ast.parse(text)))
    return read


def dangers(name: str, tree: ast.AST) -> Iterator[str]:
    """What a file has that could run what it reads, and is not known to be safe."""
    called_ones = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in LOADERS and id(node) not in called_ones:
            yield f"{node.attr}, which is called elsewhere"
        for module in _imported(node):
            if name not in IMPORTS.get(module.partition(".")[0], {name}):
                yield f"import {module}"
        if not isinstance(node, ast.Call):
            continue
        called = _dotted(node.func)
        last = called.rpartition(".")[2]
        given = {k.arg: ast.unparse(k.value) for k in node.keywords if k.arg in WATCHED}
        if called in NEVER or (last in NO_CALLS and "." in called):
            yield called
        if called == "torch.load" and (name != "toolkit/models/pickled.py" or given.get("weights_only") != "True"):
            yield called
        if called.startswith("yaml.") and last != "parse":  # what builds nothing
            yield called
        if last == "loads" and called != "json.loads":
            yield called
        wrong = {"allow_pickle": "False", "trust_remote_code": "False", "shell": "False", "autoescape": "True"}
        yield from (f"{called}({key}={given[key]})" for key, safe in wrong.items() if given.get(key, safe) != safe)
        if last in LOADERS and name.startswith("toolkit/"):
            if given.get("trust_remote_code") != "False":
                yield called
            loads = last == "from_pretrained" and ("Model" in called or "Thinker" in called)
            if loads and given.get("use_safetensors") != "True":
                yield f"{called} of pickles"
        if last == "Environment" and "autoescape" not in given:
            yield called
        if last in ("import_module", "exec_module") and name not in IMPORTING:
            yield called


def _dotted(node: ast.AST) -> str:
    """a.b.c of an expression; what is no name in it is left out."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []


def test_no_call_could_run_what_it_reads() -> None:
    seen = {name: list(dangers(name, tree)) for name, tree in sources()}
    assert seen.keys() >= {*IMPORTING, *SHELLS} and {name: calls for name, calls in seen.items() if calls} == {}


def test_a_shell_is_started_where_it_is_known_and_nowhere_else() -> None:
    shells = Counter(
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.List) and any(isinstance(e, ast.Constant) and e.value in SHELL for e in node.elts[:1])
    )
    assert dict(shells) == SHELLS


def test_what_is_dangerous_is_seen() -> None:
    for code in (
        "import pickle",
        "from joblib import load",
        "import xml.etree.ElementTree",
        "torch.load(p)",
        "torch.load(p, weights_only=True)",  # in another file than the one that may
        "np.load(p, allow_pickle=True)",
        "yaml.load(f, Loader=yaml.Loader)",
        "eval(x)",
        "exec(x)",
        "tar.extractall(x)",
        "subprocess.run(x, shell=True)",
        "os.system(x)",
        "AutoModel.from_pretrained(x)",
        "AutoModel.from_pretrained(x, trust_remote_code=True, use_safetensors=True)",
        "AutoModel.from_pretrained(x, trust_remote_code=False)",
        "load = AutoModel.from_pretrained",
        "jinja2.Environment()",
        "jinja2.Environment(autoescape=False)",
        "import_module(x)",
        "pickle.loads(x)",
    ):
        assert list(dangers("toolkit/data/x.py", ast.parse(code))), code
    safe = "import json\nnp.load(p)\nnetwork.eval()\nre.compile('a')\nnp.load(p, allow_pickle=False)\njson.loads(x)"
    assert not list(dangers("toolkit/data/x.py", ast.parse(safe)))
