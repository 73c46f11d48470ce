"""The front door. Installed as ``nc.compiler``; refuses its bare name, which would make two copies of every class.

Everything a user needs is an attribute of this package, imported when it is first used:

    import nc.compiler
    made = nc.compiler.compile("model.onnx", target="fpga", output="build")
    nc.compiler.simulate("build", "test.npz").mismatches
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if __name__ != "nc.compiler":
    raise ImportError("import 'nc.compiler', not 'compiler': the folder is installed as part of the 'nc' packages")

if TYPE_CHECKING:
    from nc.compiler.builds import Build as Build
    from nc.compiler.comparing.compare import compare as compare
    from nc.compiler.data import Dataset as Dataset
    from nc.compiler.data import load as load_data
    from nc.compiler.driver.compiling import compile as compile
    from nc.compiler.driver.evaluating import evaluate as evaluate
    from nc.compiler.driver.running import run as run
    from nc.compiler.driver.simulating import simulate as simulate
    from nc.compiler.driver.synthesising import synth as synth
    from nc.compiler.driver.verifying import verify as verify
    from nc.compiler.exploring.explore import explore as explore

_EXPORTS = {
    "Build": ("nc.compiler.builds", "Build"),
    "Dataset": ("nc.compiler.data", "Dataset"),
    "compare": ("nc.compiler.comparing.compare", "compare"),
    "compile": ("nc.compiler.driver.compiling", "compile"),
    "evaluate": ("nc.compiler.driver.evaluating", "evaluate"),
    "explore": ("nc.compiler.exploring.explore", "explore"),
    "load_data": ("nc.compiler.data", "load"),
    "run": ("nc.compiler.driver.running", "run"),
    "simulate": ("nc.compiler.driver.simulating", "simulate"),
    "synth": ("nc.compiler.driver.synthesising", "synth"),
    "verify": ("nc.compiler.driver.verifying", "verify"),
}

__all__ = [
    "Build",
    "Dataset",
    "compare",
    "compile",
    "evaluate",
    "explore",
    "load_data",
    "run",
    "simulate",
    "synth",
    "verify",
]


def __getattr__(name: str) -> object:
    """Import an export when it is asked for (PEP 562), so that the package itself imports nothing."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'nc.compiler' has no attribute '{name}'")
    module, attribute = _EXPORTS[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
