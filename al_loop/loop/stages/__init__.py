"""The stages of an iteration, each behind the same four verbs."""

from al_loop.loop.stages.assess import Assess
from al_loop.loop.stages.base import StageLogic
from al_loop.loop.stages.explore import Explore
from al_loop.loop.stages.label import Label
from al_loop.loop.stages.quench import Quench
from al_loop.loop.stages.select import Select
from al_loop.loop.stages.start import Start
from al_loop.loop.stages.train import Train
from al_loop.loop.stages.validate import Validate
from al_loop.store import Stage

STAGES: dict[Stage, StageLogic] = {
    "quench": Quench(),
    "start": Start(),
    "train": Train(),
    "validate": Validate(),
    "explore": Explore(),
    "select": Select(),
    "label": Label(),
    "assess": Assess(),
}

__all__ = ["STAGES", "StageLogic"]
