"""Pages of an iteration, a walker, a model and a frame: their numbers, against the store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from al_loop.loop.context import Context
from al_loop.store import ModelRecord, Selection, Store
from tests.glasses import put_silica, take_away
from tests.train.test_deepmd_text import CURVE
from tests.web.test_campaign_page import NAME, client, people, running, site_of_it

__all__ = ["client", "people", "running", "site_of_it"]  # fixtures

pytestmark = pytest.mark.engine

HERE = f"/campaigns/{NAME}"


@pytest.fixture
def labelled(running: Store) -> Selection:
    """A frame that iteration 0 chose of a walker, with a good label."""
    chosen = [one for one in running.selections.of_iteration(NAME, 0) if one.error is not None]
    return max(chosen, key=lambda one: one.deviation or 0.0)


def test_an_iteration_leads_to_its_walkers_models_and_frames(
    client: FlaskClient, running: Store
) -> None:
    page = client.get(f"{HERE}/iterations/0/").text
    for walk in running.walks.of_iteration(NAME, 0):
        assert f'href="{HERE}/iterations/0/walkers/{walk.walker}/"' in page
    for model in running.models.of_iteration(NAME, 0):
        assert f'href="{HERE}/models/0/{model.member}/"' in page
    for frame in running.selections.hashes(NAME, 0):
        assert f'href="{HERE}/frames/{frame}/"' in page
    assert f'href="{HERE}/iterations/1/"' in page
    assert f'href="{HERE}/iterations/0/"' in client.get(f"{HERE}/").text


def test_forces_before_training_are_those_that_were_predicted(
    client: FlaskClient, running: Store
) -> None:
    found = client.get(f"{HERE}/iterations/0/parity.json").json["forces"]
    ctx = Context(running, NAME)
    chosen = running.selections.of_iteration(NAME, 0)
    for cloud in found:
        mine = [one for one in chosen if one.chosen == cloud["name"]]
        labels = ctx.labels_of(one.frame for one in mine)
        pairs = {
            (f"{label:.6g}", f"{predicted:.6g}")
            for one in mine
            if one.frame in labels and one.predicted_forces is not None
            for label, predicted in zip(
                np.ravel(labels[one.frame].forces), np.ravel(one.predicted_forces), strict=True
            )
        }
        shown = zip(cloud["label"], cloud["predicted"], strict=True)
        assert {(f"{a:.6g}", f"{b:.6g}") for a, b in shown} <= pairs
        assert len(cloud["label"]) > 50
    assert {cloud["name"] for cloud in found} <= {"candidate", "audit"} and found


def test_a_walker_shows_what_it_measured(client: FlaskClient, running: Store) -> None:
    for walk in running.walks.of_iteration(NAME, 0):
        address = f"{HERE}/iterations/0/walkers/{walk.walker}"
        found = client.get(f"{address}.json").json
        assert found["deviation"] == pytest.approx(walk.max_force_deviation, rel=1e-5)
        assert found["time"] == pytest.approx(walk.step / 1000.0)  # 1 fs a step
        assert found["temperature"] == pytest.approx(walk.sample_temperature, rel=1e-5)
        page = client.get(f"{address}/").text
        for one in found["chosen"]:
            assert f'href="{HERE}/frames/{one["frame"]}/"' in page
            selection = running.selections.whole(NAME, one["frame"])
            assert selection is not None and selection.source == walk.walker


def test_a_frame_has_values_of_each_atom(
    client: FlaskClient, running: Store, labelled: Selection
) -> None:
    found = client.get(f"{HERE}/frames/{labelled.frame}.json").json
    atoms = running.frames.get_many([labelled.frame])[labelled.frame]
    assert found["symbols"] == atoms.get_chemical_symbols()
    assert found["positions"] == pytest.approx(atoms.positions, abs=1e-4)
    values = found["values"]
    assert max(values["deviation"]) == pytest.approx(labelled.deviation, rel=1e-3)
    assert max(values["error of the force"]) == pytest.approx(labelled.error, rel=1e-3)
    assert max(values["force (label)"]) == pytest.approx(labelled.largest_force, rel=1e-3)


def test_lineage_leads_both_ways(client: FlaskClient, running: Store, labelled: Selection) -> None:
    page = client.get(f"{HERE}/frames/{labelled.frame}/").text
    seen = 0
    for model in running.models.of_campaign(NAME):
        mine = labelled.frame in running.training_sets.frames(model.training_set)
        assert (f'href="{HERE}/models/{model.iteration}/{model.member}/"' in page) == mine
        listed = client.get(f"{HERE}/models/{model.iteration}/{model.member}/").text
        assert (f'href="{HERE}/frames/{labelled.frame}/"' in listed) == mine
        seen += mine
    assert 0 < seen < len(running.models.of_campaign(NAME))
    assert f'href="{HERE}/iterations/0/walkers/{labelled.source}/"' in page


def test_energies_of_a_model_are_what_its_file_predicts(
    client: FlaskClient, running: Store, tmp_path: Path
) -> None:
    ctx = Context(running, NAME)
    (record, *_) = running.models.of_iteration(NAME, 1)
    found = client.get(f"{HERE}/models/1/{record.member}.json").json
    file = tmp_path / record.model
    running.files.fetch(record.files[record.model], file)
    predictor = ctx.trainer.predictor(file, ctx.spec.elements)
    wanted = []
    for _, one in ctx.labelled_frames(running.training_sets.frames(record.training_set)):
        n = len(one.atoms)
        wanted.append((one.energy / n, predictor.predict(one.atoms)[0] / n))
    clouds = found["energies"]
    shown = [
        pair for cloud in clouds for pair in zip(cloud["label"], cloud["predicted"], strict=True)
    ]
    assert np.array(sorted(shown)) == pytest.approx(np.array(sorted(wanted)), abs=1e-3)
    for cloud in clouds:
        if cloud["name"] == "test":
            assert record.test_errors is not None
            assert 1000 * cloud["rmse"] == pytest.approx(record.test_errors.energy_rmse)
    (forces,) = found["forces"]
    assert record.test_errors is not None
    assert forces["rmse"] == pytest.approx(record.test_errors.force_rmse)


def test_a_learning_curve_is_drawn_from_what_the_training_left(
    client: FlaskClient, running: Store
) -> None:
    (like, *_) = running.models.of_iteration(NAME, 0)
    key = running.files.put_bytes(CURVE.encode(), name="lcurve.out")
    made = like.model_copy(update={"member": 90, "files": {"lcurve.out": key}})
    running.models.put(ModelRecord.model_validate(made.model_dump()))
    try:
        curve = client.get(f"{HERE}/models/0/90.json").json["curve"]
        assert curve["step"] == [100, 200]
        assert curve["rmse_f_val"] == [2.66, 2.08]
        assert 'id="curve"' in client.get(f"{HERE}/models/0/90/").text
    finally:
        running.models.table.delete({"_id": made.id})
    assert 'id="curve"' not in client.get(f"{HERE}/models/0/{like.member}/").text


def test_what_is_not_there_is_told_so(client: FlaskClient, labelled: Selection) -> None:
    for path in (
        "iterations/77/", "iterations/77/parity.json", "iterations/0/walkers/nobody/",
        "iterations/0/walkers/nobody.json", "models/0/77/", "models/0/77.json",
        f"frames/{'0' * 64}/", "frames/short.json",
    ):  # fmt: skip
        assert client.get(f"{HERE}/{path}").status_code == 404, path
    other = f"/campaigns/other/frames/{labelled.frame}/"
    assert client.get(other).status_code == 404


def test_coverage_and_core_hours_are_on_the_campaigns_page(
    client: FlaskClient, running: Store
) -> None:
    covered = client.get(f"{HERE}/coverage/").text
    chosen = len(running.selections.hashes(NAME))
    assert "SiO2" in covered and f'<td class="n">{chosen}</td>' in covered
    page = client.get(f"{HERE}/").text
    assert f'data-fetch="{HERE}/coverage/"' in page
    for stage in ("train", "explore", "labels"):
        assert f'aria-label="{stage}: ' in page


@pytest.fixture
def glass(running: Store, tmp_path: Path) -> Iterator[None]:
    """Glasses of iteration 1, as a validation leaves them."""
    put_silica(running, NAME, 1, tmp_path)
    yield
    take_away(running, NAME)


def test_a_glass_is_held_against_what_was_published(client: FlaskClient, glass: None) -> None:
    page = client.get(f"{HERE}/glass/").text
    rows = re.findall(
        r"<tr><th class=\"near\" scope=\"row\">(\S+)</th>(.*?)</tr>", page, flags=re.S
    )
    density = next(row for name, row in rows if name == "density")
    assert "2.2010(10) g/cm3" in density and "state inside" in density
    length = next(row for name, row in rows if name == "length_Si-O")
    # 1.75 Å, where Mozzi and Warren (1969) found 1.62 Å
    assert "state outside" in length and "too high" in length and "Mozzi" in length
    assert "porosity_of_nothing 0.5" in page
    assert "One glass does not tell the scatter between glasses" in page
    (curve,) = client.get(f"{HERE}/glass/1/silica.json").json
    assert curve["name"] == "g_Si-O" and len(curve["x"]) == len(curve["y"]) <= 400
    assert f'href="{HERE}/glass/"' in client.get(f"{HERE}/").text
    assert client.get(f"{HERE}/glass/1/other.json").status_code == 404


def test_without_a_glass_it_is_told_how_to_make_one(client: FlaskClient) -> None:
    assert "None has been made" in client.get(f"{HERE}/glass/").text
    assert "/glass/" not in client.get(f"{HERE}/").text
