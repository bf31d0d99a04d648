"""Carries aliases into serving; the only reader of aliases: `python -m registry.publish`.

Looks at the registry every few seconds. A version with the alias `champion` that passed its
gates is copied to the object storage under the SHA-256 of its files and written into the `slots`
table, which is all that serving knows. An alias on a version that did not pass is refused: the
version is tagged with the reason and what was served before goes on.
"""

import argparse
import logging
import time
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException
from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Database

from registry.bootstrap import register_starters
from registry.client import open_client
from registry.versions import PASSED, REASONS, VERDICT, read_files
from serving.db.migrate import prepare
from serving.db.tables import Slot
from serving.environment import read_settings
from serving.logs import open_logs
from serving.models.local import FOLDER
from serving.models.slots import CHAMPION, CHANNEL, read_slots
from serving.storage.objects import Storage, open_storage, write_by_sha256

log = logging.getLogger(__name__)

REFUSED = "serving.refused"
SLOTS = (CHAMPION,)


@dataclass(frozen=True)
class Change:
    """What a round did about one alias."""

    task: str
    slot: str
    version: str
    refused: str | None = None


class Publisher:
    """Brings the slots in line with the aliases, one round at a time."""

    def __init__(self, client: MlflowClient, engine: Engine, storage: Storage) -> None:
        self._client, self._engine, self._storage = client, engine, storage

    def publish(self) -> list[Change]:
        """Do one round; return what changed."""
        published = read_slots(self._engine)
        changes = []
        for model in self._client.search_registered_models():
            for slot in SLOTS:
                version = model.aliases.get(slot)
                row = published.get((model.name, slot))
                if version is None or (row is not None and row.version == str(version)):
                    continue
                change = self._consider(model.name, slot, str(version))
                if change is not None:
                    changes.append(change)
        return changes

    def _consider(self, task: str, slot: str, number: str) -> Change | None:
        version = self._client.get_model_version(task, number)
        refusal = _refusal(version)
        if refusal is not None:
            if version.tags.get(REFUSED) == refusal:
                return None
            self._client.set_model_version_tag(task, number, REFUSED, refusal)
            log.error("%s version %s is refused as %s: %s", task, number, slot, refusal)
            return Change(task, slot, number, refusal)
        if REFUSED in version.tags:
            self._client.delete_model_version_tag(task, number, REFUSED)
        self._write(version, slot)
        log.info("%s version %s is published as %s", task, number, slot)
        return Change(task, slot, number)

    def _write(self, version: ModelVersion, slot: str) -> None:
        files = read_files(version)
        row = {
            "version": str(version.version),
            "model_sha256": write_by_sha256(self._storage, FOLDER, files.model),
            "card_sha256": write_by_sha256(self._storage, FOLDER, files.card),
            "updated_at": func.now(),
        }
        new = insert(Slot).values(task=version.name, slot=slot, **row)
        with Database(self._engine) as database, database.begin():
            database.execute(new.on_conflict_do_update(index_elements=["task", "slot"], set_=row))
            database.execute(select(func.pg_notify(CHANNEL, version.name)))


def _refusal(version: ModelVersion) -> str | None:
    verdict = version.tags.get(VERDICT)
    if verdict == PASSED:
        return None
    if verdict is None:
        return "it was never judged by the gates"
    return f"its gates are closed: {version.tags.get(REASONS, 'no reason was kept')}"


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
    engine = prepare(settings)
    client = open_client(settings)
    register_starters(client, settings)
    publisher = Publisher(client, engine, open_storage(settings.storage()))
    while True:
        try:
            publisher.publish()
        except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
            log.warning(
                "this round failed, the next is in %s s: %s", settings.publish_poll_s, error
            )
        if once:
            return
        time.sleep(settings.publish_poll_s)


if __name__ == "__main__":
    main()
