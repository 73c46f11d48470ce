"""nc synth says when the placed design is slower than the clock that it was made for."""

from __future__ import annotations

from nc.compiler.driver.synthesising import Synthesis


def test_half_of_the_clock_is_said() -> None:
    (warning,) = Synthesis(device="ecp5-25k", fmax_mhz=20.2, clock_mhz=40).warnings
    assert (warning.code, warning.severity) == ("NC532", "warning")
    assert "40 MHz" in warning.message
    assert "20.2 MHz" in warning.message


def test_near_enough_or_unknown_is_not() -> None:
    assert not Synthesis(fmax_mhz=37, clock_mhz=40).warnings
    assert not Synthesis(fmax_mhz=None, clock_mhz=40).warnings
    assert not Synthesis(fmax_mhz=20, clock_mhz=None).warnings
