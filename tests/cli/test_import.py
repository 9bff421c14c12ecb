"""`al-loop import` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from al_loop.exchange import write_extxyz
from al_loop.store import Connection, Store
from tests.campaigns import CHEAP, write_campaign
from tests.cli.conftest import Command
from tests.loop.test_importing import labelled

pytestmark = pytest.mark.engine


@pytest.fixture
def file(tmp_path: Path) -> Path:
    text = CHEAP.replace("engine: pair", "engine: pair\n  declared: [dft]")
    return write_campaign(tmp_path, text, name="cheap")


def test_a_data_set_is_brought_in(
    store: Store, connection: Connection, tmp_path: Path, file: Path, al_loop: Command
) -> None:
    site = tmp_path / "site.yaml"
    connection.to_launchpad_file(site)
    write_extxyz(tmp_path / "set.xyz", labelled(4))
    given = ("import", "set.xyz", "--campaign", file, "--launchpad", site, "--method")
    ran = al_loop(*given, "dft", "--report", "report.json")
    assert ran.code == 0, ran.err
    assert "4 labels new, 0 were there already, 0 refused" in ran.out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["fingerprint"] == {"engine": "declared", "name": "dft"}
    status = al_loop("status", "cheap", "--launchpad", site)
    assert "4 imported" in status.out

    text = (tmp_path / "set.xyz").read_text().replace("Si ", "Ge ")
    (tmp_path / "set.xyz").write_text(text)
    ran = al_loop(*given, "dft")
    assert ran.code == 1
    assert "Ge is not among the campaign's elements" in ran.out

    ran = al_loop("import", "--campaign", "cheap", "--launchpad", site)
    assert ran.code == 0 and "taken      0 labels" in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["set.xyz"], "by which method"),
        (["set.xyz", "--method", "others"], "labels of two methods would be mixed"),
        (["nowhere", "--method", "dft"], "there is no such file"),
        (["set.xyz", "--method", "dft", "--format", "xxx"], "neither dpdata nor ASE"),
    ],
)
def test_what_cannot_be_done_is_said(
    store: Store,
    connection: Connection,
    tmp_path: Path,
    file: Path,
    al_loop: Command,
    arguments: list[str],
    words: str,
) -> None:
    site = tmp_path / "site.yaml"
    connection.to_launchpad_file(site)
    write_extxyz(tmp_path / "set.xyz", labelled(1))
    ran = al_loop("import", *arguments, "--campaign", file, "--launchpad", site)
    assert ran.code == 2
    assert words in ran.err.replace("\n", " ")
