"""Workers on one study: a trial that two of them took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from optuna.trial import TrialState

from nc.compiler.exploring import study as module
from nc.compiler.exploring.measure import Measured
from nc.compiler.exploring.space import read_space


@dataclass(frozen=True)
class AnyJob:
    fidelity: str = "estimate"


@pytest.mark.parametrize("late", [False, True])
def test_two_workers_with_one_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: bool) -> None:
    space = read_space(
        {"parameters": {"bits": {"low": 2, "high": 3}}, "objectives": {"accuracy": "max"}, "fidelity": "estimate"}
    )
    storage = f"sqlite:///{tmp_path}/study.db"
    search = module.Search(cast(Any, AnyJob()), space, storage, True, "s", 0, {})
    taken: list[int] = []

    def other_worker(tell: bool) -> None:
        """The other one tells the first trial's figures before this one does."""
        if tell and not taken:
            (trial,) = study.get_trials(states=(TrialState.RUNNING,))
            taken.append(trial.number)
            twin = module.open_study(search, 1)
            for name, value in {"key": "2", "full": True, "fidelity": "estimate", "metrics": {"accuracy": 0.5}}.items():
                twin._storage.set_trial_user_attr(trial._trial_id, name, value)
            twin.tell(trial.number, [0.5])

    def measure(*_: object) -> Measured:
        other_worker(not late)
        return Measured(str(len(taken)), {"accuracy": 0.5}, "estimate")

    def values(*_: object) -> tuple[float, ...]:
        other_worker(late)
        return (0.5,)

    study = module.open_study(search)
    monkeypatch.setattr(module, "measure", measure)
    monkeypatch.setattr(module, "values", values)
    module._one(study, search, True)
    module._one(study, search, True)
    assert taken == [0]
    assert [t.state for t in study.get_trials()] == [TrialState.COMPLETE] * 2
