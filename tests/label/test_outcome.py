"""Records of outcomes: whole or refused, whatever happened to the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from al_loop.label import Label, LabelOutcome
from al_loop.label.outcome import (
    Record,
    read_outcomes,
    read_record,
    write_outcomes,
    write_record,
)


def outcomes() -> list[LabelOutcome]:
    random = np.random.default_rng(1)
    label = Label(-1.5, random.normal(size=(3, 3)), random.normal(size=(3, 3)))
    bare = Label(2.5, random.normal(size=(1, 3)), None)
    return [
        LabelOutcome("a" * 64, "ok", label, "", "", "", 1.25, 1),
        LabelOutcome("b" * 64, "failed", None, "scf-not-converged", "é, 250 cycles", "mix", 9.0, 2),
        LabelOutcome("c" * 64, "ok", bare, "", "", "", 0.5, 4),
    ]


def same(one: LabelOutcome, two: LabelOutcome) -> bool:
    def plain(x: LabelOutcome) -> tuple[object, ...]:
        label = None
        if x.label is not None:
            virial = None if x.label.virial is None else x.label.virial.tolist()
            label = (x.label.energy, x.label.forces.tolist(), virial)
        return (x.frame, x.state, label, x.reason, x.detail, x.remedy, x.seconds, x.cores)

    return plain(one) == plain(two)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_outcomes_come_back_as_they_were(tmp_path: Path, count: int) -> None:
    write_outcomes(tmp_path / "x.npz", outcomes()[:count])
    found = read_outcomes(tmp_path / "x.npz")
    assert len(found) == count
    assert all(same(one, two) for one, two in zip(found, outcomes(), strict=False))


@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_record_is_refused_or_unharmed(tmp_path: Path, which: int) -> None:
    """Cut anywhere, or with a byte changed anywhere: never another number, never a crash."""
    path = tmp_path / "x.npz"
    record = Record(outcomes()[which], method="m" * 64, start=1.0e9)
    write_record(path, record)
    whole = path.read_bytes()
    random = np.random.default_rng(2)
    for length in range(0, len(whole), 29):
        path.write_bytes(whole[:length])
        assert read_record(path) is None
    for place in range(0, len(whole), 11):
        damaged = bytearray(whole)
        damaged[place] ^= int(random.integers(1, 256))
        path.write_bytes(damaged)
        found = read_record(path)
        if found is not None:
            assert same(found.outcome, record.outcome)
            assert (found.method, found.start) == (record.method, record.start)


def test_no_record_is_no_record(tmp_path: Path) -> None:
    assert read_record(tmp_path / "none.npz") is None
