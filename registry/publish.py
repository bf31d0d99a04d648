"""Carries aliases into serving; the only reader of aliases: `python -m registry.publish`.

Looks at the registry every few seconds. A version with the alias `champion` that passed its
gates is copied to the object storage under the SHA-256 of its files and written into the `slots`
table, which is all that serving knows. What answered before becomes `previous`, however the alias
was moved. An alias on a version that may not answer is refused: the version is tagged with the
reason and what was served before goes on.
"""

import argparse
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException
from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Database

from registry.admission import Admission
from registry.bootstrap import register_starters
from registry.client import open_client
from registry.versions import MODEL_SHA256, PREVIOUS, PUBLISHED_AT, REFUSED, ModelFiles, read_files
from serving.card import ModelCard
from serving.db.migrate import prepare
from serving.db.tables import Slot
from serving.environment import read_settings
from serving.logs import open_logs
from serving.models.routing import CHAMPION
from serving.models.slots import CHANNEL, Published, read_slots
from serving.storage.objects import Storage, storage_of, write_by_sha256
from serving.storage.prefixes import MODELS

log = logging.getLogger(__name__)

SLOTS = (CHAMPION,)
_MAX_TAG = 4000


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

    def publish(self) -> list[Change]:
        """Do one round; return what changed."""
        published = read_slots(self._engine)
        changes = []
        for model in self._client.search_registered_models():
            for slot in SLOTS:
                number = model.aliases.get(slot)
                if number is None:
                    continue
                version = self._client.get_model_version(model.name, str(number))
                change = self._consider(version, slot, published.get((model.name, slot)))
                if change is not None:
                    changes.append(change)
        return changes

    def _consider(self, version: ModelVersion, slot: str, now: Published | None) -> Change | None:
        if now is not None and now.version == str(version.version):
            # its gates were asked when it came; its licence depends on where we run today
            return self._mark(version, slot, self._admission.refuse_licence(version))
        refusal, files = self._admission.refusal(version), None
        if refusal is None:
            files = read_files(version)
            card = ModelCard.model_validate_json(files.card)
            refusal = _refuse_other(version, files) or self._admission.licences.refusal(
                card.licence
            )
        change = self._mark(version, slot, refusal)
        if refusal is not None or files is None:
            return change
        self._remember(version, slot, now)
        self._write(version, slot, files)
        log.info("%s version %s is published as %s", version.name, version.version, slot)
        return Change(version.name, slot, str(version.version))

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
        return Change(task, slot, number, refusal)

    def _remember(self, version: ModelVersion, slot: str, now: Published | None) -> None:
        """Keep in the registry what answered until now, before it stops answering."""
        if now is not None and slot == CHAMPION:
            self._client.set_registered_model_alias(version.name, PREVIOUS, now.version)
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        self._client.set_model_version_tag(version.name, version.version, PUBLISHED_AT, at)

    def _write(self, version: ModelVersion, slot: str, files: ModelFiles) -> None:
        row = {
            "version": str(version.version),
            "model_sha256": write_by_sha256(self._storage, MODELS, files.model),
            "card_sha256": write_by_sha256(self._storage, MODELS, files.card),
            "updated_at": func.now(),
        }
        new = insert(Slot).values(task=version.name, slot=slot, **row)
        with Database(self._engine) as database, database.begin():
            database.execute(new.on_conflict_do_update(index_elements=["task", "slot"], set_=row))
            database.execute(select(func.pg_notify(CHANNEL, version.name)))


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
    engine = prepare(settings)
    client = open_client(settings)
    register_starters(client, settings)
    storage, admission = storage_of(settings), Admission.of(settings)
    publisher = Publisher(client, engine, storage, admission)
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
