"""The store: everything of a campaign, in MongoDB. The only room that speaks pymongo."""

from al_loop.store.campaigns import CampaignRecord, CampaignState
from al_loop.store.connection import Connection, find_connection
from al_loop.store.events import Event
from al_loop.store.frames import Shape
from al_loop.store.glasses import (
    GateRecord,
    GlassMeasurement,
    GlassRecord,
    GlassState,
    MeasuredValue,
)
from al_loop.store.iterations import (
    STAGE_ORDER,
    AuditStratum,
    CalibrationRecord,
    Counts,
    Decision,
    IterationFacts,
    IterationRecord,
    Latest,
    Levels,
    Stage,
)
from al_loop.store.jobs import Held, JobRecord
from al_loop.store.labels import LabelNumbers, LabelRecord, LabelState, LabelTally
from al_loop.store.methods import Method
from al_loop.store.models import ErrorSummary, ModelRecord, Trained
from al_loop.store.quenches import QuenchedFrame, QuenchRecord
from al_loop.store.relabels import Why
from al_loop.store.roles import Role
from al_loop.store.selections import IMPORTED, Chosen, Covered, Selection
from al_loop.store.server import LocalServer, ServerStatus
from al_loop.store.store import Store
from al_loop.store.training_sets import TrainingSet
from al_loop.store.walks import WalkRecord

__all__ = [
    "IMPORTED",
    "STAGE_ORDER",
    "AuditStratum",
    "CalibrationRecord",
    "CampaignRecord",
    "CampaignState",
    "Chosen",
    "Connection",
    "Counts",
    "Covered",
    "Decision",
    "ErrorSummary",
    "Event",
    "GateRecord",
    "GlassMeasurement",
    "GlassRecord",
    "GlassState",
    "Held",
    "IterationFacts",
    "IterationRecord",
    "JobRecord",
    "LabelNumbers",
    "LabelRecord",
    "LabelState",
    "LabelTally",
    "Latest",
    "Levels",
    "LocalServer",
    "MeasuredValue",
    "Method",
    "ModelRecord",
    "QuenchRecord",
    "QuenchedFrame",
    "Role",
    "Selection",
    "ServerStatus",
    "Shape",
    "Stage",
    "Store",
    "Trained",
    "TrainingSet",
    "WalkRecord",
    "Why",
    "find_connection",
]
