"""Campaign files and engines to read them with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ENTRY_POINTS = """\
[al_loop.trainers]
test-trainer = al_loop_campaign_engines:Trainer
[al_loop.explorers]
test-explorer = al_loop_campaign_engines:Explorer
broken = al_loop_campaign_engines:Nothing
unimportable = al_loop_test_no_such_module:Explorer
[al_loop.labellers]
test-labeller = al_loop_campaign_engines:Labeller
"""

MODULE = """\
from pydantic import Field
from al_loop.campaign.engines import EngineOptions

class Options(EngineOptions):
    steps: int = Field(100, ge=1)
    learning_rate: float = Field(0.001, gt=0)

class Trainer:
    Options = Options
    preload = ()
    def __init__(self, options): self.options = options

class Explorer(Trainer): pass
class Labeller(Trainer): pass
"""

CAMPAIGN = """\
name: silica
elements: [Si, O]
structures:
  quartz:
    crystal: alpha-quartz
    supercell: [2, 1, 1]
    perturb: {copies: 3, rattle: 0.1}
  melt:
    formula: SiO2
    atoms: 24
    density: 2.2
    min_distance: {Si-O: 1.5, O-O: 2.2, Si-Si: 2.6}
train:
  engine: test-trainer
  members: 3
  options:
    steps: 10
explore:
  engine: test-explorer
  stages:
    - from: [quartz, melt]
      temperatures: [300, 2000]
      steps: 100
select:
  trust: {lower: 0.1, upper: 0.3}
  batch: 10
label:
  engine: test-labeller
"""


@pytest.fixture(scope="session", autouse=True)
def registered_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Three engines of another package, registered by entry points like any user's own."""
    site = tmp_path_factory.mktemp("site")
    info = site / "al_loop_campaign_engines-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: al-loop-test-engines\nVersion: 1\n"
    )
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "al_loop_campaign_engines.py").write_text(MODULE)
    sys.path.insert(0, str(site))
    yield
    sys.path.remove(str(site))
    sys.modules.pop("al_loop_campaign_engines", None)


@pytest.fixture
def text() -> str:
    """A small valid campaign."""
    return CAMPAIGN


@pytest.fixture
def campaign_file(tmp_path: Path) -> Path:
    path = tmp_path / "campaign.yaml"
    path.write_text(CAMPAIGN)
    return path
