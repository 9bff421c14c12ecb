"""Bad input: an error before anything starts, naming the key or file and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns import CHEAP
from tests.cli.conftest import Command

GOOD = CHEAP.format(name="cheap")


@pytest.mark.parametrize(
    ("old", "new", "key", "hint"),
    [
        ("elements: [Si, O]", "elements: [Si, Ox]", "elements", "not a chemical element"),
        ("seed: 11", "sed: 11", "line 3", "did you mean 'seed'"),
        ("density: 2.2", "density: 9.0", "structures.packed", "density"),
        ("atoms: 24", "atoms: 25", "structures.packed", "24"),
        ("lower: 0.15, upper: 20.0", "lower: 0.5, upper: 0.5", "select.trust", "below upper"),
        ("engine: pair", "engine: vaps", "label.engine", "vaps"),
        ("engine: linear", "engine: linear\n  options: {ridg: 1.0}", "train.options", "ridg"),
        ("crystal: beta-cristobalite", "crystal: beta-christobalite", "structures", "did you mean"),
        ("from: [cristobalite], ", "from: [quartz], ", "explore.stages[0].from", "quartz"),
        ("temperatures: [300, 1500]", "temperatures: [-3]", "temperatures", "greater than 0"),
    ],
)
def test_a_wrong_key_is_named_with_the_way_out(
    al_loop: Command, tmp_path: Path, old: str, new: str, key: str, hint: str
) -> None:
    assert old in GOOD
    (tmp_path / "cheap.yaml").write_text(GOOD.replace(old, new, 1))
    for verb in ("check", "run", "submit"):
        ran = al_loop(verb, "cheap.yaml")
        assert ran.code == 2
        assert key in ran.err
        assert hint in ran.err
        assert "Traceback" not in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["cheap.yaml"]


def test_a_file_with_nan_positions_is_refused_before_anything_starts(
    al_loop: Command, tmp_path: Path
) -> None:
    (tmp_path / "glass.xyz").write_text(
        '3\nLattice="6 0 0 0 6 0 0 0 6" Properties=species:S:1:pos:R:3 pbc="T T T"\n'
        "Si 0 0 0\nO nan 0 0\nO 0 2 0\n"
    )
    text = GOOD.replace("crystal: beta-cristobalite", "file: glass.xyz", 1)
    (tmp_path / "cheap.yaml").write_text(text)
    ran = al_loop("run", "cheap.yaml")
    assert ran.code == 2
    assert "glass.xyz" in ran.err
    assert not (tmp_path / "cheap").exists()


def test_a_folder_that_cannot_be_written_is_named(al_loop: Command, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    (tmp_path / "cheap.yaml").write_text(GOOD + "folder: taken/campaign\n")
    ran = al_loop("check", "cheap.yaml")
    assert ran.code == 2
    assert "taken/campaign" in ran.err
    assert "folder" in ran.err


def test_a_campaign_file_that_is_not_there_says_how_to_get_one(al_loop: Command) -> None:
    ran = al_loop("run", "nowhere.yaml")
    assert ran.code == 2
    assert "nowhere.yaml" in ran.err
    assert "al-loop init" in ran.err


def test_an_explorer_that_cannot_run_the_models_is_refused(
    al_loop: Command, tmp_path: Path
) -> None:
    text = GOOD.replace("engine: ase", "engine: lammps")
    (tmp_path / "cheap.yaml").write_text(text)
    ran = al_loop("check", "cheap.yaml")
    assert ran.code == 2
    assert "explore.engine" in ran.err
    assert "ase" in ran.err


def test_without_a_database_status_says_how_to_get_one(al_loop: Command) -> None:
    ran = al_loop("status")
    assert ran.code == 2
    assert "al-loop db start" in ran.err
