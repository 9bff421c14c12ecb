"""Sentences about engines; one that is not known here is described by its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from al_loop.report.methods.references import Citations

Options = Mapping[str, Any]
Sentence = Callable[[Options, Citations], str]

MOST_TOLD = 12
"""Entries of a list that a sentence names; a g(r) has hundreds."""


def in_words(options: Options) -> str:
    """All options, as they stand: ``rcut 6, neuron 25-50-100``; long lists are counted."""
    told = []
    for key, value in options.items():
        if isinstance(value, Mapping):
            told.append(f"{key} ({in_words(value)})")
        elif isinstance(value, list | tuple):
            short = len(value) <= MOST_TOLD
            told.append(f"{key} {'-'.join(map(str, value)) if short else f'{len(value)} values'}")
        elif value is None:
            told.append(f"{key} not set")
        elif value != "":
            told.append(f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}")
    return ", ".join(told)


def describe(kind: str, engine: str, options: Options, cite: Citations) -> str:
    """What an engine is and how it was set, with references."""
    sentence = _KNOWN.get((kind, engine))
    told = sentence(options, cite) if sentence else f"engine {engine!r}"
    return f"{told} (all options: {in_words(options) or 'none'})"


def _deepmd(options: Options, cite: Citations) -> str:
    layers = {name: "-".join(map(str, options[name])) for name in ("neuron", "fitting_neuron")}
    told = (
        f"Deep Potential models of DeePMD-kit{cite('deepmd', 'deepmd-2', 'deepmd-3')} with the "
        f"smooth two-body embedding descriptor (se_e2_a){cite('se-e2-a')}: cutoff "
        f"{options['rcut']:g} Å, smoothed from {options['rcut_smth']:g} Å; embedding net "
        f"{layers['neuron']} with {options['axis_neuron']} axis neurons; fitting net "
        f"{layers['fitting_neuron']}; {options['precision']}; {options['steps']:,} steps of "
        f"Adam{cite('adam')}, learning rate from {options['start_lr']:g} to "
        f"{options['stop_lr']:g}"
    )
    if options["compress"]:
        told += f"; compressed for molecular dynamics{cite('compression')}"
    return told


def _linear(_options: Options, _cite: Citations) -> str:
    return "A pair potential that is linear in its coefficients"


def _lammps(options: Options, cite: Citations) -> str:
    return (
        f"LAMMPS{cite('lammps')} with Nosé-Hoover thermostats and barostats"
        f"{cite('nose', 'hoover', 'mtk')}, time constants {options['tdamp']:g} fs (temperature) "
        f"and {options['pdamp']:g} fs (pressure)"
    )


def _ase_md(options: Options, cite: Citations) -> str:
    return (
        f"ASE{cite('ase')} with stochastic velocity rescaling{cite('bussi')} at constant volume "
        f"(time constant {options['tdamp']:g} fs) and the isotropic barostat of Martyna, Tobias "
        f"and Klein{cite('mtk')} at constant pressure ({options['pdamp']:g} fs)"
    )


def _xtb(options: Options, cite: Citations) -> str:
    method = options["method"]
    return (
        f"the semiempirical tight-binding method {method}{cite(method)} as implemented in tblite, "
        f"Γ point, electronic temperature {options['electronic_temperature']:g} K, accuracy "
        f"{options['accuracy']:g}"
    )


def _vasp(options: Options, cite: Citations) -> str:
    told = (
        f"VASP{cite('vasp', 'paw')}, run through custodian and pymatgen{cite('pymatgen')}: "
        f"plane waves up to {options['encut']:g} eV, {options['smearing']} smearing of "
        f"{options['sigma']:g} eV"
    )
    return _dft(told, f"{options['ediff']:g} eV", options, cite)


def _cp2k(options: Options, cite: Citations) -> str:
    told = (
        f"CP2K (Quickstep){cite('cp2k')}: basis {options['basis']}{cite('molopt')}, "
        f"pseudopotentials {options['potential']}{cite('gth')}, plane waves up to "
        f"{options['cutoff']:g} Ry (relative cutoff {options['rel_cutoff']:g} Ry)"
    )
    return _dft(told, f"{options['eps_scf']:g}", options, cite)


def _dft(program: str, converged: str, options: Options, cite: Citations) -> str:
    functional = options["functional"]
    return (
        f"density-functional theory with {program}, functional {functional}{cite(functional)}, "
        f"k-points {options['kpoints']}, SCF converged to {converged}, dispersion "
        f"{_dispersion(options['dispersion'], cite)}"
    )


def _dispersion(kind: str, cite: Citations) -> str:
    if kind == "none":
        return "none within the labels"
    return f"D3{cite('d3', 'd3-bj') if kind == 'd3-bj' else cite('d3')} ({kind})"


def _pair(options: Options, cite: Citations) -> str:
    name = options["potential"]
    return f"the published classical pair potential {name}{cite(name)}"


def _teacher(_options: Options, _cite: Citations) -> str:
    return "a frozen DeePMD-kit model in place of a first-principles method (a rehearsal)"


def _calculator(_options: Options, cite: Citations) -> str:
    return f"a calculator of ASE{cite('ase')}"


_KNOWN: dict[tuple[str, str], Sentence] = {
    ("train", "deepmd"): _deepmd,
    ("train", "linear"): _linear,
    ("explore", "lammps"): _lammps,
    ("explore", "ase"): _ase_md,
    ("label", "xtb"): _xtb,
    ("label", "vasp"): _vasp,
    ("label", "cp2k"): _cp2k,
    ("label", "pair"): _pair,
    ("label", "teacher"): _teacher,
    ("label", "ase"): _calculator,
}
