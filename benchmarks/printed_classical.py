"""Rows of trees and linear SVMs: fitted by scikit-learn, exported to ONNX-ML, and on through the same flow to cells.

Sizes are chosen by cross-validation on the training data, by the same rule as the MLPs of printed.py: the smallest
model a margin above the published accuracy, else the most accurate one within the area. It is then fitted to all of
them.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from printed_data import PUBLISHED, load, margin, measured
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from nc.backends.printed.flow import synthesise
from nc.backends.printed.technology import egfet
from nc.compiler.config import Common
from nc.compiler.frontends.onnx import from_onnx
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers
from nc.compiler.printed.search import isotonic
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate

Job = tuple[str, int, str, bool, str]
Bar = tuple[float, float]  # the accuracy that validation must show, the area in mm2
Found = tuple[Graph, str, float]  # the circuit's graph, the model's name, its accuracy in cross-validation

SIZES = sorted({int(v) for v in np.geomspace(2, 200, 24)})
STYLES = [{"criterion": c, "min_samples_leaf": n} for c in ("gini", "entropy") for n in (1, 4, 10)]
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)
FOLDS = 5
AREA_SHARE = 0.19  # of the published area, mapped quickly


def run_tree(job: Job) -> dict[str, Any]:
    """The smallest decision tree that is sure of the published accuracy, within a fifth of the published area."""
    return _row(job, "tree", _tree, "full")


def run_svm(job: Job) -> dict[str, Any]:
    """The linear SVM, one against the rest, with the fewest weight bits that keep its decisions (mapped quickly)."""
    return _row(job, "svm", _svm, "quick")


def _row(job: Job, kind: str, make: Callable[[np.ndarray, np.ndarray, Bar, int], Found], effort: str) -> dict[str, Any]:
    dataset, seed, folder, quick, cache = job
    done = Path(cache, f"{dataset}_{seed}_{kind}{'_quick' if quick else ''}.json") if cache else None
    if done is not None and done.is_file():
        row: dict[str, Any] = json.loads(done.read_text())
        return row
    begin = time.time()
    x, y, x_test, y_test = load(Path(folder), dataset)
    accuracy, area, _, _ = PUBLISHED[dataset]
    bar = (accuracy + margin(accuracy, len(y), len(y_test)), AREA_SHARE * 100 * area)
    graph, model, validated = make(x, y, bar, seed)
    circuit = synthesise(graph, egfet(), effort="quick" if quick else effort)
    row = {
        **measured(circuit, x_test, y_test),
        "dataset": dataset,
        "seed": seed,
        "model": model,
        "validation_accuracy": round(validated, 4),
        "published_accuracy": accuracy,
        "published_area_cm2": area,
        "seconds": round(time.time() - begin, 1),
    }
    if done is not None:
        done.parent.mkdir(parents=True, exist_ok=True)
        done.write_text(json.dumps(row))
    return row


def _tree(x: np.ndarray, y: np.ndarray, bar: Bar, seed: int) -> Found:
    """Of every size the best style; of the sizes the smallest that validation puts above the bar's accuracy, else the
    most accurate."""
    scores = np.array(
        [
            [_validated(DecisionTreeClassifier(max_leaf_nodes=n, random_state=seed, **style), x, y, seed)
             for style in STYLES] for n in SIZES
        ]
    )  # fmt: skip
    accuracy, area_mm2 = bar
    place = len(SIZES)
    while True:
        smooth = isotonic(scores.max(1)[:place])  # of the sizes that may still fit
        place = int(np.argmax(smooth >= min(accuracy, smooth.max()) - 1e-12))
        style = STYLES[int(scores[place].argmax())]
        tree = DecisionTreeClassifier(max_leaf_nodes=SIZES[place], random_state=seed, **style).fit(x, y)
        graph = _integers(_exported(tree, x), x, 1, {})
        if place == 0 or synthesise(graph, egfet(), effort="quick").area_mm2 <= area_mm2:
            return graph, f"tree, {tree.get_n_leaves()} leaves", float(scores[place].max())


def _svm(x: np.ndarray, y: np.ndarray, bar: Bar, seed: int) -> Found:
    del bar
    scores = [_validated(LinearSVC(C=c, dual=False, random_state=seed), x / 16, y, seed) for c in PENALTIES]
    best = PENALTIES[int(np.argmax(scores))]
    model = _exported(LinearSVC(C=best, dual=False, random_state=seed).fit(x / 16, y), x)
    graphs = {bits: _integers(model, x / 16, 1 / 16, {"weight_bits": bits}) for bits in range(3, 9)}
    hits = {bits: float((evaluate(g, {"x": x})["class"].reshape(-1) == y).mean()) for bits, g in graphs.items()}
    bits = min(b for b in hits if hits[b] >= max(hits.values()) - 0.005)
    return graphs[bits], f"svm, {bits}-bit weights", float(max(scores))


def _integers(model: Any, x: np.ndarray, scale: float, quantise: dict[str, Any]) -> Graph:
    """The integer graph on four-bit codes, each standing for code * `scale`."""
    common = Common.model_validate({"input": {"x": {"bits": 4, "scale": scale}}, "quantise": quantise})
    graph = from_onnx(model)
    return run_passes(graph, to_integers(graph, common, {"x": x.astype(np.float64)}))[0]


def _validated(model: Any, x: np.ndarray, y: np.ndarray, seed: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class with fewer samples than folds
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        return float(cross_val_score(model, x, y, cv=folds).mean())


def _exported(model: Any, x: np.ndarray) -> Any:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return convert_sklearn(model, initial_types=[("x", FloatTensorType([None, x.shape[1]]))])
