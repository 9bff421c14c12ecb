"""Figures of a campaign: every kind is drawn, opens, and shows what the store has."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from al_loop.glass.compare import read_references, shipped_references
from al_loop.loop.context import Context
from al_loop.loop.figures import COLUMN, encoded
from al_loop.report.figures import KINDS, draw, write_figures
from al_loop.report.source import Source
from al_loop.store import Store
from tests.cli.conftest import Command
from tests.glasses import hot_silica, put_glass, take_away, write_curve
from tests.loop.test_late_labels import NAME
from tests.report.conftest import begin

pytestmark = pytest.mark.engine

SILICA = hot_silica(3)


@pytest.fixture(scope="module")
def source(finished: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """The finished campaign, with a glass that it has made."""
    last = finished.iterations.latest(NAME)
    assert last is not None
    put_glass(finished, NAME, last.index, tmp_path_factory.mktemp("glass"), SILICA, samples=2)
    yield Source(Context(finished, NAME))
    take_away(finished, NAME)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_opens_in_each_format(source: Source, kind: str) -> None:
    figure = draw(source, KINDS[kind])
    assert figure is not None
    with Image.open(io.BytesIO(encoded(figure, "png"))) as image:
        image.load()
        assert image.width >= 300 * COLUMN - 1
        assert len(np.unique(np.asarray(image.convert("L")))) > 5
    pdf = encoded(figure, "pdf")
    assert pdf.startswith(b"%PDF-1.") and pdf.rstrip().endswith(b"%%EOF")
    assert b"/Type3" not in pdf  # fonts that journals refuse
    assert ElementTree.fromstring(encoded(figure, "svg")).tag.endswith("svg")


def test_the_same_campaign_gives_the_same_bytes(finished: Store) -> None:
    one, two = (Source(Context(finished, NAME)) for _ in range(2))
    for kind in ("learning", "parity-force"):
        figures = [draw(source, KINDS[kind]) for source in (one, two)]
        for fmt in ("pdf", "png", "svg"):
            first, second = (encoded(f, fmt) for f in figures if f is not None)  # type: ignore[arg-type]
            assert first == second


def test_parity_shows_each_force_component_once(finished: Store, source: Source) -> None:
    figure = draw(source, KINDS["parity-force"])
    assert figure is not None
    ctx, shown = Context(finished, NAME), []
    for record in source.iterations:
        components = 0
        for one in finished.selections.of_iteration(NAME, record.index):
            label = ctx.labels_of([one.frame]).get(one.frame)
            if one.predicted_forces is not None and label is not None and label.state == "ok":
                components += one.predicted_forces.size
        shown += [components] if components else []
    lines = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in lines) == shown[-1]  # type: ignore[arg-type]


def test_parity_of_energies_shows_the_stored_error(finished: Store, source: Source) -> None:
    figure = draw(source, KINDS["parity-energy"])
    assert figure is not None
    (points,) = [line for line in figure.axes[1].lines if line.get_linestyle() == "None"]
    off = np.asarray(points.get_ydata(), dtype=float)
    models = finished.models.of_iteration(NAME, source.iterations[-1].index)
    rmse = [m.test_errors.energy_rmse for m in models if m.test_errors]
    # it is the leader's, one of the members
    assert min(abs(np.sqrt(np.mean(off**2)) - one) for one in rmse if one) < 1e-6 * max(
        off.max(), 1
    )


def test_a_model_that_has_run_away_is_drawn_where_it_is_finite(source: Source) -> None:
    last = source.last
    assert last is not None
    energy = last.members[last.leader].energy.copy()
    energy[:2] = np.nan, np.inf
    lost = replace(last.members[last.leader], energy=energy)
    other = Source(source.ctx)
    other.last = replace(last, members=(lost,), leader=0)
    figure = draw(other, KINDS["parity-energy"])
    assert figure is not None and np.isfinite(figure.axes[0].get_xlim()).all()
    assert encoded(figure, "svg")


def test_cost_adds_up_to_what_the_jobs_took(finished: Store, source: Source) -> None:
    spent = 0.0
    for record in source.iterations:
        spent += record.counts.core_seconds
        for stage in ("train", "explore", "assess"):
            for job in finished.jobs.of_stage(NAME, record.index, stage):
                assert job.started is not None and job.ended is not None
                spent += (job.ended - job.started).total_seconds()
    figure = draw(source, KINDS["cost"])
    assert figure is not None
    (axes,) = figure.axes
    shown = sum(bar.get_height() for bars in axes.containers for bar in bars)  # type: ignore[attr-defined]
    unit = {"core-seconds": 1.0, "core-minutes": 60.0, "core-hours": 3600.0}[axes.get_ylabel()]
    assert shown * unit == pytest.approx(spent, rel=1e-9)


def test_a_campaign_that_has_only_begun_has_no_figures(
    store: Store, tmp_path: Path, al_loop: Command
) -> None:
    begin(store, tmp_path)
    assert write_figures(Source(Context(store, NAME)), tmp_path / "figures", ("png",)) == []
    store.connection.to_launchpad_file(tmp_path / "site.yaml")
    ran = al_loop("plot", NAME, "learning", "-l", "site.yaml")
    assert ran.code == 2 and "nothing to draw" in ran.err
    assert not list(tmp_path.glob("*.pdf"))


def test_a_glass_is_drawn_as_it_was_measured_beside_what_was_published(
    source: Source, tmp_path: Path
) -> None:
    other = hot_silica(4)
    write_curve(other, "s_neutron", tmp_path / "s.csv", source="somebody (2026)")
    beside = Source(source.ctx)
    view = source.glass
    assert view is not None
    references = shipped_references() + read_references(tmp_path / "s.csv")
    (silica,) = view.systems
    beside.glass = replace(view, systems=[replace(silica, references=references)])
    figure = draw(beside, KINDS["glass"])
    assert figure is not None
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    factors = {
        str(line.get_label()): np.asarray(line.get_xydata(), dtype=float)
        for line in panels["silica: structure factors"].lines
    }
    assert list(factors) == ["neutrons", "somebody (2026)", "X-rays + 1"]
    for label, found, up in (
        ("neutrons", SILICA.curves["s_neutron"], 0.0),
        ("somebody (2026)", other.curves["s_neutron"], 0.0),
        ("X-rays + 1", SILICA.curves["s_xray"], 1.0),
    ):
        assert factors[label] == pytest.approx(np.c_[found.x, found.y + up], abs=1e-4)
    pairs = [line.get_label() for line in panels["silica: pair distributions"].lines]
    assert sorted(map(str, pairs)) == ["O-O", "Si-O", "Si-Si"]
    bars = panels["silica: rings"].containers
    king = [bar.get_height() for bar in bars[1]]  # type: ignore[attr-defined]
    assert king == [SILICA.values[f"rings_king_{n}"].value for n in (4, 5, 6, 7, 8)]
    assert "silica: total correlation" not in panels, "nobody has published one"


def test_the_command_lists_and_draws(
    finished: Store, source: Source, al_loop: Command, tmp_path: Path
) -> None:
    finished.connection.to_launchpad_file(tmp_path / "site.yaml")
    listed = al_loop("plot", NAME, "-l", "site.yaml").out
    assert all(kind in listed for kind in KINDS) and "nothing yet" not in listed
    assert al_loop("plot", NAME, "cost", "-o", "a.svg", "-l", "site.yaml").code == 0
    ElementTree.parse(tmp_path / "a.svg")
