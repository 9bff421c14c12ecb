from __future__ import annotations

from pathlib import Path

import pytest

from al_loop.campaign import load_campaign
from al_loop.resources import resource_folder
from tests.campaigns import CHEAP, write_campaign
from tests.cli.conftest import Command


def test_init_writes_a_campaign_that_check_finds_in_order(al_loop: Command, tmp_path: Path) -> None:
    assert al_loop("init", "my-silica").code == 0
    assert load_campaign(tmp_path / "my-silica.yaml").name == "my-silica"


def test_init_brings_the_curves_that_a_campaign_reads(al_loop: Command, tmp_path: Path) -> None:
    assert al_loop("init", "mine", "--template", "sodium-silicate-liu-2022-small").code == 0
    assert load_campaign(tmp_path / "mine.yaml").name == "mine"
    assert [path.name for path in tmp_path.glob("*.csv")] == ["sodium-silicate-liu-2022.csv"]


def test_init_never_overwrites(al_loop: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("precious")
    assert al_loop("init", "mine").code == 2
    assert (tmp_path / "mine.yaml").read_text() == "precious"


def test_an_unknown_template_is_answered_with_the_known_ones(al_loop: Command) -> None:
    ran = al_loop("init", "mine", "--template", "no-such")
    assert ran.code == 2
    assert "silica-quickstart" in ran.err


@pytest.mark.parametrize("path", sorted(resource_folder("configs").glob("*.yaml")), ids=str)
def test_every_shipped_campaign_is_valid(path: Path) -> None:
    assert load_campaign(path).name == path.stem


@pytest.mark.engine
def test_check_shows_engines_structures_cost_and_first_inputs(
    al_loop: Command, tmp_path: Path
) -> None:
    al_loop("init", "mine")
    ran = al_loop("check", "mine.yaml", "--inputs", "first")
    assert ran.code == 0, ran.err
    assert "tblite" in ran.out
    assert "DeePMD-kit 3.2.0" in ran.out
    assert "alpha-quartz" in ran.out
    script = next((tmp_path / "first").rglob("in.lammps")).read_text()
    assert "pair_style" in script
    assert sorted(p.name for p in tmp_path.iterdir()) == ["first", "mine.yaml"]


@pytest.mark.parametrize(
    ("most", "words"),
    [(24, "boxes of packed are quenched and labelled"), (20, "nothing of it is explored")],
)
def test_check_says_what_is_explored_where_a_glass_is_too_large_to_be_labelled(
    al_loop: Command, tmp_path: Path, most: int, words: str
) -> None:
    system = "{{formula: SiO2, atoms: 600, density: 2.2}}"
    wish = f"{{{{systems: {{{{silica: {system}}}}}, explore_up_to: {most}}}}}"
    write_campaign(tmp_path, f"{CHEAP}validate: {wish}\n", name="mine")
    ran = al_loop("check", "mine.yaml")
    assert ran.code == 0, ran.err
    assert "silica is too large to be labelled (validate.explore_up_to)" in ran.out
    assert words in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rnu",), "Did you mean"),
        (("run",), "Missing argument"),
        (("run", "a.yaml", "--coers", "2"), "--cores"),
    ],
)
def test_a_wrong_command_line_is_explained_without_a_stack_trace(
    al_loop: Command, arguments: tuple[str, ...], words: str
) -> None:
    ran = al_loop(*arguments)
    assert ran.code == 2
    assert words in ran.err
    assert "Traceback" not in ran.err
