"""The calculator that a person names on the command line."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import get_args

from ase.calculators.calculator import BaseCalculator, Calculator
from pydantic import JsonValue, ValidationError

from al_loop.campaign.dispersion import D3Functional
from al_loop.d3 import D3
from al_loop.errors import EngineMissing, UserError
from al_loop.explore.ase_md.dispersion import with_dispersion
from al_loop.pair_potentials import POTENTIALS
from al_loop.pair_sums import pair_calculator

_REMEDY = (
    "name it as --calculator module:name with --argument KEY=VALUE, for example "
    "--calculator deepmd.calculator:DP --argument model=graph.pb; or --calculator bks "
    "(or pmmcs, du-teter, shik)"
)


def calculator_of(
    name: str | None, arguments: Sequence[str], *, d3: str | None = None
) -> BaseCalculator | None:
    """A new ASE calculator, or None where none is asked for; ``d3``: a functional's D3 on top.

    Raises
    ------
    UserError
        It cannot be imported or made, or there is D3 without a calculator.
    EngineMissing
        D3 is asked for, and s-dftd3 is not installed.
    """
    dispersion = d3_of(d3, known=get_args(D3Functional), program="al_loop")
    if name is not None:
        return with_dispersion(_made(name, arguments), dispersion)
    if dispersion is not None:
        raise UserError(
            "D3 is added to a potential, and there is none",
            where="--d3",
            remedy="give --calculator, too",
        )
    return None


def d3_of(functional: str | None, *, known: Collection[str], program: str) -> D3 | None:
    """D3(BJ) of a functional with the cutoffs that campaigns have by default.

    Raises
    ------
    UserError
        ``program`` does not know the functional.
    """
    if functional is None:
        return None
    if functional not in known:
        raise UserError(
            f"{program} has no D3 parameters of {functional!r}",
            where="--d3",
            remedy=f"known: {', '.join(sorted(known))}",
        )
    return D3(functional=functional, damping="bj", cutoff=15.0, cn_cutoff=10.0)


def _made(name: str, arguments: Sequence[str]) -> Calculator:
    if name in POTENTIALS:
        if arguments:
            raise UserError(f"{name} takes no arguments", where="--argument", remedy="leave it out")
        return pair_calculator(name)
    from al_loop.label.ase_calculator.calculator import make
    from al_loop.label.ase_calculator.options import AseLabelOptions

    given = dict(_argument(one) for one in arguments)
    try:
        made = make(AseLabelOptions.model_validate({"calculator": name, "arguments": given}))
    except (ValidationError, EngineMissing) as error:
        what = error.what if isinstance(error, EngineMissing) else f"{name!r} is no calculator"
        raise UserError(what, where="--calculator", remedy=_REMEDY) from None
    if not isinstance(made, Calculator):
        raise UserError(f"{name} cannot be used here", where="--calculator", remedy=_REMEDY)
    return made


def _argument(text: str) -> tuple[str, JsonValue]:
    """``KEY=VALUE``; a value that is JSON (a number, true, a list) is taken as such."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{text!r} is not KEY=VALUE", where="--argument", remedy=_REMEDY)
    try:
        return key.strip(), json.loads(value)
    except json.JSONDecodeError:
        return key.strip(), value
