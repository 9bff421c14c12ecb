"""What was measured of each sample, on disk, so that it is not measured again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import ValidationError

from al_loop.errors import DatasetError
from al_loop.glass.estimate import Estimate
from al_loop.glass.measuring.part import Part
from al_loop.glass.measuring.stored import StoredCurve, StoredValue, Strict, plain
from al_loop.jobfolder import write_atomically


class _Stored(Strict):
    values: dict[str, StoredValue]
    curves: dict[str, StoredCurve]
    missing: dict[str, str]
    overlaps: tuple[str, ...]


@dataclass(frozen=True)
class PartFiles:
    """Files of a folder, one a sample, to the last bit.

    ``key`` tells what is measured of which samples: files of another key are not found.
    """

    folder: Path
    key: str

    def get(self, sample: int) -> Part | None:
        """What is there of a sample (its number); None where nothing is, or nothing whole."""
        try:
            stored = _Stored.model_validate_json(self._path(sample).read_bytes())
            return Part(
                {name: Estimate(**one.model_dump()) for name, one in stored.values.items()},
                {name: one.curve(name) for name, one in stored.curves.items()},
                dict(stored.missing),
                stored.overlaps,
            )
        except (FileNotFoundError, ValidationError, DatasetError):
            return None

    def put(self, sample: int, part: Part) -> None:
        """Keep what was measured of a sample."""
        stored = _Stored.model_validate(
            {
                "values": {name: asdict(one) for name, one in part.values.items()},
                "curves": {name: plain(one) for name, one in part.curves.items()},
                "missing": part.missing,
                "overlaps": part.overlaps,
            }
        )
        write_atomically(self._path(sample), stored.model_dump_json())

    def _path(self, sample: int) -> Path:
        return self.folder / f"sample-{sample}.{self.key[:12]}.json"
