"""Carries aliases into serving; the only reader of aliases: `python -m registry.publish`.

Looks at the registry every few seconds. A version with the alias `champion` that passed its
gates is copied to the object storage under the SHA-256 of its files and written into the `slots`
table, which is all that serving knows. What answered before becomes `previous`, however the alias
was moved. One with the alias `challenger`, or `arm-NAME` of an experiment, stands beside the
champion with the traffic that its tags say, until the alias is taken away. An alias on a version
that may not answer is refused: the version is tagged with the reason and what was served before
goes on.

A thread of the same process is the guard (`registry.ramp.guard`), which needs no MLflow.
"""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from types import FrameType
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Database

from registry.admission import Admission
from registry.beside import (
    Candidate,
    end_promoted,
    end_withdrawn,
    follow_tags,
    publish_beside,
)
from registry.bootstrap import register_starters
from registry.client import FAILED, open_client
from registry.ramp.guard import GuardThread
from registry.ramp.look import deciding
from registry.ramp.shown import take_out
from registry.reconcile import Reconciler
from registry.slot_rows import publishing, store, write_slot
from registry.versions import MODEL_SHA256, PREVIOUS, PUBLISHED_AT, REFUSED, ModelFiles, read_files
from serving.card import ModelCard
from serving.db.canary_tables import Rollback
from serving.db.migrate import prepare
from serving.environment import read_settings
from serving.errors import BadInput, first_line
from serving.jobs.outbox import enqueue_model_alert
from serving.logs import open_logs
from serving.metrics import MetricsServer
from serving.models.routing import CHALLENGER, CHAMPION
from serving.models.slots import Published, Slots, read_slots
from serving.settings import Settings
from serving.storage.objects import Storage, storage_of

log = logging.getLogger(__name__)

ARM = "arm-"
_MAX_TAG = 4000
_PAGE_FAILED = (*FAILED, OSError, BotoCoreError, ClientError)  # MLflow, or where its files lie
# MLflow's own are two minutes and seven tries: a server that hangs would hold up every task
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "15", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


@dataclass(frozen=True)
class Change:
    """What a round did about one alias."""

    task: str
    slot: str
    version: str
    refused: str | None = None


class Publisher:
    """Brings the slots in line with the aliases, one round at a time.

    Parameters
    ----------
    admission : what is asked of a version; None: what production asks
    """

    def __init__(
        self,
        client: MlflowClient,
        engine: Engine,
        storage: Storage,
        admission: Admission | None = None,
    ) -> None:
        self._client, self._engine, self._storage = client, engine, storage
        self._admission = admission or Admission()
        self._reconciler = Reconciler(client, engine, self._admission)

    def publish(self) -> list[Change]:
        """Do one round; return what changed.

        What is wrong with one version does not hold up the others.
        """
        with publishing(self._engine):
            self._reconciler.reconcile()
            changes = []
            for model in self._client.search_registered_models():
                slots = read_slots(self._engine)
                changes += self._publish_task(str(model.name), dict(model.aliases), slots)
            self._take_out_pictures()
            return changes

    def _take_out_pictures(self) -> None:
        """Let no page show what is kept no more; a few pages a round."""
        try:
            for place in take_out(self._client, self._engine):
                log.info("%s of run %s shows no gone pictures now", place.file, place.run_id)
        except _PAGE_FAILED as error:
            log.warning("a page shows a picture that is gone: %s", first_line(error))

    def _publish_task(self, task: str, aliases: Mapping[str, object], slots: Slots) -> list[Change]:
        beside = sorted(
            {alias for alias in aliases if is_beside(alias)},
            key=lambda slot: (slot != CHALLENGER, slot),
        )
        for row in slots.values():
            if row.task == task and row.slot not in {CHAMPION, *beside}:
                self._end(row, str(aliases.get(CHAMPION)))
        changes = []
        for slot in (CHAMPION, *beside):
            if slot not in aliases:
                continue
            try:
                change = self._publish_alias(task, slot, str(aliases[slot]))
            except (MlflowException, RequestException, OSError) as error:
                log.warning("%s %s could not be published: %s", task, slot, first_line(error))
            else:
                changes += [change] if change is not None else []
        return changes

    def _end(self, row: Published, champion: str) -> None:
        """Empty a slot whose alias is gone: the version is the champion now, or nothing."""
        if row.version == champion:
            end_promoted(self._engine, row.task, row.slot)
        else:
            end_withdrawn(self._engine, row)

    def _publish_alias(self, task: str, slot: str, number: str) -> Change | None:
        version = self._client.get_model_version(task, number)
        if self._is_taken_back(task, slot, number):
            return None  # until MLflow says so too
        slots = read_slots(self._engine)
        now = slots.get((task, slot))
        if slot == CHAMPION:
            return self._consider(version, slot, now)
        others = (row for (of, name), row in slots.items() if of == task and name != slot)
        candidate = Candidate(
            version,
            slot,
            slots.get((task, CHAMPION)),
            now,
            tuple(row for row in others if row.slot != CHAMPION),
        )
        champion = candidate.champion
        if champion is not None and champion.version == number:
            if now is not None and now.version != number:
                end_withdrawn(self._engine, now)
            if end_promoted(self._engine, task, slot):
                self._client.delete_registered_model_alias(task, slot)
            return None
        return self._consider_beside(candidate)

    def _is_taken_back(self, task: str, slot: str, number: str) -> bool:
        with Database(self._engine) as database:
            mine = Rollback.task == task, Rollback.slot == slot, Rollback.version == number
            found = select(Rollback.id).where(*mine, Rollback.reconciled_at.is_(None))
            return database.scalar(found) is not None

    def _consider(self, version: ModelVersion, slot: str, now: Published | None) -> Change | None:
        if now is not None and now.version == str(version.version):
            # its gates were asked when it came; its licence depends on where we run today
            return self._mark(version, slot, self._admission.refuse_licence(version))
        refusal, files = self._examine(version)
        change = self._mark(version, slot, refusal)
        if refusal is not None or files is None:
            return change
        self._remember(version, now)
        stored = store(self._storage, str(version.version), files)
        with deciding(self._engine, str(version.name)) as database:
            write_slot(database, str(version.name), slot, stored)
        return self._published(version, slot)

    def _consider_beside(self, candidate: Candidate) -> Change | None:
        version, slot, files = candidate.version, candidate.slot, None
        refusal = candidate.refusal()
        if refusal is None and candidate.is_published:
            refusal = self._admission.refuse_licence(version)
        elif refusal is None:
            refusal, files = self._examine(version)
        made = False
        try:
            if refusal is None and files is not None:
                stored = store(self._storage, candidate.number, files)
                publish_beside(self._engine, candidate, stored)
                made = True
            elif refusal is None:
                follow_tags(self._client, self._engine, candidate)
        except BadInput as error:
            refusal = str(error)
        change = self._mark(version, slot, refusal)
        return self._published(version, slot) if made else change

    def _examine(self, version: ModelVersion) -> tuple[str | None, ModelFiles | None]:
        """Return why a version may not answer, or its files."""
        refusal = self._admission.refusal(version)
        if refusal is not None:
            return refusal, None
        try:
            files = read_files(version)
            card = ModelCard.model_validate_json(files.card)
        except ValueError as error:  # not the files of a model, or a card that is none
            return f"its files cannot be served: {first_line(error)}", None
        refusal = _refuse_other(version, files) or self._admission.licences.refusal(card.licence)
        return refusal, (files if refusal is None else None)

    def _published(self, version: ModelVersion, slot: str) -> Change:
        log.info("%s version %s is published as %s", version.name, version.version, slot)
        return Change(str(version.name), slot, str(version.version))

    def _mark(self, version: ModelVersion, slot: str, refusal: str | None) -> Change | None:
        """Write the refusal on the version, or take an earlier one back."""
        task, number = version.name, str(version.version)
        refusal = refusal[:_MAX_TAG] if refusal else None
        if version.tags.get(REFUSED) == refusal:
            return None
        if refusal is None:
            self._client.delete_model_version_tag(task, number, REFUSED)
            return None
        self._client.set_model_version_tag(task, number, REFUSED, refusal)
        log.error("%s version %s is refused as %s: %s", task, number, slot, refusal)
        self._tell(task, number, slot, refusal)
        return Change(task, slot, number, refusal)

    def _tell(self, task: str, number: str, slot: str, refusal: str) -> None:
        """Owe people an alert of a refusal, one for each reason."""
        about = sha256(f"{task}\0{number}\0{slot}\0{refusal}".encode()).hexdigest()
        told = {"task": task, "version": number, "slot": slot, "decision": "refuse"}
        told |= {"severity": "warning", "by": "publisher", "why": refusal}
        with self._engine.begin() as connection:
            enqueue_model_alert(connection, f"refused_{about[:32]}", told)

    def _remember(self, version: ModelVersion, now: Published | None) -> None:
        """Keep in the registry what answered until now, before it stops answering."""
        if now is not None:
            self._client.set_registered_model_alias(version.name, PREVIOUS, now.version)
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        self._client.set_model_version_tag(version.name, version.version, PUBLISHED_AT, at)


def is_beside(alias: str) -> bool:
    """Say whether a version under that alias stands beside the champion."""
    return alias == CHALLENGER or alias.startswith(ARM)


def _refuse_other(version: ModelVersion, files: ModelFiles) -> str | None:
    """Say why files are not what was measured; None: they are."""
    measured, found = version.tags.get(MODEL_SHA256), sha256(files.model).hexdigest()
    if measured in (None, found):
        return None
    return f"its model is {found}, its figures were measured with {measured}; register it anew"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="registry.publish",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--once", action="store_true", help="one round instead of a loop")
    once = parser.parse_args().once
    settings = read_settings()
    open_logs(settings.log_level, settings.log_form)
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    engine = prepare(settings)
    if once:
        _rounds(settings, engine, once=True)
        return
    signal.signal(signal.SIGTERM, _end)  # whoever starts us may have it ignored
    watch = GuardThread(engine, settings.publish_poll_s)
    watch.start()
    metrics = None
    if settings.publisher_metrics_port:
        metrics = MetricsServer(settings.publisher_metrics_port, settings.worker_metrics_host)
        log.info("metrics at port %s", metrics.port)
    try:
        _rounds(settings, engine, once=False)
    finally:
        watch.stop()
        if metrics is not None:
            metrics.close()


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End in order, whatever the round is waiting for."""
    del number, frame
    raise SystemExit(0)


def _rounds(settings: Settings, engine: Engine, once: bool) -> None:
    """Publish again and again; MLflow may be away from the start, or leave and come back."""
    publisher: Publisher | None = None
    while True:
        try:
            if publisher is None:
                client = open_client(settings)
                register_starters(client, settings)
                storage, admission = storage_of(settings), Admission.of(settings)
                publisher = Publisher(client, engine, storage, admission)
            publisher.publish()
        except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
            log.warning(
                "this round failed, the next is in %s s: %s",
                settings.publish_poll_s,
                first_line(error),
            )
            if once:
                sys.exit(1)
        if once:
            return
        time.sleep(settings.publish_poll_s)


if __name__ == "__main__":
    main()
