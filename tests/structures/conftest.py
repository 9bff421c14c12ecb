"""A campaign whose structures can be exchanged."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from al_loop.campaign import CampaignSpec

ENTRY_POINTS = """\
[al_loop.trainers]
no-trainer = al_loop_no_engines:Engine
[al_loop.explorers]
no-explorer = al_loop_no_engines:Engine
[al_loop.labellers]
no-labeller = al_loop_no_engines:Engine
"""
MODULE = """\
from al_loop.campaign.engines import EngineOptions
class Engine:
    Options = EngineOptions
"""


@pytest.fixture(scope="session", autouse=True)
def registered_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Engines that need no package: structures do not depend on any."""
    site = tmp_path_factory.mktemp("site")
    info = site / "al_loop_no_engines-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: al-loop-no-engines\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "al_loop_no_engines.py").write_text(MODULE)
    sys.path.insert(0, str(site))
    yield
    sys.path.remove(str(site))
    sys.modules.pop("al_loop_no_engines", None)


MakeSpec = Callable[..., CampaignSpec]


@pytest.fixture
def make_spec() -> MakeSpec:
    """A campaign of the given structures."""

    def make(
        structures: dict[str, Any],
        *,
        seed: int = 1,
        elements: tuple[str, ...] = ("Si", "O"),
        min_distance: dict[str, float] | None = None,
    ) -> CampaignSpec:
        return CampaignSpec.model_validate(
            {
                "name": "test",
                "elements": elements,
                "seed": seed,
                "structures": structures,
                "train": {"engine": "no-trainer"},
                "explore": {
                    "engine": "no-explorer",
                    "stages": [{"from": list(structures)[:1], "temperatures": [300], "steps": 10}],
                },
                "select": {
                    "trust": {"lower": 0.1, "upper": 0.3},
                    "batch": 1,
                    "min_distance": min_distance or {},
                },
                "label": {"engine": "no-labeller"},
            }
        )

    return make


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Folder of the campaign file."""
    return tmp_path
