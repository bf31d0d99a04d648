"""Who may call: keys made, rotated and checked; `python -m serving.access.api_keys --help`."""

import argparse
import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Database

from serving.db.engine import database_time
from serving.db.tables import ApiKey
from serving.environment import read_settings
from serving.errors import NotAllowed, first_line

log = logging.getLogger(__name__)

LIVE_KEYS = 2
_LONGEST_READING_S = 2.0  # of another thread, which one is worth waiting for


def hash_key(key: str) -> str:
    """Return a key's SHA-256, which is all that is kept of it.

    A plain hash is enough: a key is 256 random bits, not a password somebody chose.
    """
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True)
class Rotated:
    """A new key, and the SHA-256 of those that it ended and of those that work beside it."""

    key: str
    ended: tuple[str, ...]
    beside: tuple[str, ...]


def create_key(engine: Engine, client: str) -> str:
    """Make a key for `client` and return it, this once; its oldest beyond two is revoked."""
    return rotate_key(engine, client).key


def rotate_key(engine: Engine, client: str) -> Rotated:
    """Make a key for `client`; the one it had works on until the next, one before that ends.

    Rotation is: make one, roll it out, make the next some day. `revoke_keys` ends all.
    """
    key = f"vls_{secrets.token_urlsafe(32)}"
    with Database(engine) as database, database.begin():
        live = database.scalars(
            select(ApiKey)
            .where(ApiKey.client == client, ApiKey.revoked_at.is_(None))
            .order_by(ApiKey.created_at.desc())
            .with_for_update()
        ).all()
        beside, ended = live[: LIVE_KEYS - 1], live[LIVE_KEYS - 1 :]
        for old in ended:
            old.revoked_at = database_time(database.connection())
        database.add(ApiKey(sha256=hash_key(key), client=client))
        hashes = (tuple(row.sha256 for row in rows) for rows in (ended, beside))
        return Rotated(key, *hashes)


def revoke_keys(engine: Engine, client: str) -> int:
    """Revoke every live key of `client`; return how many there were."""
    with Database(engine) as database, database.begin():
        live = ApiKey.client == client, ApiKey.revoked_at.is_(None)
        ended = database.scalars(
            update(ApiKey).where(*live).values(revoked_at=func.now()).returning(ApiKey.sha256)
        )
        return len(ended.all())


def live_keys(engine: Engine) -> dict[str, str]:
    """Return the client of every live key, by the key's SHA-256."""
    with Database(engine) as database:
        rows = database.execute(
            select(ApiKey.sha256, ApiKey.client).where(ApiKey.revoked_at.is_(None))
        )
        return {sha256: client for sha256, client in rows}


class KeyRing:
    """Says whose key it is, from memory; `refresh` brings the memory up to date.

    Parameters
    ----------
    fixed : client → SHA-256 of its keys, from the settings; they work without a database
    engine : where the other keys are; None if there is none
    """

    def __init__(self, fixed: Mapping[str, tuple[str, ...]], engine: Engine | None = None) -> None:
        self._fixed = {sha256: client for client, keys in fixed.items() for sha256 in keys}
        self._engine = engine
        self._known = dict(self._fixed)
        self._read_at = float("-inf")
        self._unread: SQLAlchemyError | None = None
        self._reading = threading.Lock()

    def client_of(self, key: str | None) -> str:
        """Return whose key it is.

        Raises
        ------
        NotAllowed
            It is nobody's, by all that is known.
        SQLAlchemyError
            It is none that is known, and the others cannot be read just now.
        """
        if not key:
            raise NotAllowed("send your API key in the header X-API-Key")
        given, found = hash_key(key), None
        for sha256, client in self._known.items():
            if hmac.compare_digest(sha256, given):
                found = client
        if found is None and self._unread is not None:
            raise self._unread
        if found is None:
            raise NotAllowed("this API key is unknown or was revoked")
        return found

    def refresh(self, older_than_s: float = 0.0) -> None:
        """Read the keys again if the last reading is older; one that fails changes nothing.

        Who comes while another thread reads waits for that, or a new key's first requests, sent
        together, would be refused but for one.
        """
        if self._engine is None or not self._reading.acquire(timeout=_LONGEST_READING_S):
            return
        try:
            if time.monotonic() - self._read_at >= older_than_s:
                self._read(self._engine)
        finally:
            self._reading.release()

    def _read(self, engine: Engine) -> None:
        self._read_at = time.monotonic()
        try:
            self._known = self._fixed | live_keys(engine)
            self._unread = None
        except SQLAlchemyError as error:
            self._unread = error
            log.warning("API keys cannot be read, the known ones stay: %s", first_line(error))


def describe_rotation(rotated: Rotated, client: str) -> str:
    """Return what an operator has to know, the key in the first line, for this once."""
    lines = [rotated.key]
    lines += [f"{sha256[:12]}… of {client} has ended now" for sha256 in rotated.ended]
    lines += [f"{sha256[:12]}… of {client} ends at the next rotation" for sha256 in rotated.beside]
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="serving.access.api_keys", description=__doc__)
    parser.add_argument("action", choices=["create", "rotate", "revoke", "list"])
    parser.add_argument("client", nargs="?", default="backend", help="default: %(default)s")
    arguments = parser.parse_args()
    from serving.db.migrate import prepare  # for operators; the gateway does without Alembic

    engine = prepare(read_settings())
    if arguments.action == "create":
        print(create_key(engine, arguments.client))
    elif arguments.action == "rotate":
        print(describe_rotation(rotate_key(engine, arguments.client), arguments.client))
    elif arguments.action == "revoke":
        print(f"{revoke_keys(engine, arguments.client)} keys of {arguments.client} revoked")
    else:
        for sha256, client in sorted(live_keys(engine).items(), key=lambda item: item[1]):
            print(f"{client}\t{sha256[:12]}…")


if __name__ == "__main__":
    main()
