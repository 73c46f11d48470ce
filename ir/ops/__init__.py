"""The operations, collected: `OPS` maps the word of the text form to the class.

Every file of this package that defines a named operation is found by itself: a new operation is a new file.
"""

from __future__ import annotations

import importlib
import pkgutil

from nc.ir.ops.base import Op


def _collect() -> dict[str, type[Op]]:
    found: dict[str, type[Op]] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        for item in vars(loaded).values():
            if isinstance(item, type) and issubclass(item, Op) and item.name and item.__module__ == loaded.__name__:
                found[item.name] = item
    return dict(sorted(found.items()))


OPS: dict[str, type[Op]] = _collect()
