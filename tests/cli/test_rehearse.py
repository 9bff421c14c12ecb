"""`al-loop rehearse`: with a teacher instead of the campaign's labeller."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from al_loop.campaign import load_campaign
from al_loop.errors import UserError
from al_loop.loop.rehearsal import rehearsal_of
from al_loop.store import Connection, Store
from tests.campaigns import CHEAP, REAL, write_campaign
from tests.cli.conftest import Command

pytestmark = pytest.mark.engine

MODEL = Path(__file__).parents[2].parent / "shared" / "data" / "si-zeo22" / "zeo_model.pb"


def test_a_rehearsal_runs_to_its_end_and_tells_the_cost(
    store: Store, connection: Connection, tmp_path: Path, al_loop: Command
) -> None:
    text = CHEAP.replace("engine: pair", "engine: xtb\n  relabel: 0.5")
    text = text.replace("{{iterations: 3}}", "{{iterations: 3, hours: 100}}")
    file = write_campaign(tmp_path, text, name="cheap")
    site = tmp_path / "site.yaml"
    connection.to_launchpad_file(site)
    given = ("rehearse", file, "--teacher", "pair", "--launchpad", site)
    ran = al_loop(*given, "--core-hours-per-label", "2")
    assert ran.code == 0, ran.err + ran.out
    assert "label.relabel is left out" in ran.out
    counts = [one.counts for one in store.iterations.all("cheap-rehearsal")]
    labels = sum(c.labelled + c.failed_labels + c.quarantined_labels for c in counts)
    assert labels > 20
    words = {line.split()[0]: line.split() for line in ran.out.splitlines() if line.strip()}
    assert words["labels"][2] == f"{3 * labels:.4g}"  # half of them twice
    trained = hours_on_disk(tmp_path / "cheap-rehearsal", "train")
    assert float(words["train"][1]) == pytest.approx(trained, rel=0.02)
    assert words["train"][1] == f"{float(words['train'][2]):.3g}"
    assert "3 iterations: spent in iteration 2, 3 used at its end, the last one" in ran.out
    assert "100 hours: spent in iteration 1" in ran.out
    assert "a lower" in ran.out
    assert store.campaigns.get("cheap") is None
    assert (tmp_path / "cheap-rehearsal").is_dir()


def hours_on_disk(folder: Path, stage: str) -> float:
    """From beginning to end of each job of a stage, as its own result says; h."""
    results = [json.loads(one.read_text()) for one in folder.glob(f"iter.*/{stage}/*/result.json")]
    assert results
    return float(sum(one["ended"] - one["started"] for one in results)) / 3600


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
    assert "the rehearsal ended: budget of 1 iterations spent" in ran.out
    assert "say --core-hours-per-label" in ran.out and "not known" in ran.out
    assert "real cost" not in ran.out
    record = store.campaigns.get("real-rehearsal")
    assert record is not None and record.spec["label"]["engine"] == "teacher"
    assert store.iterations.all("real-rehearsal")[0].counts.labelled > 14
