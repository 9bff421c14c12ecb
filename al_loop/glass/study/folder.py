"""All variants that a protocol has made in a folder, and how they differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from al_loop.glass.make import GlassResult, made_in
from al_loop.glass.study.options import StudyOptions
from al_loop.glass.study.trends import Trend, trends
from al_loop.glass.study.variant import Studied, study_variant


@dataclass(frozen=True)
class Study:
    """Variants in the order of their names, and trends where there are three rates or sizes."""

    variants: tuple[Studied, ...]
    trends: tuple[Trend, ...]


def study_folder(
    folder: str | Path,
    options: StudyOptions | None = None,
    *,
    advance: Callable[[], None] = lambda: None,
) -> Study:
    """What `al-loop glass make` has made in a folder, as observables under public names.

    ``advance`` is called after each variant.

    Raises
    ------
    JobFolderError
        No glass is there, or none has ended.
    DatasetError
        As :func:`~al_loop.glass.study.variant.study_variant`.
    """
    asked = options or StudyOptions.model_validate({})
    found = []
    for name, samples in variants_in(folder).items():
        found.append(study_variant(name, samples, asked))
        advance()
    return Study(tuple(found), trends(found, more=asked.trends))


def variants_in(folder: str | Path) -> dict[str, dict[str, GlassResult]]:
    """Samples by variant: what one folder holds of one protocol."""
    groups: dict[str, dict[str, GlassResult]] = {}
    for run, one in made_in(Path(folder)).items():
        parent = str(PurePath(run).parent)
        name = one.protocol.name if parent == "." else parent
        groups.setdefault(name, {})[run if run != "." else one.protocol.name] = one
    return groups
