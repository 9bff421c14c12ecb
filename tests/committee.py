"""A real, tiny DeePMD-kit committee, for tests of other rooms.

::

    from tests.committee import tiny_committee  # noqa: F401  # a fixture

    @pytest.mark.engine
    def test_something(tiny_committee: TinyCommittee) -> None: ...

It is trained once per test session, in a process of its own (so that TensorFlow is not
imported here), on rattled alpha-cristobalite and alpha-quartz labelled by an analytic potential.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from ase import Atoms

from al_loop.train import (
    collect_training,
    stage_train_job,
    write_training_data,
)
from al_loop.train.deepmd import DeepmdOptions
from tests.train.silica import ELEMENTS, cristobalite, data_set

RUNNER = Path(__file__).parent / "train" / "run_jobs.py"
MEMBERS = 2
OPTIONS = DeepmdOptions(
    rcut=4.5,
    neuron=(8, 16),
    axis_neuron=4,
    fitting_neuron=(20, 20),
    steps=200,
    start_lr=1.0e-2,
    stop_lr=5.0e-5,
    display_every=100,
)


@dataclass(frozen=True)
class TinyCommittee:
    """Compressed models, the elements in the order of their types, and a crystal they know."""

    elements: tuple[str, ...]
    models: tuple[Path, ...]
    crystal: Atoms


@pytest.fixture(scope="session")
def tiny_committee(tmp_path_factory: pytest.TempPathFactory) -> TinyCommittee:
    """Two members that differ by seed; shared by the workers of pytest-xdist."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    root = root / "tiny-committee"
    root.mkdir(exist_ok=True)
    with (root / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return train_committee(root)


def train_committee(root: Path) -> TinyCommittee:
    """Train the members, or find them trained already."""
    write_training_data(root / "data", train=data_set(16, seed=1), valid=[], test=[])
    folders = [
        stage_train_job(
            root / f"member-{k}",
            engine="deepmd",
            options=OPTIONS,
            elements=ELEMENTS,
            seed=k,
            effort=1.0,
            data=root / "data",
            parent=None,
        )
        for k in range(MEMBERS)
    ]
    if any(folder.result() is None for folder in folders):
        # one process and not one a member: importing TensorFlow takes longer than the training
        subprocess.run(
            [sys.executable, str(RUNNER), *(str(folder.path) for folder in folders)],
            check=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    models = []
    for folder in folders:
        member = collect_training(folder).member
        assert member is not None
        models.append(folder.path / member.model)
    return TinyCommittee(ELEMENTS, tuple(models), cristobalite())
