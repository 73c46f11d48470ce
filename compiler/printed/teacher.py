"""A teacher for noisy labels: a random forest whose class probabilities replace the labels of the descents.

Annealing on 0/1 errors of a few thousand samples learns their noise. The forest's out-of-bag probabilities (Breiman,
2001) are an estimate of each sample's true class distribution, so the expected error under them is the error on fresh
data; samples drawn around the given ones, labelled by the forest, make the estimate denser (Hinton et al., arXiv
1503.02531, distil a network the same way).
"""

from __future__ import annotations

import numpy as np

from nc.ir.diagnostics import ToolMissing, fail

UNIT = 100  # the cost of one certain error


def taught(
    x: np.ndarray, y: np.ndarray, classes: int, *, seed: int, own: float = 0.0, drawn: int = 1, trees: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """(samples (M, F), cost (M, classes) in units of 1/UNIT) for integer inputs `x` (N, F) and labels `y`.

    `own`: weight of a sample's own label beside its out-of-bag distribution; `drawn`: samples drawn around each given
    one by moving about half of its features by one code.
    """
    try:
        from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]
    except ImportError:
        fail(
            "NC658",
            "a teacher for noisy labels needs scikit-learn, which is not installed",
            help="pip install scikit-learn",
            kind=ToolMissing,
        )
    import warnings

    forest = RandomForestClassifier(trees, min_samples_leaf=2, oob_score=True, random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a sample that is in every bag has no out-of-bag vote
        forest.fit(x, y)
    hot = np.eye(classes)[y]
    places = forest.classes_.astype(int)
    known = np.zeros_like(hot)
    known[:, places] = forest.oob_decision_function_
    known = np.where(np.isfinite(known).all(1, keepdims=True), known, hot)
    samples, chances = [x], [own * hot + (1 - own) * known]
    rng = np.random.default_rng(seed)
    low, high = x.min(0), x.max(0)
    for _ in range(drawn):
        moved = np.clip(x + rng.integers(-1, 2, x.shape) * (rng.random(x.shape) < 0.75), low, high)
        guess = np.zeros_like(hot)
        guess[:, places] = forest.predict_proba(moved)
        samples.append(moved)
        chances.append(guess)
    return np.concatenate(samples), np.rint(UNIT * (1 - np.concatenate(chances))).astype(np.int64)
