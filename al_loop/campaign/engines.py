"""Engines by name: trainers, explorers and labellers, also those of other packages.

An engine is registered by an entry point, so a user's own package can add one::

    [project.entry-points."al_loop.labellers"]
    my-dft = "my_package.engine:MyLabeller"

The class has ``Options``, an :class:`EngineOptions` model; the three protocols are in
``al_loop.train``, ``al_loop.explore`` and ``al_loop.label``.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Literal, Protocol, cast

from al_loop.campaign.strict import StrictModel, meant
from al_loop.errors import EngineMissing

EngineKind = Literal["train", "explore", "label"]

GROUPS: dict[EngineKind, str] = {
    "train": "al_loop.trainers",
    "explore": "al_loop.explorers",
    "label": "al_loop.labellers",
}


class EngineOptions(StrictModel):
    """Base of an engine's options: frozen, strict about keys, units in the descriptions."""


class Engine(Protocol):
    """What all engines have in common."""

    Options: ClassVar[type[EngineOptions]]
    preload: ClassVar[tuple[str, ...]]
    """Modules that are slow to import: a worker imports them once, before it forks jobs."""

    def __init__(self, options: Any) -> None: ...

    def check(self) -> str:
        """Program and version as found here, or raise EngineMissing with the way out."""
        ...


def engine_names(kind: EngineKind) -> list[str]:
    """Names of the registered engines of a kind."""
    return sorted(_points(kind, tuple(sys.path)))


@lru_cache(maxsize=32)
def _points(kind: EngineKind, _path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Registered engines by name. To look for them takes 20 ms: every installed package is asked.

    What is installed while this process lives is found when ``sys.path`` changes.
    """
    return {point.name: point for point in entry_points(group=GROUPS[kind])}


def engine_class(kind: EngineKind, name: str) -> type[Engine]:
    """Class of an engine; EngineMissing when no such engine is registered."""
    points = _points(kind, tuple(sys.path))
    if name not in points:
        raise EngineMissing(
            f"no {kind} engine is called {name!r}", remedy=meant(name, sorted(points))
        )
    try:
        return cast("type[Engine]", points[name].load())
    except (ImportError, AttributeError) as error:
        raise EngineMissing(
            f"the {kind} engine {name!r} cannot be imported: {error}",
            remedy="install the package that it needs (al-loop[deepmd], al-loop[xtb], ...)",
        ) from error


def make_engine(kind: EngineKind, name: str, options: EngineOptions | dict[str, Any]) -> Engine:
    """Engine ready for use; a dict of options is validated by the engine's own model."""
    cls = engine_class(kind, name)
    if isinstance(options, dict):
        options = cls.Options.model_validate(options)
    return cls(options)
