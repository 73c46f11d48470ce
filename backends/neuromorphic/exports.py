"""Configurations of third-party cores and simulators beside our own core: one writer a format, in one table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nc.backends.neuromorphic.cores import loihi, ranc_lower, xylo
from nc.compiler.frontends import nir_write
from nc.compiler.spiking import pynn
from nc.compiler.spiking.restore import restore
from nc.ir.diagnostics import Diagnostic, NcError
from nc.ir.spiking.fixed import FixedNetwork

Writer = Callable[[Path], None]


def prepared(network: FixedNetwork, formats: tuple[str, ...]) -> dict[str, Writer]:
    """What writes each format into a folder. Raises every obstacle of every format at once."""
    writers: dict[str, Writer] = {}
    problems: list[Diagnostic] = []
    for name in formats:
        try:
            writers[name] = FORMATS[name](network)
        except NcError as error:
            problems += error.diagnostics
    if problems:
        raise NcError(problems)
    return writers


def _ranc(network: FixedNetwork) -> Writer:
    return ranc_lower.lower(network).write


def _xylo(network: FixedNetwork) -> Writer:
    program = xylo.lower(restore(network))
    return lambda folder: program.write(folder / "xylo.json")


def _loihi(network: FixedNetwork) -> Writer:
    program = loihi.lower(restore(network))
    return lambda folder: program.write(folder / "loihi.json")


def _nir(network: FixedNetwork) -> Writer:
    float_network = restore(network)
    nir_write.check(float_network)
    return lambda folder: nir_write.write(float_network, folder / "network.nir")


def _pynn(network: FixedNetwork) -> Writer:
    text = pynn.script(restore(network))

    def write(folder: Path) -> None:
        (folder / "network.py").write_text(text)

    return write


FORMATS: dict[str, Callable[[FixedNetwork], Writer]] = {
    "loihi": _loihi,
    "nir": _nir,
    "pynn": _pynn,
    "ranc": _ranc,
    "xylo": _xylo,
}
