"""What can go wrong, whose fault it is, and what to do: the one list of faults.

Every failure has a code: a label's ``reason``, a walker's ``stop``, a job's ``Failure.kind``, a
finding of the doctor. ``al-loop status`` and ``al-loop doctor`` show what stands here under the
code, and ``docs/recovery.md`` holds the whole list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Whose = Literal["frame", "campaign", "node", "site", "al_loop"]
"""frame: this configuration; campaign: its options; node: the machine that ran it; site: queue,
database, disk, installation; al_loop: ours, or an engine's."""


@dataclass(frozen=True)
class Fault:
    """A kind of failure."""

    code: str
    what: str
    whose: Whose
    remedy: str


_REFUSE = "none is needed; if many: refuse such frames with select.min_distance"
_TELL = "the engine that made it has a fault: tell its author"
_TRUST = "none: the walk is cut there. If most end so, lower explore temperatures or trust.upper"
_BY_ITSELF = "none: mended within minutes, or now by `al-loop doctor --fix`"

LABELS = (
    Fault("frame-not-finite", "a position or cell is not a number", "frame", "none is needed"),
    Fault("frame-not-periodic", "the frame is not periodic", "campaign", "give a periodic cell"),
    Fault(
        "cell-without-volume",
        "the cell is empty or has no volume",
        "frame",
        "none is needed; if it is a starting structure, mend its cell",
    ),
    Fault("atoms-too-close", "two atoms are nearly at one place", "frame", _REFUSE),
    Fault("bad-shape", "the label has the wrong number of forces", "al_loop", _TELL),
    Fault("not-finite", "energies, forces or positions became NaN or infinite", "frame", _REFUSE),
    Fault(
        "unknown-element",
        "the method does not know an element",
        "campaign",
        "use another labeller (label.engine)",
    ),
    Fault(
        "scf-not-converged",
        "the electrons found no self-consistent solution",
        "frame",
        "if many: raise label.options.max_iterations or electronic_temperature",
    ),
    Fault("eigenvalue-problem", "the Hamiltonian could not be solved", "frame", _REFUSE),
    Fault(
        "tblite-failed", "tblite gave no answer", "frame", "none is needed; if many, look at one"
    ),
    Fault(
        "charge-mixing-failed",
        "the charge density ran away between the cycles",
        "frame",
        "if many: set incar: {ALGO: All} or smaller AMIX and BMIX in label.options",
    ),
    Fault(
        "vasp-refused-input",
        "VASP does not accept its input",
        "campaign",
        "read vasp.out in the frame's scratch folder and correct label.options",
    ),
    Fault(
        "cp2k-refused-input",
        "CP2K does not accept its input",
        "campaign",
        "read cp2k.out in the frame's scratch folder and correct label.options",
    ),
    Fault("cp2k-failed", "CP2K gave no answer", "frame", "none is needed; if many, look at one"),
    Fault("vasp-failed", "VASP gave no answer", "frame", "none is needed; if many, look at one"),
)
"""Why a frame has no label. A frame that breaks its engine three times has a job's code instead."""

DOUBTS = (
    Fault(
        "net-force",
        "the forces do not add up to zero",
        "frame",
        "if many: a finer grid (encut, cutoff); or the engine's output is not read as it should be",
    ),
    Fault(
        "force-too-large",
        "a force beyond label.quality.max_force",
        "frame",
        "if you want such frames: raise it or set it to null (`al-loop amend`), then "
        "`al-loop labels release`",
    ),
    Fault("virial-asymmetric", "the virial is not symmetric", "al_loop", _TELL),
    Fault(
        "energy-odd",
        "the energy is far from those of the same composition",
        "frame",
        "look at the frame and its SCF; if right: `al-loop labels release`; if such frames are "
        "wanted: raise label.quality.energy_window",
    ),
    Fault(
        "method-changed",
        "the program could be brought to an answer only by changing the method",
        "campaign",
        "if many: set what the detail proposes in label.options, for all frames",
    ),
    Fault(
        "stress-missing",
        "it has no stress, and others of its method have",
        "campaign",
        "look at OUTCAR in the frame's scratch folder",
    ),
    Fault(
        "other-frame",
        "the result is not that of the structure that was sent",
        "site",
        "a wrapper around the program changes its input: look at label.options.command",
    ),
    Fault(
        "committee-outlier",
        "the committee stays far off on it, although it was trained on it",
        "frame",
        "look at the SCF (another spin state or solution?); if wrong: `al-loop labels quarantine`; "
        "if right, none is needed",
    ),
    Fault(
        "by-hand",
        "a person did not believe it",
        "campaign",
        "`al-loop labels release` takes it back",
    ),
)
"""Why a label is in quarantine, or looks as if it should be."""

QUARANTINED = frozenset(fault.code for fault in DOUBTS)
"""Reasons for which a label is not believed, rather than missing."""

TRAINING = (
    Fault(
        "training-diverged",
        "training ran away",
        "campaign",
        "lower the learning rate, or look for wrong labels among the frames",
    ),
    Fault(
        "model-not-finite",
        "the trained model predicts NaN",
        "campaign",
        "lower the learning rate, or look for wrong labels among the frames",
    ),
)
"""Why a member of a committee could not be trained."""

WALKERS = (
    Fault("deviation", "the committee disagrees beyond hope from there on", "frame", _TRUST),
    Fault("temperature", "the trajectory heated up: it blew up", "frame", _TRUST),
    Fault("distance", "two atoms came closer than select.min_distance", "frame", _TRUST),
    Fault("lost-atoms", "atoms left the cell: the trajectory blew up", "frame", _TRUST),
    Fault("engine", "the MD program gave up on this walker", "frame", _TRUST),
)
"""Why a walker ended before its time (``not-finite`` as well)."""

JOBS = (
    Fault(
        "engine-crashed",
        "an engine ended without an answer",
        "node",
        "read job.log in the job's folder; `al-loop resume` tries again",
    ),
    Fault(
        "segmentation-fault",
        "an engine broke down (invalid memory or instruction)",
        "al_loop",
        "was it built for this kind of node? if other nodes do it too: tell the engine's author",
    ),
    Fault(
        "out-of-memory",
        "the job needed more memory than it was given",
        "campaign",
        "raise resources.STAGE.memory (`al-loop amend`), then `al-loop resume`",
    ),
    Fault(
        "gpu-out-of-memory",
        "the GPU's memory was too small for the job, or shared with another",
        "campaign",
        "one job a GPU; a smaller batch or network, or a larger GPU; then `al-loop resume`",
    ),
    Fault(
        "gpu-lost",
        "the GPU or its driver failed",
        "node",
        "leave that node out of the queue's jobs and tell your administrator",
    ),
    Fault(
        "disk-full",
        "the disk is full, or your quota is used up",
        "site",
        "make room; `al-loop resume` then tries the jobs again",
    ),
    Fault(
        "filesystem",
        "the file system failed (stale handle, input/output error, read-only)",
        "site",
        "tell your administrator; `al-loop resume` tries again",
    ),
    Fault(
        "no-permission",
        "a file may not be read or written",
        "site",
        "all workers must run as the user who owns the campaign's folder",
    ),
    Fault(
        "engine-missing",
        "a program or package is not installed on that node",
        "site",
        "install it there (`al-loop check` on a node shows what is missing)",
    ),
    Fault(
        "killed",
        "the job was killed from outside: by the kernel for its memory, or by a person",
        "node",
        "if it was memory, raise resources.STAGE.memory; `al-loop resume` tries again",
    ),
    Fault(
        "walltime",
        "the queue's time limit ended the job",
        "campaign",
        "none: it goes on where it was. If it never gets on, raise resources.STAGE.walltime",
    ),
    Fault("node-failed", "the node went down", "node", "none: the job runs again elsewhere"),
    Fault(
        "job-damaged",
        "a job's folder was changed or damaged by something else",
        "site",
        "none: it was set aside (its name ends in .aside-...) and written again",
    ),
)
"""Why a job failed."""

GLASS = (
    Fault(
        "not-relaxed",
        "forces are left after the steps of a relaxation",
        "campaign",
        "allow more steps, or ask for a larger force",
    ),
    Fault(
        "not-stable",
        "a strain lowers the energy of a configuration whose elastic constants are wanted",
        "frame",
        "relax cell and positions first; a potential whose force jumps at its cutoff does it too",
    ),
)
"""Why a property of a glass has no value."""

FINDINGS = (
    Fault("run-lost", "a worker died while it ran a job", "node", _BY_ITSELF),
    Fault("reservation-lost", "a job was reserved and never came to run", "site", _BY_ITSELF),
    Fault("lock-stale", "a process died while it changed a workflow", "node", _BY_ITSELF),
    Fault("workflow-inconsistent", "FireWorks lost an update half-way", "node", _BY_ITSELF),
    Fault("firework-orphan", "a firework without a workflow", "node", _BY_ITSELF),
    Fault("workflow-broken", "a workflow lacks some of its fireworks", "node", _BY_ITSELF),
    Fault("offline-ended", "an offline run has ended and is not yet known", "site", _BY_ITSELF),
    Fault("result-waiting", "a result lies in its folder, not yet taken in", "node", _BY_ITSELF),
    Fault("folder-lost", "the folder of a job that is due is gone", "site", _BY_ITSELF),
    Fault("database-behind", "the database lacks indexes and is slow", "site", _BY_ITSELF),
    Fault(
        "campaign-folder-lost",
        "the campaign's folder is not there on this machine",
        "site",
        "is its disk mounted here? If it is lost for good, `al-loop resume` writes it again",
    ),
    Fault(
        "disk-nearly-full",
        "little room is left for the campaign's files",
        "site",
        "make room before the jobs fail",
    ),
    Fault(
        "database-away",
        "the database does not answer",
        "site",
        "start it (`al-loop db start` for your own) or ask your administrator; workers wait, "
        "results stay in their folders, `al-loop resume` takes them in",
    ),
    Fault(
        "database-slow",
        "the database answers slowly",
        "site",
        "a firework takes about 34 calls: make jobs longer, or move the database closer",
    ),
    Fault(
        "database-ahead",
        "a newer al_loop has written to this database",
        "site",
        "install that version here too",
    ),
    Fault(
        "not-journaled",
        "writes are acknowledged before they are on disk",
        "site",
        "set `journal: true` under mongoclient_kwargs in my_launchpad.yaml",
    ),
    Fault(
        "clock-skew",
        "this machine's clock differs from the database server's",
        "site",
        "nothing depends on it, but logs and times mislead: ask for NTP",
    ),
    Fault(
        "paused-by-hand",
        "fireworks are PAUSED: somebody used lpad",
        "campaign",
        '`lpad resume_fws -q \'{"spec.al_loop.campaign": "NAME"}\'`',
    ),
    Fault(
        "defused-by-hand",
        "fireworks are DEFUSED: somebody used lpad",
        "campaign",
        '`lpad reignite_fws -q \'{"spec.al_loop.campaign": "NAME"}\'`',
    ),
    Fault(
        "job-quarantined",
        "a job failed three times and was given up; the campaign goes on without it",
        "campaign",
        "mend the cause, then `al-loop resume`: it gets three more tries",
    ),
    Fault(
        "campaign-failed",
        "the campaign cannot go on by itself",
        "campaign",
        "mend the cause, then `al-loop resume`",
    ),
    Fault(
        "no-worker",
        "jobs wait and nobody takes them",
        "campaign",
        "`al-loop run` here, or `al-loop worker` on nodes, or `al-loop submitter` for a queue",
    ),
    Fault(
        "submit-failing",
        "the queue refuses our jobs",
        "site",
        "its words are shown; correct the file in qadapters/, or resources.STAGE of the campaign",
    ),
    Fault(
        "package-missing",
        "a worker without our package took fireworks and failed them",
        "site",
        "start workers with `al-loop worker`, in the environment in which al_loop is installed",
    ),
)
"""What the doctor finds."""

FAULTS: dict[str, Fault] = {
    f.code: f for f in (*LABELS, *DOUBTS, *TRAINING, *WALKERS, *JOBS, *GLASS, *FINDINGS)
}

_SIGNS: tuple[tuple[str, str], ...] = (
    (
        "gpu-out-of-memory",
        r"CUDA_ERROR_OUT_OF_MEMORY|CUDA out of memory|Allocator \(GPU_\d+_\w+\) ran out of memory|"
        r"OOM when allocating tensor[^\n]*GPU|cudaErrorMemoryAllocation",
    ),
    (
        "gpu-lost",
        r"CUDA_ERROR_\w+|cudaError\w+|GPU is lost|fallen off the bus|\bXid\b|"
        r"uncorrectable ECC error|NVRM:",
    ),
    (
        "out-of-memory",
        r"out of memory|oom.?kill|std::bad_alloc|MemoryError|OOM when allocating|"
        r"Cannot allocate memory|Unable to allocate [\d.]+ \wi?B|exceeded (job )?memory limit|"
        r"job killed: (v?mem|pv?mem)\b|Errno 12\b|insufficient virtual memory",
    ),
    ("disk-full", r"No space left on device|Disk quota exceeded|ENOSPC|Errno 28\b|Errno 122\b"),
    (
        "walltime",
        r"DUE TO TIME LIMIT|job killed: walltime|walltime \d+ exceeded limit|SIGXCPU",
    ),
    ("node-failed", r"DUE TO NODE FAILURE|NODE_FAIL|Socket timed out on send/recv"),
    (
        "engine-missing",
        r"EngineMissing|is not installed|command not found|error while loading shared libraries|"
        r"cannot open shared object file|ModuleNotFoundError|No module named|"
        r"GLIBC(XX)?_[\d.]+' not found|"
        r"(un(known|recognized) (pair style|command))|symbol lookup error",
    ),
    ("filesystem", r"Stale (NFS )?file handle|Input/output error|Read-only file system|Errno 5\b"),
    ("no-permission", r"Permission denied|Operation not permitted|PermissionError"),
    (
        "job-damaged",
        r"input file (is missing|has changed)|unreadable job|no job\.json|holds another job",
    ),
    (
        "segmentation-fault",
        r"SIGSEGV|Segmentation fault|SIGILL|Illegal instruction|SIGBUS|Bus error|SIGFPE|"
        r"SIGABRT|double free|free\(\): invalid",
    ),
    ("killed", r"SIGKILL|SIGTERM|SIGINT|SIGHUP|signal 9\b|\bCANCELLED AT\b|^Killed$"),
)
"""Signs in a job's last words; the first that is found says most."""


def fault(code: str) -> Fault:
    """The fault with this code; one that is not on the list is told as it is."""
    unknown = Fault(code, code.replace("-", " "), "al_loop", "look at the job's folder")
    return FAULTS.get(code, unknown)


def diagnose(words: str) -> str:
    """Code of a job's failure, from its last words."""
    for code, signs in _SIGNS:
        if re.search(signs, words, re.IGNORECASE | re.MULTILINE):
            return code
    return "engine-crashed"
