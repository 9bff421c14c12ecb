"""What a worker may run: jobs of al_loop, put up by this version of it, and nothing else.

Whoever may write to a FireWorks database may name any Python function as a task. Our workers
therefore take only fireworks that look exactly as ours do: as a query, so that others are never
checked out, and as a check of what was checked out, before any of its tasks is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Literal

from fireworks import Firework, FWorker, LaunchPad
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from al_loop.campaign.engines import EngineKind
from al_loop.launch.launchpad import DiscreetLaunchPad, opened
from al_loop.launch.loading import ADVANCE as ADVANCE
from al_loop.launch.loading import COMPUTE as COMPUTE
from al_loop.launch.loading import NotOurs as NotOurs
from al_loop.loop.context import STAMP, is_claimed
from al_loop.store import Connection, Stage

SCHEMA = 1
"""Of a firework's spec: to be raised when it changes; fireworks of other schemas are left alone."""

# A folder and a queue request end up in a shell script: no quotes, no dollar signs, no line ends.
# It is a job's: <campaign>/iter.000003/label/chunk-000.
_JOB = r"[A-Za-z0-9][A-Za-z0-9._+=,-]*"
_FOLDER = rf"/[^\"$`\\\x00-\x1f]*/iter\.[0-9]{{6,}}/[a-z]+/{_JOB}"
_PLAIN = r"[A-Za-z0-9_.:-]+"
_NUMBERS = ["int", "long"]

_Folder = Annotated[str, Field(pattern=rf"\A{_FOLDER}\z")]
_Plain = Annotated[str, Field(pattern=rf"\A{_PLAIN}\z")]


class _Exact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class _Compute(_Exact):
    fw_name: Literal["{{al_loop.launch.tasks.ComputeTask}}"] = Field(alias="_fw_name")
    folder: _Folder
    engines: dict[EngineKind, str]


class _Advance(_Exact):
    fw_name: Literal["{{al_loop.launch.tasks.AdvanceTask}}"] = Field(alias="_fw_name")
    campaign: str
    job: str


class _Names(_Exact):
    schema_: Literal[1] = Field(alias="schema")
    id: str
    campaign: str
    iteration: int
    stage: Stage
    job: str


class QueueRequest(_Exact):
    """``_queueadapter``: what the queue is asked for, in the words of our templates."""

    job_name: _Plain
    cores: int | None = Field(None, ge=1)
    gpus: int | None = Field(None, ge=1)
    memory: int | None = Field(None, ge=1, description="MB.")
    walltime: _Plain | None = Field(None, description="HH:MM:SS.")
    warning: int | None = Field(None, ge=1, description="Seconds before the end: stop cleanly.")
    grace: int | None = Field(None, ge=1, description="Seconds that a job has to stop.")


class OurSpec(_Exact):
    """A firework's spec as al_loop writes it: these keys, no others."""

    tasks: tuple[_Compute, _Advance] = Field(alias="_tasks", strict=False)
    al_loop: _Names
    launch_dir: _Folder = Field(alias="_launch_dir")
    add_launchpad: Literal[True] = Field(alias="_add_launchpad_and_fw_id")
    priority: int = Field(alias="_priority")
    category: str | None = Field(None, alias="_category")
    queueadapter: QueueRequest | None = Field(None, alias="_queueadapter")

    @model_validator(mode="after")
    def _one_job(self) -> OurSpec:
        """All parts speak of the same job."""
        compute, advance = self.tasks
        said = (compute.folder, advance.campaign, advance.job)
        names = self.al_loop
        if said != (self.launch_dir, names.campaign, names.id):
            raise ValueError("its tasks are about another job than its names")
        if self.folder.parts[-2:] != (names.stage, names.job):
            raise ValueError("its folder is not that of its job")
        return self

    @property
    def folder(self) -> Path:
        """The job's folder."""
        return Path(self.tasks[0].folder)


def check_spec(spec: Mapping[str, Any], *, fw_id: int | None = None) -> OurSpec:
    """The spec of a firework (as stored, not yet made into objects), if it is one of ours.

    Raises
    ------
    NotOurs
        It is not; nothing of it may be run.
    """
    try:
        return OurSpec.model_validate(spec)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, e['loc'])) or 'spec'}: {e['msg']}" for e in error.errors()[:3]
        ]
    raise NotOurs(
        f"not a job of this version of al_loop, left alone ({'; '.join(faults)})",
        where=f"firework {fw_id}" if fw_id is not None else "FW.json",
        remedy="`al-loop resume NAME` puts a campaign's jobs up anew; other programs' fireworks "
        "need workers of their own (rlaunch)",
    )


def check_firework(launchpad: LaunchPad, raw: Mapping[str, Any]) -> OurSpec:
    """Spec of a firework as stored, if it is a job of a campaign here and safe to read; NotOurs."""
    fw_id = raw["fw_id"]
    spec = check_spec(raw["spec"], fw_id=fw_id)
    campaign = spec.folder.parents[2]
    if campaign.is_dir() and not is_claimed(campaign):
        raise NotOurs(
            f"its folder is in none that `al-loop run` or `submit` has made (no {STAMP}): left "
            "alone",
            where=f"firework {fw_id}",
            remedy=f"look into {campaign}; `al-loop submit FILE` makes a campaign's folder",
        )
    if former := [*raw.get("launches", []), *raw.get("archived_launches", [])]:
        check_launches(launchpad.launches.find({"launch_id": {"$in": former}}), fw_id=fw_id)
    return spec


def check_launches(launches: Iterable[Mapping[str, Any]], *, fw_id: int) -> None:
    """NotOurs when reading a firework's former launches would make objects of other classes."""
    for launch in launches:
        if name := _foreign(launch):
            raise NotOurs(
                f"a former launch of it holds an object of class {name}: left alone",
                where=f"firework {fw_id}",
                remedy="`al-loop resume NAME` puts a campaign's jobs up anew",
            )


def _foreign(value: Any) -> str:
    """Class of the first object of somebody else's in a document; empty when there is none."""
    if isinstance(value, Mapping):
        for key in ("_fw_name", "@class", "@module"):
            if key in value and value[key] not in (COMPUTE, ADVANCE):
                return str(value[key])
        return next((found for v in value.values() if (found := _foreign(v))), "")
    if isinstance(value, list | tuple):
        return next((found for v in value if (found := _foreign(v))), "")
    return ""


def only_ours() -> dict[str, Any]:
    """MongoDB query for fireworks that look as ours do; as strict as :func:`check_spec`."""
    tasks = {"$cond": [{"$isArray": "$spec._tasks"}, "$spec._tasks", []]}
    compute, advance = ({"$arrayElemAt": [tasks, i]} for i in (0, 1))
    folder = {"$let": {"vars": {"task": compute}, "in": "$$task.folder"}}
    engines = {"$let": {"vars": {"task": compute}, "in": "$$task.engines"}}
    strict = [
        _keys_among("$spec", _keys(OurSpec), ["object", "array", "bool", *_NUMBERS, "string"]),
        _keys_among("$spec.al_loop", _keys(_Names), ["string", "int", "long"]),
        _keys_among(compute, _keys(_Compute), ["string", "object"]),
        _keys_among(engines, ["train", "explore", "label"], ["string"]),
        _keys_among(advance, _keys(_Advance), ["string"]),
        _keys_among(
            {"$ifNull": ["$spec._queueadapter", {}]}, _keys(QueueRequest), [*_NUMBERS, "null"]
        ),
        {"$eq": [folder, "$spec._launch_dir"]},
        {"$eq": [_last_two("$spec._launch_dir"), ["$spec.al_loop.stage", "$spec.al_loop.job"]]},
    ]
    return {
        "spec.al_loop.schema": SCHEMA,
        "spec._tasks": {"$type": "array", "$size": 2},
        "spec._tasks.0._fw_name": COMPUTE,
        "spec._tasks.1._fw_name": ADVANCE,
        "spec._launch_dir": {"$regex": rf"\A{_FOLDER}\z"},
        "$expr": {"$and": strict},
    }


def _last_two(path: str) -> dict[str, Any]:
    """Expression: the last two parts of a path."""
    text = {"$cond": [{"$eq": [{"$type": path}, "string"]}, path, ""]}
    return {"$slice": [{"$split": [text, "/"]}, -2]}


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _keys_among(value: Any, names: list[str], types: list[str]) -> dict[str, Any]:
    """Expression: ``value`` is an object, all its keys are known and its values plain.

    A string is checked for what a shell would understand where only numbers are expected.
    """
    is_type = {"$in": [{"$type": "$$pair.v"}, types]}
    plain = {"$regexMatch": {"input": "$$pair.v", "regex": rf"\A{_PLAIN}\z"}}
    word = {"$cond": [{"$eq": [{"$type": "$$pair.v"}, "string"]}, plain, False]}
    fits = is_type if "string" in types else {"$or": [is_type, word]}
    good = {"$and": [{"$in": ["$$pair.k", names]}, fits]}
    pairs = {"$map": {"input": {"$objectToArray": "$$it"}, "as": "pair", "in": good}}
    verdict = {
        "$cond": [{"$eq": [{"$type": "$$it"}, "object"]}, {"$allElementsTrue": [pairs]}, False]
    }
    return {"$let": {"vars": {"it": value}, "in": verdict}}


class OurFWorker(FWorker):  # type: ignore[misc]  # FireWorks is not typed
    """A site's kind of node that takes only our own fireworks.

    FireWorks writes a worker's query into each launch: the guard's, which is long, is left out.
    """

    def __init__(self, name: str, site: FWorker, *also: Mapping[str, Any]) -> None:
        """``also``: more queries, which must hold too."""
        own = [] if site._query in ({}, only_ours()) else [site._query]
        wanted = [*own, *map(dict, also)]
        super().__init__(
            name,
            category=site.category,
            query={"$and": wanted} if wanted else {},
            env={**site.env, "fworker": site.name},
        )

    @property
    def query(self) -> dict[str, Any]:
        """As FireWorks makes it, and only ours."""
        found: dict[str, Any] = super().query
        return {**found, "$and": [*found.get("$and", []), only_ours()]}


class GuardedLaunchPad(DiscreetLaunchPad):
    """A LaunchPad from which only our own fireworks can be checked out."""

    def checkout_fw(self, *args: Any, **kwargs: Any) -> tuple[Firework | None, int | None]:
        """As FireWorks does, but what is not ours is put back, and nothing is returned."""
        firework, launch = super().checkout_fw(*args, **kwargs)
        if firework is None:
            return None, None
        try:
            check_spec(firework.to_dict()["spec"], fw_id=firework.fw_id)
        except NotOurs:  # it was changed between the query and now
            self.rerun_fw(firework.fw_id)
            return None, None
        return firework, launch


def open_guarded(connection: Connection) -> AbstractContextManager[GuardedLaunchPad]:
    """Guarded LaunchPad of a database, quiet."""
    return opened(connection, GuardedLaunchPad)
