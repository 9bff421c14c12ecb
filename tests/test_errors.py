"""Errors say what, where and what next, also after crossing a process boundary."""

from __future__ import annotations

import pickle

import pytest

from al_loop import errors
from al_loop.errors import AlLoopError, MachineError, PhysicsFault, StructureError, UserError

PLAIN = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AlLoopError) and kind is not PhysicsFault
]


def test_message_names_place_and_way_out() -> None:
    assert str(StructureError("jams", where="structures.a", remedy="less")) == (
        "structures.a: jams\n  -> less"
    )
    assert str(StructureError("jams")) == "jams"


@pytest.mark.parametrize("kind", PLAIN)
def test_errors_survive_pickling(kind: type[AlLoopError]) -> None:
    error = kind("what", where="where", remedy="remedy")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.what, again.where, again.remedy) == ("what", "where", "remedy")
    assert str(again) == str(error)


def test_physics_faults_survive_pickling() -> None:
    again = pickle.loads(pickle.dumps(PhysicsFault("scf", "no answer", remedy="mix")))
    assert (again.reason, again.what, again.remedy) == ("scf", "no answer", "mix")


def test_what_is_retried_is_never_what_is_recorded() -> None:
    kinds = (UserError, MachineError, PhysicsFault)
    assert not [(a, b) for a in kinds for b in kinds if a is not b and issubclass(a, b)]
