"""Picks one circuit of a searched front by an accuracy floor and budgets, judged on the mapped circuit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from nc.backends.printed.figures import figures, uniform
from nc.backends.printed.flow import synthesise
from nc.backends.printed.options import Options
from nc.backends.printed.technology import egfet
from nc.compiler.printed.from_model import as_model, front_of, ordered
from nc.compiler.printed.search import Plan, Point, choose
from nc.ir.diagnostics import fail
from nc.ir.graph import Graph

Array = np.ndarray[Any, np.dtype[Any]]

TRIES = 12  # circuits mapped at most: neighbours on the front differ by less than the model's error
MODEL_ERROR = 1.5  # a mapped circuit is smaller than modelled by at most about this
# Area gets dearer than in a search for one floor: a budget may ask for much smaller circuits.
FULL = Plan(price=(1e-6, 1e-2))
QUICK = replace(FULL, starts=1, returns=1, steps=20_000, replicas=4, training=400)
PLANS = {"off": FULL, "quick": QUICK, "full": FULL}


def searched(graph: Graph, options: Options, data: Mapping[str, Array] | None, labels: Array | None) -> Graph:
    """The circuit that replaces `graph`: the smallest that meets `approx.accuracy_floor`, or without a floor the most
    accurate within the budgets. Accuracy is that of validation samples, held out of the data `data` (by input name).

    Raises NC650 and NC655 to NC659 for models and data that do not fit, NC653 for a floor that nothing meets, NC654
    for budgets below the smallest circuit.
    """
    if data is None:
        fail("NC659", "a search must have data, not only a model", help="give samples with labels by --calib DATA")
    approx = options.approx
    x = np.asarray(next(iter(data.values())))
    shape, front = front_of(graph, x, labels, PLANS[approx.search], approx.hidden)
    if approx.accuracy_floor is not None:
        choose(front, approx.accuracy_floor)  # NC653 where nothing reaches it
    front = [p for p in front if p.area_mm2 > 0] or front  # no area: a constant answer
    tried = []
    for point in _spread(list(ordered(_modelled_within(front, options), approx.accuracy_floor)), options):
        found = as_model(graph, point, shape)
        cost = _cost(found, options)
        if _excess(cost, options) <= 1:
            return found
        tried.append((cost, point))
    smallest = min(front, key=lambda p: p.area_mm2)
    tried = tried or [(_cost(as_model(graph, smallest, shape), options), smallest)]
    return _over_budget(options, *min(tried, key=lambda t: t[0]))


def _over_budget(options: Options, cost: tuple[float, float], point: Point) -> NoReturn:
    """NC654 with the smallest circuit."""
    floor = options.approx.accuracy_floor
    wanted = "" if floor is None else f" with accuracy {floor:g}"
    fail(
        "NC654",
        f"the circuit must stay within {_limits(options)}; the smallest one found{wanted} has {cost[0]:.3f} cm2 and "
        f"{cost[1]:.3f} mW at {options.printed.vdd} V (validation accuracy {point.smoothed:.4f})",
        help="raise the budget, take printed.vdd=0.6, or lower approx.accuracy_floor",
    )


def _spread(points: Sequence[Point], options: Options) -> Sequence[Point]:
    """At most TRIES points; above a floor the first few, else spread over the order, the first and last included."""
    if len(points) <= TRIES:
        return points
    if options.approx.accuracy_floor is not None:
        return points[:TRIES]
    return [points[i] for i in np.unique(np.linspace(0, len(points) - 1, TRIES).astype(int))]


def _modelled_within(front: Sequence[Point], options: Options) -> list[Point]:
    """The points that the area model does not rule out for the area budget."""
    limit = options.budget.area_cm2
    return [p for p in front if limit is None or p.area_mm2 <= 100 * limit * MODEL_ERROR]


def _cost(graph: Graph, options: Options) -> tuple[float, float]:
    """(cm², mW at printed.vdd) of the mapped circuit, output registers included."""
    circuit = synthesise(graph, egfet(), effort="quick", vdd=options.printed.vdd)
    registers = sum(p.tensor.width for p in circuit.words.outputs) if options.printed.registered else 0
    found = figures(circuit, uniform(circuit.words), registers)
    return found["area_cm2"], found["power_mw"][options.printed.vdd]


def _excess(cost: tuple[float, float], options: Options) -> float:
    """The largest ratio of a cost to its budget."""
    limits = (options.budget.area_cm2, options.budget.power_mw)
    return max((c / limit for c, limit in zip(cost, limits) if limit is not None), default=0.0)


def _limits(options: Options) -> str:
    budget = options.budget
    named = ((budget.area_cm2, "cm2"), (budget.power_mw, f"mW at {options.printed.vdd} V"))
    return " and ".join(f"{limit:g} {unit}" for limit, unit in named if limit is not None)
