"""From a stage's conditions, in words, to the legs of its walkers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatchmethod

from al_loop.campaign.schedule import (
    Anneal,
    Compress,
    Crystals,
    Melt,
    Quench,
    Scale,
    Strain,
)
from al_loop.campaign.stages import ExploreConditions
from al_loop.explore.legs import Ensemble, Leg, hold

Paths = dict[str, tuple[Leg, ...]]
"""Legs by name (``quench-50Kps``), one entry a kind of walker."""

_FS_PER_PS = 1000.0


def paths(conditions: ExploreConditions, *, timestep: float, sample_every: int) -> Paths:
    """What the walkers of a stage do, by name. ``timestep`` in fs, ``sample_every`` in steps.

    Times of a schedule are rounded to whole samples, one at least.
    """
    if conditions.schedule is None:
        return _held(
            conditions.ensembles,
            temperatures=conditions.temperatures,
            pressures=conditions.pressures,
            steps=conditions.steps or 0,
        )
    return _Translator(timestep, sample_every).paths(conditions.schedule.chosen)


def _held(
    ensembles: Sequence[Ensemble],
    *,
    temperatures: Sequence[float],
    pressures: Sequence[float],
    steps: int,
) -> Paths:
    found: Paths = {}
    for ensemble in ensembles:
        for temperature in temperatures:
            if ensemble == "nvt":
                found[f"nvt-{temperature:g}K"] = hold(
                    steps=steps, ensemble=ensemble, temperature=temperature
                )
                continue
            for pressure in pressures:
                found[f"npt-{temperature:g}K-{pressure:g}GPa"] = hold(
                    steps=steps, ensemble=ensemble, temperature=temperature, pressure=pressure
                )
    return found


class _Translator:
    """Schedules as legs at a timestep (fs) and a number of steps between samples."""

    def __init__(self, timestep: float, sample_every: int) -> None:
        self._timestep = timestep
        self._sample_every = sample_every

    @singledispatchmethod
    def paths(self, schedule: object) -> Paths:
        """Legs by name of a schedule."""
        raise TypeError(f"no schedule: {schedule!r}")

    @paths.register
    def _melt(self, melt: Melt) -> Paths:
        return _held(
            melt.ensembles,
            temperatures=melt.temperatures,
            pressures=melt.pressures,
            steps=self._steps(melt.hold),
        )

    @paths.register
    def _quench(self, quench: Quench) -> Paths:
        found: Paths = {}
        hot, cold = quench.start, quench.to
        for ensemble in quench.ensembles:
            for rate in quench.rates:
                times = (quench.before, (hot - cold) / rate, quench.after)
                ramps = ((hot, hot), (hot, cold), (cold, cold))
                name = f"quench{_mark(ensemble)}-{rate:g}Kps"
                found[name] = self._thermal(ensemble, quench.pressure, times=times, ramps=ramps)
        return found

    @paths.register
    def _anneal(self, anneal: Anneal) -> Paths:
        found: Paths = {}
        cold, hot = anneal.start, anneal.to
        heating = (hot - cold) / anneal.rate
        times = (heating, anneal.hold, heating if anneal.back else 0.0)
        ramps = ((cold, hot), (hot, hot), (hot, cold))
        for ensemble in anneal.ensembles:
            legs = self._thermal(ensemble, anneal.pressure, times=times, ramps=ramps)
            found[f"anneal{_mark(ensemble)}-{hot:g}K"] = legs
        return found

    @paths.register
    def _compress(self, compress: Compress) -> Paths:
        first, last = compress.start, compress.to
        step = compress.step if last > first else -compress.step
        count = int((last - first) / step + 1e-9)
        pressures = [first + i * step for i in range(count + 1)]
        if abs(pressures[-1] - last) > 1e-9:
            pressures.append(last)
        steps = self._steps(compress.hold)
        return {
            f"compress-{t:g}K-{last:g}GPa": tuple(
                Leg(steps=steps, ensemble="npt", temperature=(t, t), pressure=(p, p))
                for p in pressures
            )
            for t in compress.temperatures
        }

    @paths.register
    def _strain(self, strain: Strain) -> Paths:
        found: Paths = {}
        for t in strain.temperatures:
            for axis in strain.axes:
                for final in strain.to:
                    leg = self._stretch(axis, 1.0 + final, t, time=abs(final) / strain.rate)
                    found[f"strain-{t:g}K-{axis}-{1.0 + final:g}"] = (leg,)
        return found

    @paths.register
    def _scale(self, scale: Scale) -> Paths:
        found: Paths = {}
        for t in scale.temperatures:
            for factor in scale.factors:
                leg = self._stretch("all", factor, t, time=scale.over)
                rest = self._thermal("nvt", 0.0, times=(scale.hold,), ramps=((t, t),))
                found[f"scale-{t:g}K-{factor:g}"] = (leg, *rest)
        return found

    @paths.register
    def _crystals(self, crystals: Crystals) -> Paths:
        found: Paths = {}
        cold, hot = crystals.start, crystals.to
        heating = self._thermal(
            "nvt", 0.0, times=((hot - cold) / crystals.rate,), ramps=((cold, hot),)
        )
        for strain in crystals.strains:
            factor = 1.0 + strain
            leg = self._stretch("all", factor, cold, time=crystals.over)
            found[f"crystals-{hot:g}K-{factor:g}"] = (leg, *heating) if strain else heating
        return found

    def _thermal(
        self,
        ensemble: Ensemble,
        pressure: float,
        *,
        times: Sequence[float],
        ramps: Sequence[tuple[float, float]],
    ) -> tuple[Leg, ...]:
        """Legs of these times (ps; none for 0) and temperatures (K)."""
        return tuple(
            Leg(
                steps=self._steps(time),
                ensemble=ensemble,
                temperature=ramp,
                pressure=(pressure, pressure) if ensemble == "npt" else (0.0, 0.0),
            )
            for time, ramp in zip(times, ramps, strict=True)
            if time > 0
        )

    def _stretch(self, axis: str, factor: float, temperature: float, *, time: float) -> Leg:
        a, b, c = (factor if axis in (name, "all") else 1.0 for name in "abc")
        return Leg(
            steps=self._steps(time),
            ensemble="nvt",
            temperature=(temperature, temperature),
            stretch=(a, b, c),
        )

    def _steps(self, picoseconds: float) -> int:
        samples = picoseconds * _FS_PER_PS / self._timestep / self._sample_every
        return max(1, round(samples)) * self._sample_every


def _mark(ensemble: Ensemble) -> str:
    return "" if ensemble == "nvt" else f"-{ensemble}"
