"""The report of a campaign: its numbers against the store, and what it must never do."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from functools import reduce
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from al_loop.campaign.load import parse_campaign
from al_loop.campaign.stages import TrustLevels
from al_loop.launch import control
from al_loop.loop.context import Context
from al_loop.report.figures import KINDS
from al_loop.report.methods import methods_of
from al_loop.report.source import Source
from al_loop.report.write import render, write_report
from al_loop.store import GateRecord, Store
from tests.cli.conftest import Command
from tests.glasses import put_silica, take_away
from tests.loop.test_late_labels import NAME
from tests.report.conftest import GIVEN_UP, HOSTILE, begin

pytestmark = pytest.mark.engine


class Reader(HTMLParser):
    """Tags with what they refer to, and the cells of the tables of each section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: dict[str, list[list[str]]] = {}
        self._section, self._cell = "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "section":
            self._section = str(given["id"])
        elif tag == "tr":
            self.rows.setdefault(self._section, []).append([])
        elif tag in ("td", "th"):
            self._cell = True
            self.rows[self._section][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[self._section][-1][-1] += data


@pytest.fixture(scope="module")
def text(source: Source) -> str:
    return render(source)


@pytest.fixture(scope="module")
def page(text: str) -> Reader:
    return Reader(text)


def test_strata_are_those_of_the_store(finished: Store, page: Reader) -> None:
    ctx = Context(finished, NAME)
    counted: Counter[tuple[str, str]] = Counter()
    for one in finished.selections.of_campaign(NAME):
        label = ctx.labels_of([one.frame]).get(one.frame)
        if label is None or label.state != "ok":
            continue
        atoms = finished.frames.get_many([one.frame])[one.frame]
        symbols = Counter(atoms.get_chemical_symbols())
        units = reduce(math.gcd, symbols.values())
        assert (symbols["Si"] // units, symbols["O"] // units) == (1, 2)
        stage = "start" if one.chosen == "initial" else one.group.split(", ")[1]
        counted["SiO2", stage] += 1
    rows = {
        (row[0], row[1]): int(row[2])
        for row in page.rows["data"]
        if row[0] == "SiO2" and row[2] != "0"
    }
    assert rows == counted
    assert sum(counted.values()) == sum(
        one.counts.labelled for one in finished.iterations.all(NAME)
    )
    densities = [int(row[1]) for row in page.rows["data"] if re.match(r"\d\.\d\d to", row[0])]
    assert sum(densities) == sum(counted.values())


def test_errors_are_those_of_the_models_and_of_the_audit(finished: Store, page: Reader) -> None:
    rows = [row for row in page.rows["errors"] if row[0].isdigit()]
    records = finished.iterations.all(NAME)
    assert [int(row[0]) for row in rows] == [record.index for record in records]
    audited = 0
    for row, record in zip(rows, records, strict=True):
        models = finished.models.of_iteration(NAME, record.index)
        errors = [m.test_errors for m in models if m.test_errors]
        force = np.mean([e.force_rmse for e in errors if e.force_rmse is not None])
        energy = np.mean([e.energy_rmse for e in errors if e.energy_rmse is not None])
        assert row[3].startswith(f"{energy:.1f}") and row[4].startswith(f"{force:.3f}")
        assert int(row[1]) == len(finished.training_sets.frames(models[0].training_set))
        assert record.final_test_errors is not None
        assert row[6] == f"{record.final_test_errors.force_rmse:.3f}"
        squares = []
        ctx = Context(finished, NAME)
        for one in finished.selections.of_iteration(NAME, record.index):
            label = ctx.labels_of([one.frame]).get(one.frame)
            if one.chosen == "audit" and label is not None and label.forces is not None:
                assert one.predicted_forces is not None
                squares.append(np.ravel(one.predicted_forces - label.forces) ** 2)
        if squares:
            audited += 1
            assert row[8].startswith(f"{np.sqrt(np.mean(np.concatenate(squares))):.3f}")
            assert record.audit_error == pytest.approx(np.sqrt(np.mean(np.concatenate(squares))))
        else:
            assert row[8] == "–"
    assert audited


def test_intervals_hold_their_values(source: Source) -> None:
    for one in source.errors:
        for found in (one.energy, one.force, one.audit_force):
            if found is not None and found.low is not None and found.high is not None:
                assert found.low <= found.value <= found.high
    assert any(one.force and one.force.low is not None for one in source.errors)


def test_it_says_what_failed_and_that_no_glass_was_validated(
    finished: Store, page: Reader, text: str
) -> None:
    rows = {row[1]: row for row in page.rows["failures"] if row[0].isdigit()}
    assert rows["job"][0] == "1" and "resume" in rows["job"][4]
    assert "no such device" in text and f"{GIVEN_UP} was given up" in text
    doubted = sum(one.counts.quarantined_labels for one in finished.iterations.all(NAME))
    assert len([row for row in page.rows["failures"] if "quarantined" in row]) == doubted
    if doubted:
        assert rows["quarantined label"][0] == str(doubted)
    assert "Not validated." in text


def test_the_methods_have_every_version_and_a_doi_for_each_number(
    source: Source, text: str
) -> None:
    methods = methods_of(source)
    cited = {
        int(number)
        for _, paragraph in methods.paragraphs
        for group in re.findall(r"\[([\d,]+)\]", paragraph)
        for number in group.split(",")
    }
    assert cited == set(range(1, len(methods.references) + 1))
    for one in methods.references:
        assert re.fullmatch(r"10\.\d{4,5}/\S+", one.doi)
        assert f"https://doi.org/{one.doi}" in text
    words = " ".join(paragraph for _, paragraph in methods.paragraphs)
    spec = source.ctx.spec
    for engine in (spec.train, spec.explore, spec.label):
        for key in type(engine.options).model_fields:
            assert key in words, f"option {key} of {engine.engine}"
    from_jobs = {one.does for one in methods.programs if one.found == "in the jobs"}
    assert from_jobs == {"train", "explore", "label"}
    assert methods.fingerprint == source.ctx.fingerprint


def test_its_settings_are_the_campaign(text: str, finished: Store) -> None:
    found = re.search(r'id="asked".*?<pre>(.*?)</pre>', text, re.DOTALL)
    assert found is not None
    assert parse_campaign(html.unescape(found[1])) == Context(finished, NAME).spec


def test_what_was_amended_is_told_with_when_and_by_whom(store: Store, tmp_path: Path) -> None:
    begin(store, tmp_path)
    first = Source(Context(store, NAME))
    assert "Amended since" not in render(first)
    assert "Amendments" not in dict(methods_of(first).paragraphs)
    start = store.clock()
    control.amend_trust(store.connection, NAME, TrustLevels(lower=0.2, upper=0.75), by="ada")
    odd = Context(store, NAME).spec.model_copy(update={"description": "<b>made</b> by night"})
    control.amend(store.connection, odd, by="grace")
    Context(store, NAME).event("amended", "what was put off holds from iteration 3 on")
    source = Source(Context(store, NAME))
    assert [one.who for one in source.amendments] == ["ada", "ada", "grace", ""]
    for one in source.amendments:
        assert start <= one.when <= store.clock()
    text = render(source)
    rows = [row for row in Reader(text).rows["asked"] if row[0].endswith(" UTC")]
    assert [row[1:] for row in rows] == [
        ["ada", "select.trust.lower: 0.5 -> 0.2 (now)"],
        ["ada", "select.trust.upper: 20.0 -> 0.75 (now)"],
        ["grace", f'description: "{HOSTILE}" -> "<b>made</b> by night" (now)'],
        ["–", "what was put off holds from iteration 3 on"],
    ]
    assert HOSTILE not in text and "<b>made" not in text
    told = dict(methods_of(source).paragraphs)["Amendments"]
    assert "at the end of the campaign" in told and "holds from iteration 3" not in told
    assert "select.trust.upper: 20.0 -> 0.75 (now)" in told


def test_nothing_is_loaded_and_names_are_escaped(page: Reader, text: str) -> None:
    assert HOSTILE not in text and "&lt;img src=x" in text
    names = {name for name, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert "url(" not in text and "@import" not in text
    for name, given in page.tags:
        if name == "img":
            assert str(given["src"]).startswith("data:image/svg+xml;base64,") and given["alt"]
        assert not {key for key in given if key.startswith("on") or key == "srcset"}
        if name == "a":
            assert re.match(r"#|https://doi\.org/10\.", str(given["href"]))


def test_a_campaign_that_has_only_begun_is_reported(store: Store, tmp_path: Path) -> None:
    begin(store, tmp_path)
    write_report(Source(Context(store, NAME)), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "No committee has been trained yet" in text and "<img" not in text
    assert "Methods" in text and "linear in its coefficients" in text


def test_no_password_is_sent_along(store: Store, tmp_path: Path) -> None:
    begin(store, tmp_path)
    store.campaigns.set_state(NAME, "failed", "cannot reach mongodb://ada:Rosenquarz@db.example/")
    text = render(Source(Context(store, NAME)))
    assert "Rosenquarz" not in text and "mongodb://ada:" in text


def test_the_command_replaces_a_file_in_one_step_and_writes_figures(
    finished: Store, al_loop: Command, tmp_path: Path
) -> None:
    finished.connection.to_launchpad_file(tmp_path / "site.yaml")
    target, other = tmp_path / "report.html", tmp_path / "the-old-one"
    target.write_text("old")
    other.hardlink_to(target)
    ran = al_loop("report", NAME, "-o", target, "--figures", "-l", "site.yaml")
    assert ran.code == 0, ran.err
    assert target.read_text().startswith("<!doctype html>")
    assert other.read_text() == "old"
    written = sorted(p.name for p in tmp_path.iterdir())
    assert written == ["report-figures", "report.html", "site.yaml", "the-old-one"]
    figures = {path.name for path in (tmp_path / "report-figures").iterdir()}
    drawn = set(KINDS) - {"glass"}  # it has made none
    assert figures == {f"{kind}.{fmt}" for kind in drawn for fmt in ("pdf", "png")}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "nobody"], "no campaign called 'nobody'"),
        (["plot", NAME, "lerning"], "did you mean"),
        (["plot", NAME, "learning", "-o", "a.jpeg"], ".jpeg is not a format"),
        (["report", NAME, "-o", "no/such/report.html"], "no such folder"),
    ],
)
def test_what_cannot_be_done_is_said(
    finished: Store, al_loop: Command, tmp_path: Path, arguments: list[str], words: str
) -> None:
    finished.connection.to_launchpad_file(tmp_path / "site.yaml")
    ran = al_loop(*arguments, "-l", "site.yaml")
    assert ran.code == 2 and words in ran.err, ran.err
    assert [p.name for p in tmp_path.iterdir()] == ["site.yaml"]


def test_gates_of_a_glass_are_told_and_what_was_published_beside_them(
    finished: Store, tmp_path: Path
) -> None:
    source = Source(Context(finished, NAME))
    gate = GateRecord(
        system="silica <b>",
        observable="density",
        asked="2.20 within 0.05",
        state="failed",
        words="2.31 +- 0.01 g/cm3 is above 2.25",
        value=2.3123,
        error=0.011,
        unit="g/cm3",
        samples=3,
    )
    last = source.iterations[-1].model_copy(update={"glass": (gate,)})
    source.iterations[-1] = last
    put_silica(finished, NAME, last.index, tmp_path)
    try:
        text = render(source)
    finally:
        take_away(finished, NAME)
    (row,) = [row for row in Reader(text).rows["glass"] if row[0] == "silica <b>"]
    assert row[1:6] == ["density", "2.20 within 0.05", "3", "2.312 ± 0.011 g/cm3", "failed"]
    assert "0 of 1 <small>gates passed" in text and "silica &lt;b&gt;" in text
    assert "Not validated." not in text
    rows = Reader(text).rows["glass"]
    densities = [row for row in rows if row[0] == "density"]
    assert {row[1] for row in densities} == {"2.2010(10) g/cm3"}
    assert "inside" in {row[3] for row in densities}
    # 1.75 Å, where Mozzi and Warren (1969) found 1.62 Å
    length = next(row for row in rows if row[0] == "length_Si-O" and "Mozzi" in row[4])
    assert "too high" in length[3] and "doi:10." in length[4]
    assert "One glass does not tell the scatter between glasses" in text
    assert "porosity_of_nothing 0.5" in text and "Not validated." not in text
