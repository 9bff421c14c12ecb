"""The documentation: it builds without a warning, loads nothing from elsewhere, and is whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from al_loop.campaign import CampaignSpec, engine_class
from al_loop.campaign.engines import GROUPS

PROJECT = Path(__file__).parents[2]
CONFIG = PROJECT / "docs" / "mkdocs" / "mkdocs.yml"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    done = subprocess.run(
        [*command, "-f", str(CONFIG), "-d", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},  # advertisement of a successor
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.strip() == ""
    return folder


class Loads(HTMLParser):
    """What a page loads by itself: everything but the links that a reader may follow."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if given.get("rel") not in ("canonical", "next", "prev"):
            names = ("src", "srcset", "data") if tag == "a" else ("src", "srcset", "data", "href")
            self.found += [value for name in names if (value := given.get(name))]


def words(html: str) -> str:
    """A text as it is read, without tags."""
    return re.sub(r"[ \n]+", " ", unescape(re.sub(r"<[^>]+>", "", html)))


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text())
        assert loads.found, page
        assert [one for one in loads.found if re.match(r"(\w+:)?//", one)] == [], page
        assert 'class="mermaid"' not in page.read_text(), f"{page}: mermaid comes from a CDN"
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text()), style


SECTION = "a model of its own, which describes itself"


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Model, key and description of every option, by pydantic's own JSON schema."""
    models = [schema, *schema.get("$defs", {}).values()]
    for model in models:
        for key, one in model.get("properties", {}).items():
            is_section = "$ref" in str(one)
            yield model["title"], key, one.get("description", SECTION * is_section)


def check_keys(model: type[BaseModel], page: str) -> None:
    for name, key, description in properties(model.model_json_schema()):
        assert f" {key} " in page, f"{name}.{key} is not on the page"
        assert description, f"{name}.{key} needs a description"
        text = re.sub(r"\s+", " ", description.replace("`", "")).strip()
        assert text in page or text == SECTION, f"{name}.{key}: {text}"


def test_every_key_of_a_campaign_file_is_there_with_its_description(site: Path) -> None:
    check_keys(CampaignSpec, words((site / "reference/campaign.html").read_text()))


def is_ours(point: EntryPoint) -> bool:
    """Not an engine that another test has put on the path."""
    return point.value.startswith("al_loop.")


def test_every_option_of_every_engine_is_there(site: Path) -> None:
    page = words((site / "reference/engines.html").read_text())
    for kind in GROUPS:
        ours = [point.name for point in entry_points(group=GROUPS[kind]) if is_ours(point)]
        assert ours
        for name in ours:
            assert f" {name} " in page.replace("¶", " ¶")
            check_keys(engine_class(kind, name).Options, page)


def test_units_and_defaults_are_in_the_tables(site: Path) -> None:
    rows = re.findall(r"<tr>(.*?)</tr>", (site / "reference/campaign.html").read_text(), re.S)
    cells = [[words(one) for one in re.findall(r"<td>(.*?)</td>", row, re.S)] for row in rows]
    assert ["timestep", "number >\u00a00, ≤\u00a05", "1", "fs."] in cells
    assert ["lower", "number >\u00a00", "needed", "eV/Å."] in cells
    starts = next(row for row in cells if row[:1] == ["starts"])
    assert starts[1:3] == ["structures or last", "structures"]


def test_every_verb_and_option_of_the_command_is_there(site: Path) -> None:
    from al_loop.cli.app import app

    page = words((site / "reference/commands.html").read_text())
    runner = CliRunner(env={"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"})

    def walk(verbs: list[str]) -> None:
        text = runner.invoke(app, [*verbs, "--help"]).output
        for option in set(re.findall(r"(?<![\w-])--[a-z-]+", text)) - {"--help"}:
            assert option in page, f"{' '.join(verbs)}: {option}"
        listed = text.partition("Commands")[2]
        for verb in re.findall(r"^[│|\s]*([a-z]+)  ", listed, re.M):
            assert f"al-loop {' '.join([*verbs, verb])}" in page
            walk([*verbs, verb])

    walk([])
    assert "al-loop db user add" in page


def test_collections_are_those_of_the_architecture(site: Path) -> None:
    table = (PROJECT / "ARCHITECTURE.md").read_text().partition("| collection |")[2]
    told = set(re.findall(r"^\| `(\w+)` \|", table, re.M))
    page = (site / "reference/collections.html").read_text()
    assert set(re.findall(r'<h2 id="[\w-]+"><code>(\w+)</code>', page)) - {"al_files"} == told


@pytest.mark.parametrize("name", ["loop", "trust", "convergence"])
def test_equations_are_mathml(site: Path, name: str) -> None:
    page = (site / f"{name}.html").read_text()
    assert len(re.findall(r'<math [^>]*display="block"', page)) >= 2
    assert "arithmatex" not in page
    assert "$" not in words((site / f"{name}.html").read_text())


def test_pages_that_code_and_readme_name_are_there() -> None:
    files = [PROJECT / "README.md", *PROJECT.glob("al_loop/**/*.py"), *PROJECT.glob("configs/*")]
    named = {one for file in files for one in re.findall(r"docs/[\w-]+\.md", file.read_text())}
    assert len(named) > 10
    assert [one for one in sorted(named) if not (PROJECT / one).is_file()] == []


def test_the_example_for_a_composition_is_a_campaign_file() -> None:
    from ruamel.yaml import YAML

    page = (PROJECT / "docs" / "composition.md").read_text()
    text = page.partition("```yaml\n")[2].partition("```")[0]
    spec = CampaignSpec.model_validate(YAML(typ="safe").load(text))
    assert spec.elements == ("Na", "Al", "Si", "O")
    assert [stage.name for stage in spec.explore.stages] == ["crystal", "melt", "quench"]
