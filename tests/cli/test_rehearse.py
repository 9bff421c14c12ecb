"""`al-loop rehearse`: with a teacher instead of the campaign's labeller."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_loop.campaign import load_campaign
from al_loop.errors import UserError
from al_loop.loop.rehearsal import cost_of, rehearsal_of
from al_loop.store import Connection, Store
from tests.campaigns import CHEAP, REAL, write_campaign
from tests.cli.conftest import Command

pytestmark = pytest.mark.engine

MODEL = Path(__file__).parents[2].parent / "shared" / "data" / "si-zeo22" / "zeo_model.pb"


def test_a_rehearsal_runs_to_its_end_and_tells_the_cost(
    store: Store, connection: Connection, tmp_path: Path, al_loop: Command
) -> None:
    text = CHEAP.replace("engine: pair", "engine: xtb\n  relabel: 0.5")
    file = write_campaign(tmp_path, text, name="cheap")
    site = tmp_path / "site.yaml"
    connection.to_launchpad_file(site)
    given = ("rehearse", file, "--teacher", "pair", "--launchpad", site)
    ran = al_loop(*given, "--core-hours-per-label", "2")
    assert ran.code == 0, ran.err + ran.out
    assert "label.relabel is left out" in ran.out
    labels = sum(one.counts.labelled for one in store.iterations.all("cheap-rehearsal"))
    assert labels > 20
    assert f"real cost  {2 * labels} core-hours" in ran.out
    assert store.campaigns.get("cheap") is None
    assert (tmp_path / "cheap-rehearsal").is_dir()


def test_what_the_teacher_does_not_know_is_said_first(
    connection: Connection, tmp_path: Path, al_loop: Command
) -> None:
    text = CHEAP.replace("[Si, O]", "[Si, O, Na]").replace("formula: SiO2", "formula: Na2Si2O5")
    text = text.replace("atoms: 24", "atoms: 18").replace(
        "Si-Si: 2.6", "Si-Si: 2.6, Na-O: 1.9, Na-Si: 2.4, Na-Na: 2.4"
    )
    file = write_campaign(tmp_path, text.replace("engine: pair", "engine: xtb"), name="soda")
    site = tmp_path / "site.yaml"
    connection.to_launchpad_file(site)
    ran = al_loop("rehearse", file, "--teacher", "pair", "--launchpad", site)
    assert ran.code == 2
    assert "Na" in ran.err and "cannot label" in ran.err
    assert not (tmp_path / "soda-rehearsal").exists()


def test_the_campaigns_own_labeller_is_no_teacher(tmp_path: Path) -> None:
    spec = load_campaign(write_campaign(tmp_path, CHEAP, name="cheap"))
    with pytest.raises(UserError, match="nothing to rehearse"):
        rehearsal_of(spec, "pair")
    with pytest.raises(UserError, match="no teacher"):
        rehearsal_of(spec, "nowhere.pb")


def test_the_cost_is_counted_by_hand() -> None:
    """10 and 5 labels, 4 at a time: 3 + 2 rounds of 8 core-hours on 4 cores: 10 h, and 2 h more."""
    found = cost_of([10, 5], 7200, core_hours_per_label=8, cores_per_label=4, nodes=4)
    assert (found.labels, found.core_hours) == (15, 120)
    assert found.days == pytest.approx(0.5)


@pytest.mark.skipif(not MODEL.is_file(), reason="the zeolites' model is not here")
def test_a_deep_potential_of_real_silica_is_the_teacher(
    store: Store, connection: Connection, tmp_path: Path, al_loop: Command
) -> None:
    text = REAL.replace("budget: {{iterations: 2}}", "budget: {{iterations: 1}}")
    file = write_campaign(tmp_path, text, name="real")
    site = tmp_path / "site.yaml"
    connection.to_launchpad_file(site)
    ran = al_loop("rehearse", file, "--teacher", MODEL, "--launchpad", site)
    assert ran.code == 0, ran.err + ran.out
    assert "a real run would have ended: budget of 1 iterations spent" in ran.out
    assert "core-hours not known" in ran.out
    record = store.campaigns.get("real-rehearsal")
    assert record is not None and record.spec["label"]["engine"] == "teacher"
    assert store.iterations.all("real-rehearsal")[0].counts.labelled > 14
