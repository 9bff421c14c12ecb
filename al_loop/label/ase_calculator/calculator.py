"""From an import path to a calculator."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import packages_distributions, version
from typing import Any

from ase.calculators.calculator import BaseCalculator

from al_loop.errors import EngineMissing
from al_loop.label.ase_calculator.options import AseLabelOptions


def find(options: AseLabelOptions) -> Callable[..., Any]:
    """What makes the calculator; EngineMissing when it cannot be imported."""
    module, _, name = options.calculator.partition(":")
    try:
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]
    except (ImportError, AttributeError) as error:
        raise EngineMissing(
            f"the calculator {options.calculator!r} cannot be imported: {error}",
            remedy="install its package here, or correct label.options.calculator (module:name)",
        ) from error


def make(options: AseLabelOptions) -> BaseCalculator:
    """A new calculator; EngineMissing when it does not take its arguments."""
    maker = find(options)
    try:
        calculator = maker(**options.arguments, **options.other_arguments)
    except (TypeError, ValueError, KeyError, OSError, RuntimeError) as error:
        raise EngineMissing(
            f"{options.calculator} cannot be made: {type(error).__name__}: {error}",
            remedy="correct label.options.arguments",
        ) from error
    if not isinstance(calculator, BaseCalculator):
        raise EngineMissing(
            f"{options.calculator} makes {type(calculator).__name__}, not an ASE calculator",
            remedy="name a class of calculators, or a function that makes one",
        )
    return calculator


def package_of(options: AseLabelOptions, *, parts: int | None = None) -> str:
    """Name and version of the package that the calculator comes from, as far as it has one.

    ``parts`` of the version: 2 leaves out what only mends (0.8.1 is 0.8).
    """
    top = options.calculator.partition(":")[0].partition(".")[0]
    names = sorted(set(packages_distributions().get(top, [])))
    versions = {name: ".".join(version(name).split(".")[:parts]) for name in names}
    return ", ".join(f"{k} {v}" for k, v in versions.items()) or f"{top} (not a package)"
