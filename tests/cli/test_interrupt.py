"""Ctrl-C: no stack trace, wherever it comes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from al_loop.cli import app
from tests.cli.conftest import Command


def test_in_compiled_code(al_loop: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def compute() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:  # as CPython does where C code overlooks one
            raise SystemError("returned a result with an exception set") from error

    monkeypatch.setattr(app, "app", compute)
    ran = al_loop("status")
    assert (ran.code, ran.err) == (130, "Aborted.\n")


def test_another_error_of_the_system_is_not_hidden(
    al_loop: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise SystemError("broken")

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(SystemError, match="broken"):
        al_loop("status")


def test_glasses_are_measured_without_a_database_and_fireworks(tmp_path: Path) -> None:
    """A module that is None cannot be imported."""
    script = "import sys; sys.argv = ['al-loop', 'glass', 'names']\n"
    script += "sys.modules.update({'fireworks': None, 'pymongo': None, 'flask': None})\n"
    script += "from al_loop.cli.main import main\nmain()\n"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "fsdp_position" in ran.stdout


def test_while_it_starts(tmp_path: Path) -> None:
    """Ctrl-C comes with the first import that the command makes."""
    script = (
        "import os, signal, sys\n"
        "from al_loop.cli.main import main\n"
        "class Interrupting:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        sys.meta_path.remove(Interrupting)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting)\n"
        "sys.argv = ['al-loop', 'glass', 'names']\n"
        "main()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "Aborted.\n")
