"""Run the command as a user does, but in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from al_loop.cli.main import main


@dataclass(frozen=True)
class Ran:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def al_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """`al-loop ARGUMENTS` in an empty folder, with no database configured."""
    monkeypatch.chdir(tmp_path)
    for name in ("AL_LOOP_LAUNCHPAD", "FW_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["al-loop", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        code = stop.value.code
        return Ran(code if isinstance(code, int) else 0, printed.out, printed.err)

    return run
