"""Glasses are made: a protocol, a potential, and one LAMMPS job for each sample."""

from al_loop.glass.make.found import made_in
from al_loop.glass.make.job import run_glass_job
from al_loop.glass.make.load import load_protocol, protocol_folder, protocol_names
from al_loop.glass.make.plan import segments_of
from al_loop.glass.make.potential import Classical, Network, Potential, caution, potential_of
from al_loop.glass.make.protocol import Protocol, Run, runs_of, variants
from al_loop.glass.make.results import GlassResult, Progress, SegmentResult, collect_glass
from al_loop.glass.make.segment import Segment
from al_loop.glass.make.stage import check_elements, stage_glass_job

__all__ = [
    "Classical",
    "GlassResult",
    "Network",
    "Potential",
    "Progress",
    "Protocol",
    "Run",
    "Segment",
    "SegmentResult",
    "caution",
    "check_elements",
    "collect_glass",
    "load_protocol",
    "made_in",
    "potential_of",
    "protocol_folder",
    "protocol_names",
    "run_glass_job",
    "runs_of",
    "segments_of",
    "stage_glass_job",
    "variants",
]
