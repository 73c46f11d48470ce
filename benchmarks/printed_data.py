"""What the printed benchmarks share: published figures, the data, and the figures of a circuit on test data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nc.backends.printed.adc import adc_figures
from nc.backends.printed.flow import Circuit

# Published: Afentaki et al., ICCAD 2023 (arXiv 2312.17612), re-synthesised with Yosys and ABC on the same cells:
# test accuracy, area in cm2, leakage in mW at 1.0 V and 0.6 V.
PUBLISHED: dict[str, tuple[float, float, float, float]] = {
    "breast_cancer": (0.946, 3.18, 10.2, 3.3),
    "cardio": (0.862, 7.28, 23.3, 7.5),
    "redwine": (0.567, 2.70, 8.3, 2.7),
    "whitewine": (0.527, 5.86, 17.9, 5.8),
    "pendigits": (0.891, 15.15, 47.7, 15.4),
}


MARGIN = 1.5  # one-sided: 93 % of tests then reach the published accuracy, selection aside


def margin(accuracy: float, validated: float, tested: int) -> float:
    """MARGIN standard errors of the difference of two samples' accuracies: of validation rows and of test rows."""
    return MARGIN * float(np.sqrt(accuracy * (1 - accuracy) * (1 / validated + 1 / tested)))


def load(folder: Path, dataset: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(x_train, y_train, x_test, y_test) as 4-bit integers and labels."""
    with np.load(folder / f"{dataset}.npz", allow_pickle=False) as data:
        x = [np.floor(16 * data[k]).astype(np.int64) for k in ("x_train", "x_test")]
        return x[0], data["y_train"], x[1], data["y_test"]


def measured(circuit: Circuit, x_test: np.ndarray, y_test: np.ndarray) -> dict[str, Any]:
    """The figures of a circuit on test data, by the mapped netlist itself."""
    test = float((circuit.classify(x_test) == y_test).mean())
    adc = adc_figures(circuit)["pruned"]
    return {
        "accuracy": round(test, 4),
        "standard_error": round(float(np.sqrt(test * (1 - test) / len(y_test))), 4),
        "area_cm2": round(circuit.area_mm2 / 100, 4),
        "power_mw_1v0": round(circuit.power_mw(x_test, "1.0"), 4),
        "power_mw_0v6": round(circuit.power_mw(x_test, "0.6"), 4),
        "delay_ms": round(circuit.delay_ms("1.0"), 1),
        "delay_ms_0v6": round(circuit.delay_ms("0.6"), 1),
        "adc_area_cm2": adc["area_cm2"],
        "adc_power_mw": adc["power_mw"],
        "cells": sum(circuit.netlist.counts.values()),
        "script": circuit.script,
    }
