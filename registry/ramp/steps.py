"""Moves a ramp on: what Dagster's sensor and people may do, and the guard may not.

Everything here writes the database alone. The publisher carries a weight that the ramp wants to the
version's tags and into `slots`, so a ramp goes no further while MLflow is away.
"""

from sqlalchemy import Engine

from registry.ramp.states import Decided


def advance(engine: Engine, task: str, by: str = "ramp") -> Decided | None:
    """Look at the task's ramp once and do what `registry.ramp.decide` says.

    Returns
    -------
    The decision, if it is another than the last one; None: there is no ramp, or nothing new.
    """
    raise NotImplementedError


def pause(engine: Engine, task: str, by: str, why: str) -> Decided:
    """Leave the traffic as it is until `resume`; BadInput if no ramp is running."""
    raise NotImplementedError


def resume(engine: Engine, task: str, by: str) -> Decided:
    """Let a paused ramp go on from the step that its weight has reached; BadInput."""
    raise NotImplementedError


def decisions(engine: Engine, task: str, after_id: int = 0, limit: int = 100) -> list[Decided]:
    """Return what was decided about a task's versions after that decision, the oldest first."""
    raise NotImplementedError
