"""The glass job: one sample of a protocol, piece by piece; a kill costs a piece.

A piece begins from a file that the one before has written, so a job that was killed gives the same
trajectories as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms

from al_loop import stopping
from al_loop.frame import read_frames, write_frames
from al_loop.glass.make.inputs import AT_PRESSURE, Piece, piece_script, pieces_of, start_file
from al_loop.glass.make.outputs import averages, join_dumps, read_table, write_table
from al_loop.glass.make.plan import segments_of
from al_loop.glass.make.potential import Classical, Network, field_of
from al_loop.glass.make.protocol import sample_seed
from al_loop.glass.make.results import (
    ENDS,
    SEGMENT_FILES,
    GlassPayload,
    Progress,
    SegmentAverages,
)
from al_loop.glass.make.segment import Segment
from al_loop.glass.make.stage import GIVEN, START, GlassParams, LammpsChoice
from al_loop.glass.make.start import FileStart
from al_loop.jobfolder import Clock, JobFolder, JobResult, write_atomically
from al_loop.lammps.cell import RestrictedCell, off_the_faces
from al_loop.lammps.data import DATA
from al_loop.lammps.dump import Snapshot, frame_of, read_dump
from al_loop.lammps.executable import find_program
from al_loop.lammps.faults import Fault
from al_loop.lammps.process import program_in, run_script
from al_loop.lammps.restart_file import restart_step


def run_glass_job(
    folder: JobFolder, clock: Clock, tell: Callable[[Progress], None] | None = None
) -> JobResult:
    """Run what has not been run yet and seal the result; return it if it is there.

    Where LAMMPS gives up, the segments until then are the result, with the reason. ``tell`` hears
    of progress. The caller holds the folder's lock.

    Raises
    ------
    EngineCrashed
        LAMMPS failed in a way that is not the physics' fault.
    StructureError
        The start cannot be packed, or the potential cannot do it.
    JobStopped
        It was asked to stop; a later run goes on from the last piece that has ended.
    """
    if done := folder.result():
        return done
    run = _Run(folder, clock, tell)
    segments = segments_of(run.params.protocol)
    fault: Fault | None = None
    ended: list[Segment] = []
    for number, segment in enumerate(segments):
        fault = run.segment(segment, number, segments)
        if fault is not None:
            break
        ended.append(segment)
    write_frames(folder.path / ENDS, [run.end_of(segment) for segment in ended])
    payload = GlassPayload(
        segments=tuple(run.averages_of(segment) for segment in ended),
        stop=fault.stop if fault else "completed",
        detail=f"{segments[len(ended)].name}: {fault.detail}"
        if fault
        else "; ".join(filter(None, map(run.not_reached, ended))),
        program=program_in(folder.path),
    )
    moving = [segment for segment in ended if not segment.still]
    files = [ENDS, START, *(f"{s.name}{suffix}" for s in moving for suffix in SEGMENT_FILES)]
    result = folder.finish(payload.model_dump(mode="json"), files=files, clock=clock)
    for segment in segments:
        run.clear(segment, result=True)
    return result


class _Run:
    """A job while it runs."""

    def __init__(
        self, folder: JobFolder, clock: Clock, tell: Callable[[Progress], None] | None
    ) -> None:
        self.folder, self.path, self.clock, self.tell = folder, folder.path, clock, tell
        self.params = folder.params("glass", GlassParams)
        self.seed = sample_seed(self.params.protocol, self.params.sample)
        self.start = self._start()
        self.rotation = RestrictedCell.of(self.start.cell.array).rotation
        self.program = find_program(LammpsChoice.model_validate(folder.spec().options))
        write_atomically(self.path / DATA, start_file(self.start))

    def segment(self, segment: Segment, number: int, segments: tuple[Segment, ...]) -> Fault | None:
        """Run a segment to its end, or find it done; why LAMMPS gave up, or None."""
        if restart_step(self.path / f"{segment.name}.restart") is not None:
            return None
        pieces = pieces_of(segment, longest=self.params.protocol.piece)
        base = next((one for one in segments if one.name == segment.before), None)
        before = f"{base.name}.restart" if base else None
        for piece in pieces:
            if self.tell is not None:
                self.tell(Progress(segment.name, number, len(segments), piece.first, segment.steps))
            restart = piece.file("restart")
            if restart_step(self.path / restart) is None:
                cold = base is None or base.still
                fault = self._piece(piece, number, before=before, cold=cold, random=base is None)
                if fault is not None:
                    return fault
            before = restart
        self._gather(segment, pieces)
        return None

    def end_of(self, segment: Segment) -> Atoms:
        """The configuration at the end of a segment."""
        return frame_of(self._end(segment), self.start, self.rotation)

    def _end(self, segment: Segment) -> Snapshot:
        with (self.path / f"{segment.name}.end").open() as stream:
            (snapshot,) = read_dump(stream)
        return snapshot

    def not_reached(self, segment: Segment) -> str:
        """What a relaxation was to reach and did not (LAMMPS ends without a word); else empty."""
        if not segment.still:
            return ""
        left = float(np.linalg.norm(self._end(segment).forces, axis=1).max())
        words = [f"forces up to {left:.2g} eV/Å are left"] if left > segment.force else []
        pressure = float(read_table(self.path / f"{segment.name}.thermo.csv")["pressure"][-1])
        if segment.cell != "fixed" and abs(pressure - segment.pressure[0]) > AT_PRESSURE:
            words.append(f"the pressure is {pressure:.3g} GPa, not {segment.pressure[0]:g}")
        return f"{segment.name}: {', '.join(words)}" if words else ""

    def averages_of(self, segment: Segment) -> SegmentAverages:
        """What the result says of a segment."""
        table = read_table(self.path / f"{segment.name}.thermo.csv")
        if segment.still:
            table = {name: values[-1:] for name, values in table.items()}
        return SegmentAverages.of(segment, averages(table, atoms=len(self.start)))

    def clear(self, segment: Segment, *, result: bool = False) -> None:
        """Remove the files of pieces; with ``result`` also those from which a run goes on."""
        for piece in pieces_of(segment, longest=self.params.protocol.piece):
            for suffix in ("in", "log", "dump", "end", "restart"):
                (self.path / piece.file(suffix)).unlink(missing_ok=True)
        if result:
            for suffix in ("restart", "end"):
                (self.path / f"{segment.name}.{suffix}").unlink(missing_ok=True)

    def _start(self) -> Atoms:
        file = self.path / START
        if not file.is_file():
            start = self.params.protocol.start
            if isinstance(start, FileStart):
                (atoms,) = read_frames(self.path / GIVEN)
            else:
                atoms = start.build(self.seed)
            atoms.positions = off_the_faces(atoms.positions, atoms.cell.array)
            write_frames(file, [atoms])
        (found,) = read_frames(file)
        return found

    def _piece(
        self, piece: Piece, number: int, *, before: str | None, cold: bool, random: bool
    ) -> Fault | None:
        stopping.stop_if_requested(self.path)
        under = piece.segment.under
        potential = Classical(name=under) if under else self.params.potential
        field = field_of(potential, self.start)
        for name, text in field.files.items():
            write_atomically(self.path / name, text)
        script = piece.file("in")
        text = piece_script(
            piece,
            protocol=self.params.protocol,
            field=field,
            atoms=self.start,
            seed=self.seed,
            number=number,
            before=before,
            cold=cold,
            random=random and self.params.protocol.start.kind == "pack",
        )
        write_atomically(self.path / script, text)
        return run_script(
            script,
            folder=self.path,
            program=self.program if isinstance(potential, Network) else self.program.bare(),
            clock=self.clock,
            is_done=lambda: restart_step(self.path / piece.file("restart")) is not None,
        )

    def _gather(self, segment: Segment, pieces: list[Piece]) -> None:
        """One file of each kind for the segment; the restart file last, which says it is done."""
        path = self.path
        write_table(path / f"{segment.name}.thermo.csv", [path / p.file("log") for p in pieces])
        if not segment.still:
            dumps = [path / p.file("dump") for p in pieces]
            join_dumps(path / f"{segment.name}.lammpstrj", dumps)
        write_atomically(path / f"{segment.name}.end", (path / pieces[-1].file("end")).read_bytes())
        (path / pieces[-1].file("restart")).replace(path / f"{segment.name}.restart")
        self.clear(segment)
