"""The search's memory: an Optuna study in a database, and the loop that a worker runs on it.

Points are proposed by NSGA-II or TPE under constraints, or one after another where the whole space is asked for. A
killed worker loses the point it was measuring, which is proposed again: at once by the next run where the exploration
has its own database, after a minute without a sign of life where workers share one. With a screening estimate all
points are estimated first, and only those that no other clearly beats are measured in full.
"""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from nc.compiler.exploring.goals import Metrics, feasible
from nc.compiler.exploring.measure import Job, Measured, measure
from nc.compiler.exploring.space import Space, Value
from nc.ir.diagnostics import fail, suggest

HEARTBEAT_S, GRACE_S = 10, 60
_MOST_REPEATS = 20  # proposals of known points for each new one, before the space counts as searched
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Search:
    """What every worker needs. `storage`: a database URL; `own`: no other exploration uses it; `seed`: of proposals;
    `baseline`: figures of the options as they are, none where they were refused."""

    job: Job
    space: Space
    storage: str
    own: bool
    name: str
    seed: int
    baseline: Metrics


def open_study(search: Search, worker: int = 0) -> Study:
    """The study, made where it does not exist."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        beat: dict[str, Any] = {} if search.own else {
            "heartbeat_interval": HEARTBEAT_S,
            "grace_period": GRACE_S,
            "heartbeat_stale_trial_callback": RetryHeartbeatStaleTrialCallback(),
        }  # fmt: skip
        engine: dict[str, Any] = {"connect_args": {"timeout": 60}} if search.storage.startswith("sqlite") else {}
        return optuna.create_study(
            storage=RDBStorage(search.storage, engine_kwargs=engine, **beat),
            sampler=_sampler(search, worker),
            study_name=search.name,
            directions=["maximize" if d == "max" else "minimize" for d in search.space.objectives.values()],
            load_if_exists=True,
        )


def _sampler(search: Search, worker: int) -> BaseSampler:
    seed = search.seed + 7919 * worker
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if _whole(search.space):
            return RandomSampler(seed=seed)  # every trial is given its point
        if search.space.sampler == "nsga2":
            return NSGAIISampler(population_size=24, seed=seed)
        return TPESampler(n_startup_trials=8, seed=seed, multivariate=True)


def retry_lost(study: Study) -> int:
    """Propose again what a dead run was measuring; how many. Only while no other worker lives."""
    lost = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for trial in lost:
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)
    return len(lost)


def distinct(study: Study) -> dict[str, FrozenTrial]:
    """Finished trials by the key of their point; of a point that was measured again, further, the last."""
    found: dict[str, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False, states=_DONE):
        key = trial.user_attrs["key"]
        if key not in found or trial.user_attrs["full"]:
            found[key] = trial
    return found


def explored(study: Study, space: Space) -> bool:
    """All points asked for are known, or the space has no more to offer."""
    trials = study.get_trials(deepcopy=False, states=_DONE)
    points = len({t.user_attrs["key"] for t in trials})
    return points >= min(space.trials, space.size) or len(trials) >= _MOST_REPEATS * space.trials


def promoted(study: Study, search: Search) -> list[FrozenTrial]:
    """Estimated points that are yet to be measured in full, the least estimate first: those that keep the constraints
    as far as known, and that no other clearly beats. Where others work on all of them: these, since they may die."""
    space, trials = search.space, distinct(study)
    known = _known(trials.values(), search)
    busy = [t.params for t in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))]
    worth = [
        t
        for t in trials.values()
        if not t.user_attrs["full"] and t.user_attrs["fidelity"] == "estimate"
        and _promising(t.user_attrs["metrics"], known, space)
    ]  # fmt: skip
    worth = [t for t in worth if t.params not in busy] or worth
    return sorted(worth, key=lambda t: t.user_attrs["metrics"].get(space.screen or "", 0.0))


def steps(study: Study, search: Search) -> tuple[int, int]:
    """How many measurements are done, and how many there will be as far as known."""
    space, known = search.space, distinct(study).values()
    aim = int(min(space.trials, space.size))
    if not _in_two(space) or not explored(study, space):
        return len(known), aim
    full = sum(t.user_attrs["full"] for t in known)
    return len(known) + full, max(aim, len(known)) + full + len(promoted(study, search))


def done(study: Study, search: Search) -> bool:
    """Nothing is left to be measured."""
    return explored(study, search.space) and not (_in_two(search.space) and promoted(study, search))


def _in_two(space: Space) -> bool:
    """Whether all points are estimated before the first is measured in full."""
    return space.screen is not None and space.fidelity != "estimate"


def work(search: Search, worker: int = 0) -> None:
    """Measure proposed points until enough are known, then those in full that their estimates single out."""
    study = open_study(search, worker)
    space, rng = search.space, random.Random(search.seed + worker)
    first = not _in_two(space)
    while not explored(study, space):
        if _whole(space) and (points := _unknown(study, space)):
            study.enqueue_trial(rng.choice(points))
        _one(study, search, first)
    while _in_two(space) and (found := promoted(study, search)):
        study.enqueue_trial(found[worker % len(found)].params)  # workers begin with different ones
        _one(study, search, True)


def _one(study: Study, search: Search, full: bool) -> None:
    """One trial. SQLite has no row locks, so that two workers may take the same waiting trial: both get the figures of
    its point, which is measured once, and the second is refused when it tells them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The constraint value is ignored", UserWarning)
        try:
            study.optimize(lambda trial: _objective(trial, study, search, full), n_trials=1)
        except optuna.exceptions.UpdateFinishedTrialError:
            return
        except ValueError as error:
            if not str(error).startswith("Cannot tell a "):
                raise


def _whole(space: Space) -> bool:
    """Whether every point is asked for, so that none need be proposed."""
    return space.size <= space.trials


def _unknown(study: Study, space: Space) -> list[dict[str, Value]]:
    """Points without figures; those that others work on only where there are no others left."""
    names = list(space.parameters)
    rows = set(itertools.product(*(p.values() or () for p in space.parameters.values())))

    def taken(*states: TrialState) -> set[tuple[Value, ...]]:
        return {tuple(t.params.get(n) for n in names) for t in study.get_trials(deepcopy=False, states=states)}

    rows -= taken(*_DONE)
    free = rows - taken(TrialState.RUNNING)
    return [dict(zip(names, row, strict=True)) for row in sorted(free or rows, key=repr)]


def _objective(trial: Trial, study: Study, search: Search, full: bool) -> tuple[float, ...]:
    space = search.space
    point = {name: parameter.suggest(trial, name) for name, parameter in space.parameters.items()}
    known = _known(distinct(study).values(), search)
    found = measure(search.job, point, lambda metrics: _promising(metrics, known, space), None if full else "estimate")
    trial.set_user_attr("key", found.key)
    trial.set_user_attr("seconds", round(found.seconds, 2))
    trial.set_user_attr("fidelity", found.fidelity)
    trial.set_user_attr("full", full)
    if found.error:
        trial.set_user_attr("error", found.error)
        raise optuna.TrialPruned
    trial.set_user_attr("metrics", dict(found.metrics))
    metrics = found.metrics if found.fidelity == search.job.fidelity else _predicted(found, known, space)
    for rule in space.constraints:
        trial.set_constraint(str(rule), rule.violation(metrics) or 0.0)
    return values(metrics, space)


def _known(trials: Iterable[FrozenTrial], search: Search) -> list[Metrics]:
    """Figures of the default and of measured points."""
    found = [t.user_attrs["metrics"] for t in trials if "metrics" in t.user_attrs]
    return [search.baseline, *found] if search.baseline else found


def values(metrics: Metrics, space: Space) -> tuple[float, ...]:
    """The objectives of a point. Raises NcError NC440 for a figure that does not exist."""
    named = [*space.objectives, *(c.metric for c in space.constraints)]
    if missing := [k for k in named if k not in metrics]:
        fail("NC440", f"'{missing[0]}' must be a figure of a point, one of {', '.join(sorted(metrics))}",
             help=suggest(missing[0], metrics))  # fmt: skip
    return tuple(metrics[k] for k in space.objectives)


def _promising(metrics: Metrics, known: Sequence[Metrics], space: Space) -> bool:
    """Whether a point is worth the next step: it keeps the constraints as far as known, and no other point is clearly
    better: at least as good in every objective that is known, and smaller by `slack` in the screening estimate.
    """
    full = [m for m in known if all(k in m for k in space.objectives)]
    if not full:  # one is needed to predict the others from
        return True
    if _broken(metrics, space):
        return False
    if space.screen is None or space.screen not in metrics:
        return True
    kept = [(k, 1 if d == "max" else -1) for k, d in space.objectives.items() if k in metrics]
    return not any(
        space.screen in other
        and not _broken(other, space)
        and all((other[k] - metrics[k]) * sign >= 0 for k, sign in kept if k in other)
        and other[space.screen] * space.slack < metrics[space.screen]
        for other in known
    )


def _broken(metrics: Metrics, space: Space) -> bool:
    """Some constraint is known not to hold."""
    return any((c.violation(metrics) or 0) > 0 for c in space.constraints)


def _predicted(found: Measured, known: Sequence[Metrics], space: Space) -> Metrics:
    """A point's figures, those of later steps scaled from the measured point with the nearest screening estimate."""
    full = [m for m in known if all(k in m for k in space.objectives)]
    if not full:
        return found.metrics
    screen = space.screen
    if screen is None or screen not in found.metrics:
        return {**full[0], **found.metrics}
    near = min(full, key=lambda m: abs(m[screen] - found.metrics[screen]))
    factor = found.metrics[screen] / max(near[screen], 1e-9)
    return {**{k: v * factor for k, v in near.items()}, **found.metrics}


def satisfying(study: Study, space: Space) -> list[FrozenTrial]:
    """Points measured in full that keep every constraint."""
    return [
        t
        for t in distinct(study).values()
        if t.state == TrialState.COMPLETE
        and t.user_attrs["fidelity"] == space.fidelity
        and feasible(space.constraints, t.user_attrs["metrics"])
    ]
