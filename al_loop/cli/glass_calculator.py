"""The calculator that a person names on the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ase.calculators.calculator import Calculator
from pydantic import JsonValue, ValidationError

from al_loop.errors import EngineMissing, UserError
from al_loop.pair_potentials import POTENTIALS
from al_loop.pair_sums import pair_calculator

_REMEDY = (
    "name it as --calculator module:name with --argument KEY=VALUE, for example "
    "--calculator deepmd.calculator:DP --argument model=graph.pb; or --calculator bks "
    "(or pmmcs, du-teter, shik)"
)


def calculator_of(name: str | None, arguments: Sequence[str]) -> Calculator | None:
    """A new ASE calculator, or None where none is asked for.

    Raises
    ------
    UserError
        It cannot be imported or made.
    """
    if name is None:
        return None
    if name in POTENTIALS:
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
