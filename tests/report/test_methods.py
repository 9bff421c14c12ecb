"""The methods section says what was asked for, no more and no less."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.loop.context import Context
from al_loop.pair_potentials import POTENTIALS
from al_loop.report.methods import methods_of
from al_loop.report.methods.engines import in_words
from al_loop.report.methods.references import REFERENCES
from al_loop.report.source import Source
from al_loop.resources import resource_folder
from al_loop.store import Store
from tests.loop.test_late_labels import NAME
from tests.report.conftest import begin

PAPERS = ("silica-trillot-2024.yaml", "sodium-silicate-liu-2022.yaml")


def words(store: Store, spec: CampaignSpec) -> dict[str, str]:
    """Its paragraphs, as of a campaign in the store that asks for all this."""
    store.campaigns.amend(NAME, dump_campaign(spec), pending=None)
    return dict(methods_of(Source(Context(store, NAME))).paragraphs)


@pytest.fixture
def begun(store: Store, tmp_path: Path) -> CampaignSpec:
    begin(store, tmp_path)
    return Context(store, NAME).spec


def test_a_share_near_all_is_not_told_as_all(store: Store, begun: CampaignSpec) -> None:
    data = dump_campaign(begun)
    data["converge"] |= {"percentile": 0.995, "candidate_fraction": 0.004}
    told = words(store, CampaignSpec.model_validate(data))["Convergence and errors"]
    assert "99.5 % of the forces" in told and "at most 0.4 % of the samples" in told


def test_a_glass_that_has_to_pass_is_told_of(store: Store, begun: CampaignSpec) -> None:
    data = dump_campaign(begun)
    data["validate"] = {
        "systems": {"silica": {"formula": "SiO2", "atoms": 72, "density": 2.2}},
        "quench": {"rate": 5.0},
    }
    data["converge"] |= {"glass": {"density": "2 %"}}
    told = words(store, CampaignSpec.model_validate(data))
    assert "its glass passed these gates: density: 2 %" in told["Convergence and errors"]
    assert "silica (SiO2, 72 atoms, 2.2 g/cm³" in told["Glass"] and "5 K/ps" in told["Glass"]
    assert "Glass" not in words(store, begun)


def test_each_published_potential_is_cited() -> None:
    assert POTENTIALS.keys() <= REFERENCES.keys()


@pytest.mark.parametrize("name", PAPERS)
def test_a_curve_of_hundreds_of_numbers_is_no_sentence(name: str) -> None:
    spec = load_campaign(resource_folder("configs") / name)
    for source in spec.structures.values():
        assert len(in_words(source.model_dump(mode="json", exclude_defaults=True))) < 1500
