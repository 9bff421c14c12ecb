"""Folders in which a campaign could not be run are refused before anything is put up."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_loop.errors import UserError
from al_loop.loop.check import check_folder


@pytest.mark.parametrize("character", ['"', "$", "`", "\\"])
def test_a_path_that_a_job_script_would_misread_is_refused(tmp_path: Path, character: str) -> None:
    with pytest.raises(UserError, match="job scripts misread") as caught:
        check_folder(tmp_path / f"my{character}glass")
    assert "folder" in caught.value.remedy


def test_spaces_and_umlauts_are_fine(tmp_path: Path) -> None:
    check_folder(tmp_path / "mein schönes Glas")
