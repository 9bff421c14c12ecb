"""Indexes that somebody dropped, or that a restored database came without."""

from __future__ import annotations

from collections.abc import Iterator

from al_loop.launch.launchpad import prepare
from al_loop.launch.mending.scene import Scene, Suspect


def behind(scene: Scene) -> Iterator[Suspect]:
    """The indexes that are missing. Without them all is right, but slow."""
    if missing := scene.store.missing_indexes():
        yield Suspect(
            "database-behind",
            key="indexes",
            looks=" ".join(missing),
            patience=0.0,
            campaign="",
            where=scene.store.connection.address,
            words=f"{len(missing)} indexes are missing: {', '.join(missing[:4])}",
            repair=lambda: _make(scene),
        )


def _make(scene: Scene) -> None:
    scene.store.make_indexes()
    prepare(scene.launchpad)
