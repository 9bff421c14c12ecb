"""A measurement against experiment, DFT and other potentials."""

from al_loop.glass.compare.gates import Gate, parse_gate, parse_gates
from al_loop.glass.compare.judge import GateResult, judge
from al_loop.glass.compare.library import load_references, read_references, shipped_references
from al_loop.glass.compare.measured import from_measurement
from al_loop.glass.compare.ranking import Ranking, rank
from al_loop.glass.compare.reference import Reference, ReferenceCurve, References, Subject
from al_loop.glass.compare.similarity import Similarity, overlap, r_chi, similarity
from al_loop.glass.compare.verdict import Verdict, caution, compare

__all__ = [
    "Gate",
    "GateResult",
    "Ranking",
    "Reference",
    "ReferenceCurve",
    "References",
    "Similarity",
    "Subject",
    "Verdict",
    "caution",
    "compare",
    "from_measurement",
    "judge",
    "load_references",
    "overlap",
    "parse_gate",
    "parse_gates",
    "r_chi",
    "rank",
    "read_references",
    "shipped_references",
    "similarity",
]
