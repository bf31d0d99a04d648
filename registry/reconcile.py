"""Brings MLflow in line with what was decided while nobody could ask it.

The guard, the breaker of an operator and the ramp write the database alone. Here the aliases and
tags follow, at the publisher's next round that finds MLflow.
"""

import logging
from collections.abc import Callable
from datetime import UTC
from functools import partial

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session as Database

from registry.admission import Admission
from registry.promote import promote
from registry.ramp.look import deciding
from registry.ramp.states import State
from registry.ramp.store import write
from registry.traffic import MODE, WEIGHT
from registry.versions import CHAMPION, PREVIOUS, ROLLED_BACK_AT, ROLLED_BACK_REASON, find_alias
from serving.db.canary_tables import Ramp, Rollback
from serving.errors import BadInput, first_line

log = logging.getLogger(__name__)

WHY, STATE = "canary.why", "canary.state"
_MAX_TAG = 4000
_GONE = "RESOURCE_DOES_NOT_EXIST"


class Reconciler:
    """Carries decisions from the database to MLflow, each until it has succeeded once."""

    def __init__(self, client: MlflowClient, engine: Engine, admission: Admission) -> None:
        self._client, self._engine, self._admission = client, engine, admission

    def reconcile(self) -> None:
        """Carry over what is open."""
        with Database(self._engine) as database:
            open_ones = select(Rollback.id).where(Rollback.reconciled_at.is_(None))
            rollbacks = database.scalars(open_ones.order_by(Rollback.id)).all()
            passed = select(Ramp.task, Ramp.version).where(Ramp.state == State.PROMOTING)
            promoting = [(row.task, row.version) for row in database.execute(passed)]
        for number in rollbacks:
            self._try(partial(self._carry_rollback, number))
        for task, version in promoting:
            self._try(partial(self._promote, task, version))

    def _try(self, carry: Callable[[], None]) -> None:
        """Carry one over; one that fails is tried again at the next round and holds up no other."""
        try:
            carry()
        except (MlflowException, RequestException) as error:
            log.warning("MLflow does not follow yet: %s", first_line(error))

    def _carry_rollback(self, number: int) -> None:
        with Database(self._engine, expire_on_commit=False) as database:
            row = database.get_one(Rollback, number)
        try:
            self._tag(row)
        except MlflowException as error:
            if error.error_code != _GONE:
                raise
            log.warning("%s version %s is not in MLflow any more", row.task, row.version)
        self._move_alias(row)
        with Database(self._engine) as database, database.begin():
            database.get_one(Rollback, number).reconciled_at = func.now()
        log.info("%s version %s: MLflow says too that it is rolled back", row.task, row.version)

    def _tag(self, row: Rollback) -> None:
        tags = self._client.get_model_version(row.task, row.version).tags
        at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
        told = {ROLLED_BACK_AT: at, ROLLED_BACK_REASON: f"{row.reason} ({row.by})"}
        if row.target is None:
            told |= {STATE: State.ROLLED_BACK.value, WHY: row.reason}
        for name, value in told.items():
            self._client.set_model_version_tag(row.task, row.version, name, value[:_MAX_TAG])
        for name in {WEIGHT, MODE} & tags.keys():
            self._client.delete_model_version_tag(row.task, row.version, name)

    def _move_alias(self, row: Rollback) -> None:
        if find_alias(self._client, row.task, row.slot) != row.version:
            return  # somebody has moved it since
        if row.target is None:
            self._client.delete_registered_model_alias(row.task, row.slot)
            return
        self._client.set_registered_model_alias(row.task, CHAMPION, row.target)
        self._client.set_registered_model_alias(row.task, PREVIOUS, row.version)

    def _promote(self, task: str, version: str) -> None:
        """Make a version that has passed its ramp the champion; a refusal pauses it."""
        try:
            promote(self._client, task, version, self._admission)
            tags = {STATE: State.PROMOTED.value, "promoted.by": "ramp"}
        except BadInput as error:
            why = f"it has passed its ramp, but {error}"[:_MAX_TAG]
            tags = {STATE: State.PAUSED.value, WHY: why}
            with deciding(self._engine, task) as database:
                ramp = database.get_one(Ramp, (task, version))
                ramp.state, ramp.why = State.PAUSED, why
                write(database, ramp, "pause", "publisher", why)
        for name, value in tags.items():
            self._client.set_model_version_tag(task, version, name, value)


def tag_state(client: MlflowClient, task: str, version: str, ramp: Ramp, tags: object) -> None:
    """Say on a version how its ramp stands, where that is another than its tags say."""
    told = {STATE: ramp.state, WHY: ramp.why[:_MAX_TAG]}
    known = tags if isinstance(tags, dict) else {}
    for name, value in told.items():
        if value and known.get(name) != value:
            client.set_model_version_tag(task, version, name, value)
