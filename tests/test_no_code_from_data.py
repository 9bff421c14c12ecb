"""Nothing in al_loop makes code of data: no eval, no pickle, no shell, no unsafe YAML."""

from __future__ import annotations

import ast
import stat
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path

import pytest

from al_loop.launch.child import CONTEXT

ROOT = Path(__file__).parents[1] / "al_loop"
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "pty", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__"}
ATTRIBUTES = {("os", "system"), ("os", "popen"), ("torch", "load"), ("pandas", "read_pickle")}


def faults(tree: ast.AST) -> Iterator[str]:
    """What a file does that it must not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            of = [getattr(node, "module", None), *(alias.name for alias in node.names)]
            yield from (f"imports {name}" for name in of if name in MODULES)
        if not isinstance(node, ast.Call):
            continue
        words = {word.arg: ast.unparse(word.value) for word in node.keywords}
        name = ast.unparse(node.func)
        if name in CALLS or tuple(name.split(".")) in ATTRIBUTES:
            yield f"calls {name}"
        if words.get("shell", "False") != "False":
            yield "runs a shell"
        if name.endswith("np.load") and words.get("allow_pickle") != "False":
            yield "np.load without allow_pickle=False"
        if name == "YAML" and words.get("typ", "'rt'") not in ("'safe'", "'rt'"):
            yield "YAML that is not safe"


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda p: p.name)
def test_no_file_makes_code_of_data(file: Path) -> None:
    assert list(faults(ast.parse(file.read_text()))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "eval(x)",
        "subprocess.run(x, shell=True)",
        "subprocess.run(x, shell=y)",
        "os.system(x)",
        "np.load(x)",
        "np.load(x, allow_pickle=True)",
        "YAML(typ='unsafe')",
        "import yaml",
        "torch.load(x)",
    ],
)
def test_the_test_would_see_it(code: str) -> None:
    assert list(faults(ast.parse(code)))


def test_only_we_can_reach_our_fork_server() -> None:
    """What it is told to run, it runs: it must listen in a folder that is ours alone."""
    process = CONTEXT.Process(target=_nothing)
    process.start()
    process.join()
    address = forkserver._forkserver._forkserver_address
    assert not address.startswith("\0")
    assert stat.S_IMODE(Path(address).parent.stat().st_mode) == 0o700


def _nothing() -> None:
    pass
