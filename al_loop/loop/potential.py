"""Take a potential out of the store, with what it is and how it is run."""

from __future__ import annotations

import importlib.metadata
import io
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms

from al_loop.d3 import D3, calculator_arguments
from al_loop.errors import UserError
from al_loop.hashing import canonical_json
from al_loop.jobfolder import write_atomically
from al_loop.loop.context import Context
from al_loop.loop.method import added_in_md
from al_loop.loop.stages.train import leader_of
from al_loop.resources import render_template
from al_loop.store import ModelRecord

README, ABOUT, ASE_SCRIPT, ASE_START = "README.md", "about.json", "run_ase.py", "start.xyz"
_TEMPERATURE, _STEPS = 1500.0, 2000


def best_model(ctx: Context) -> ModelRecord:
    """The leader of the last committee that was trained.

    Raises
    ------
    UserError
        No committee has been trained yet.
    """
    latest = ctx.store.iterations.latest(ctx.name)
    for index in range(latest.index if latest else -1, -1, -1):
        good = [m for m in ctx.store.models.of_iteration(ctx.name, index) if m.state == "ok"]
        if len(good) >= 2:
            return leader_of(good)
    raise UserError(
        f"campaign {ctx.name!r} has no trained potential yet",
        remedy=f"`al-loop status {ctx.name}` shows how far it is",
    )


def export_model(ctx: Context, folder: Path) -> list[Path]:
    """Write the potential, what it is, and inputs with which LAMMPS and ASE run it at once.

    Where dispersion has to be added in MD, the inputs add it and the README says so.
    """
    model = best_model(ctx)
    make_folder(folder)
    target = folder / f"{ctx.name}{Path(model.model).suffix}"
    ctx.store.files.fetch(model.files[model.model], target)
    atoms = next(iter(ctx.starts.values()))[0].atoms
    inputs = {
        ABOUT: as_json(_about(ctx, model)),
        **_lammps(ctx, target.name, atoms),
        **ase_example(
            target.name, atoms, code=_code(ctx, target.name), dispersion=added_in_md(ctx.spec)
        ),
    }
    texts = {README: _readme(ctx, model, target.name, list(inputs)), **inputs}
    for name, text in texts.items():
        write_atomically(folder / name, text)
    return [target, *(folder / name for name in texts)]


def ase_example(
    model_file: str,
    atoms: Atoms,
    *,
    code: tuple[str, str],
    dispersion: D3 | None,
    temperature: float = _TEMPERATURE,
    steps: int = _STEPS,
) -> dict[str, str]:
    """A script that runs a potential in ASE: file name -> text.

    ``code``: what it imports, and the expression that makes the potential's calculator.
    """
    start = io.StringIO()
    ase.io.write(start, atoms, format="extxyz")
    script = render_template(
        "ase/example.py.j2",
        formula=atoms.get_chemical_formula(),
        temperature=temperature,
        steps=steps,
        model=model_file,
        imports=code[0],
        expression=code[1],
        dispersion=dispersion,
        arguments={k: repr(v) for k, v in calculator_arguments(dispersion).items()}
        if dispersion
        else {},
        start=ASE_START,
    )
    return {ASE_SCRIPT: script, ASE_START: start.getvalue()}


def make_folder(folder: Path) -> None:
    """Make a folder to write to, or UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=folder) from None


def method_of(ctx: Context) -> dict[str, Any]:
    """What the labels are, and the dispersion that was added to them or has to be added in MD."""
    dispersion = ctx.spec.dispersion
    return {
        "method": ctx.fingerprint,
        "dispersion": dispersion.model_dump(mode="json") if dispersion else None,
    }


def as_json(about: dict[str, Any]) -> str:
    """One key a line, so that people can read it."""
    return canonical_json(about).replace(',"', ',\n"') + "\n"


def _about(ctx: Context, model: ModelRecord) -> dict[str, Any]:
    return {
        "campaign": ctx.name,
        "iteration": model.iteration,
        "member": model.member,
        "elements": list(ctx.spec.elements),
        "trainer": model.trainer,
        "options": model.options,
        "labels": ctx.store.training_sets.count(model.training_set),
        **method_of(ctx),
        "test_errors": model.test_errors.model_dump() if model.test_errors else None,
        "al_loop": importlib.metadata.version("al-loop"),
    }


def _readme(ctx: Context, model: ModelRecord, model_file: str, inputs: list[str]) -> str:
    return render_template(
        "export/README.md.j2",
        model=model,
        model_file=model_file,
        elements=ctx.spec.elements,
        labels=ctx.store.training_sets.count(model.training_set),
        dispersion=ctx.spec.dispersion,
        method=ctx.fingerprint,
        lammps="in.lammps" in inputs,
        ase_script=ASE_SCRIPT,
    )


def _lammps(ctx: Context, model_file: str, atoms: Atoms) -> dict[str, str]:
    """Of the explorer, where it has an input for others to run."""
    example = getattr(ctx.explorer, "example", None)
    if example is None:
        return {}
    d3 = added_in_md(ctx.spec)
    texts: dict[str, str] = example(
        model_file,
        atoms,
        temperature=_TEMPERATURE,
        steps=_STEPS,
        elements=ctx.spec.elements,
        **({} if d3 is None else {"dispersion": d3}),
    )
    return texts


def _code(ctx: Context, model_file: str) -> tuple[str, str]:
    """Python that makes the potential's calculator: the trainer's, or through al_loop."""
    own = getattr(ctx.trainer, "calculator_code", None)
    if own is not None:
        code: tuple[str, str] = own(model_file)
        return code
    return (
        "from pathlib import Path\n\nfrom al_loop.campaign import engine_class",
        f'engine_class("train", "{ctx.spec.train.engine}").calculator('
        f'Path("{model_file}"), {tuple(ctx.spec.elements)!r})',
    )
