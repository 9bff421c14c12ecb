"""Each failure has a place in the one list, and real last words find it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import al_loop
from al_loop.explore.interface import StopReason
from al_loop.label.cp2k.faults import REMEDIES as CP2K
from al_loop.label.vasp.faults import REMEDIES as VASP
from al_loop.label.xtb.faults import _FAULTS as TBLITE
from al_loop.taxonomy import (
    DOUBTS,
    FAULTS,
    FINDINGS,
    GLASS,
    JOBS,
    LABELS,
    TRAINING,
    WALKERS,
    diagnose,
    fault,
)

PACKAGE = Path(al_loop.__file__).parent
NAMES_A_CODE = {"PhysicsFault", "note_failure", "fault", "Finding", "Suspect"}


def codes_in_the_code() -> Iterator[tuple[str, str]]:
    """Where a literal code is used, and which."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if name in NAMES_A_CODE and isinstance(getattr(first, "value", None), str):
                yield f"{file.relative_to(PACKAGE)}:{node.lineno}", ast.literal_eval(first)


def test_every_code_that_is_used_is_on_the_list() -> None:
    used = dict(codes_in_the_code())
    assert "atoms-too-close" in used.values()
    assert {place: code for place, code in used.items() if code not in FAULTS} == {}


def test_every_reason_of_a_walker_and_of_a_labeller_is_on_the_list() -> None:
    reasons = {*get_args(StopReason), *(reason for _, reason, _ in TBLITE), *VASP, *CP2K} - {
        "completed"
    }
    assert reasons <= set(FAULTS)


def test_no_code_stands_on_the_list_twice() -> None:
    assert len(FAULTS) == sum(map(len, (LABELS, DOUBTS, TRAINING, WALKERS, JOBS, GLASS, FINDINGS)))


def test_each_fault_says_what_and_what_to_do() -> None:
    for one in FAULTS.values():
        assert one.what and one.remedy, one.code
        assert one.code == one.code.lower() and " " not in one.code


def test_a_code_that_nobody_knows_is_told_as_it_is() -> None:
    assert fault("the-moon-fell-down").what == "the moon fell down"
    assert fault("the-moon-fell-down").remedy


LAST_WORDS = {
    "TensorFlow on a GPU": (
        "gpu-out-of-memory",
        """\
2024-05-02 11:20:31.882941: W tensorflow/core/common_runtime/bfc_allocator.cc:497] Allocator \
(GPU_0_bfc) ran out of memory trying to allocate 3.81GiB (rounded to 4096000000)
tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor with \
shape[16000,32000] and type double on /job:localhost/replica:0/task:0/device:GPU:0 by allocator \
GPU_0_bfc""",
    ),
    "PyTorch on a GPU": (
        "gpu-out-of-memory",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; "
        "15.78 GiB total capacity; 13.41 GiB already allocated)",
    ),
    "TensorFlow on a CPU": (
        "out-of-memory",
        "ResourceExhaustedError: OOM when allocating tensor with shape[80000,80000] and type "
        "double on /job:localhost/replica:0/task:0/device:CPU:0 by allocator mklcpu",
    ),
    "Slurm's cgroup": (
        "out-of-memory",
        "slurmstepd: error: Detected 1 oom_kill event in StepId=4711.batch. Some of the step "
        "tasks have been OOM Killed.",
    ),
    "Slurm, older": (
        "out-of-memory",
        "slurmstepd: error: Detected 1 oom-kill event(s) in step 4711.batch cgroup. Some of your "
        "processes may have been killed by the cgroup out-of-memory handler.",
    ),
    "Slurm's accounting": (
        "out-of-memory",
        "slurmstepd: error: Job 4711 exceeded memory limit (4214716 > 4194304), being killed",
    ),
    "PBS, memory": (
        "out-of-memory",
        "=>> PBS: job killed: mem 16850420kb exceeded limit 16777216kb",
    ),
    "C++": (
        "out-of-memory",
        "terminate called after throwing an instance of 'std::bad_alloc'",
    ),
    "NumPy": (
        "out-of-memory",
        "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 74.5 GiB for an array with "
        "shape (100000, 100000) and data type float64",
    ),
    "fork": ("out-of-memory", "OSError: [Errno 12] Cannot allocate memory"),
    "the kernel, silently": ("killed", "the job's process ended with signal 9 (SIGKILL)"),
    "a shell's word": ("killed", "run.sh: line 3:\nKilled"),
    "full disk": ("disk-full", "OSError: [Errno 28] No space left on device: 'traj.npz'"),
    "quota": ("disk-full", "OSError: [Errno 122] Disk quota exceeded"),
    "Fortran on a full disk": (
        "disk-full",
        "forrtl: No space left on device\nforrtl: severe (38): error during write, unit 6",
    ),
    "missing library": (
        "engine-missing",
        "lmp: error while loading shared libraries: libcudart.so.11.0: cannot open shared object "
        "file: No such file or directory",
    ),
    "old C library": (
        "engine-missing",
        "lmp: /lib64/libc.so.6: version `GLIBC_2.34' not found (required by lmp)",
    ),
    "no LAMMPS plug-in": (
        "engine-missing",
        "ERROR: Unrecognized pair style 'deepmd' (src/force.cpp:275)",
    ),
    "no package": ("engine-missing", "ModuleNotFoundError: No module named 'deepmd'"),
    "no program": (
        "engine-missing",
        "/var/spool/slurmd/job4711/slurm_script: line 9: vasp_std: command not found",
    ),
    "EngineMissing": (
        "engine-missing",
        "tblite is not installed here\n  -> pip install 'al-loop[xtb]'",
    ),
    "segmentation fault": (
        "segmentation-fault",
        "the job's process ended with signal 11 (SIGSEGV)\nStep 1200 4.1 1499.8",
    ),
    "another processor": ("segmentation-fault", "the job's process ended with signal 4 (SIGILL)"),
    "Intel MPI": (
        "segmentation-fault",
        "forrtl: severe (174): SIGSEGV, segmentation fault occurred",
    ),
    "Slurm's time limit": (
        "walltime",
        "slurmstepd: error: *** JOB 4711 ON node17 CANCELLED AT 2024-05-02T13:20:02 DUE TO TIME "
        "LIMIT ***",
    ),
    "PBS, walltime": ("walltime", "=>> PBS: job killed: walltime 3622 exceeded limit 3600"),
    "Slurm's node": (
        "node-failed",
        "slurmstepd: error: *** JOB 4711 ON node17 CANCELLED AT 2024-05-02T13:20:02 DUE TO NODE "
        "FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***",
    ),
    "scancel": (
        "killed",
        "slurmstepd: error: *** JOB 4711 ON node17 CANCELLED AT 2024-05-02T13:20:02 ***",
    ),
    "broken GPU": (
        "gpu-lost",
        "failed call to cuInit: CUDA_ERROR_ECC_UNCORRECTABLE: uncorrectable ECC error encountered",
    ),
    "stale handle": ("filesystem", "OSError: [Errno 116] Stale file handle: 'job.json'"),
    "bad disk": ("filesystem", "OSError: [Errno 5] Input/output error"),
    "other user": ("no-permission", "PermissionError: [Errno 13] Permission denied: 'result.json'"),
    "changed input": (
        "job-damaged",
        "/x/train/model-0/../data/train.traj: input file has changed since it was staged",
    ),
    "anything": ("engine-crashed", "ValueError: could not convert string to float: '**********'"),
    "nothing": ("engine-crashed", ""),
}


@pytest.mark.parametrize("said", LAST_WORDS)
def test_real_last_words_are_understood(said: str) -> None:
    code, words = LAST_WORDS[said]
    assert diagnose(words) == code
    assert code in FAULTS


def test_a_path_or_number_in_the_words_misleads_nobody() -> None:
    assert diagnose("/scratch/oomph/xidous/errno 51: energy 28 is off") == "engine-crashed"


def test_what_happened_to_the_machine_is_never_blamed_on_a_frame() -> None:
    assert all(one.whose != "frame" for one in JOBS)
