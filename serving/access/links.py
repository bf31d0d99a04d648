"""Links that open one job, or one page, for whoever holds them, until they expire.

`python -m serving.access.links JOB_ID` prints one.
"""

import argparse
import base64
import hashlib
import hmac
import math
import time
from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

from serving.db.engine import open_engine
from serving.environment import read_settings
from serving.errors import NotAllowed
from serving.jobs.manage import read_job
from serving.settings import Settings

# Links given within this time are the same one, so that a browser knows its pictures again.
_EVERY_S = 3600


class LinkSigner:
    """Signs links and knows its own again.

    A signature stands for the path of one job and a time, by HMAC-SHA256: it opens what lies below
    that path for reading, and nothing else.

    Parameters
    ----------
    secrets : the first signs; all are known, so that one can be replaced. Empty: there are no links
    lifetime_s : how long a link lasts at least
    """

    def __init__(self, secrets: Sequence[str], lifetime_s: float) -> None:
        self._secrets, self._lifetime_s = tuple(secrets), lifetime_s

    @classmethod
    def of(cls, settings: Settings) -> "LinkSigner":
        """Return the signer of the settings."""
        secrets = [secret.get_secret_value() for secret in settings.link_secrets]
        return cls(secrets, settings.link_lifetime_s)

    def sign(self, job_id: UUID, now_s: float) -> str | None:
        """Return the query `expires=…&signature=…` of a new link; None without a secret."""
        return self.sign_path(path_of(job_id), now_s)

    def sign_path(self, path: str, now_s: float) -> str | None:
        """Return the query of a new link to what is no job; None without a secret."""
        if not self._secrets:
            return None
        expires = math.ceil((now_s + self._lifetime_s) / _EVERY_S) * _EVERY_S
        signature = _sign(self._secrets[0], path, str(expires))
        return urlencode({"expires": expires, "signature": signature})

    def page(self, job_id: UUID, now_s: float) -> str | None:
        """Return the signed path of the job's page; None without a secret."""
        query = self.sign(job_id, now_s)
        return query and f"{path_of(job_id)}/page?{query}"

    def check(self, job_id: UUID, expires: str, signature: str, now_s: float) -> None:
        """Return if one of the secrets made this signature and its time is not over.

        Raises
        ------
        NotAllowed
            Otherwise.
        """
        self.check_path(path_of(job_id), expires, signature, now_s)

    def check_path(self, path: str, expires: str, signature: str, now_s: float) -> None:
        """Return as `check` does for a link of `sign_path`; NotAllowed."""
        given, known = signature.encode(errors="replace"), False
        for secret in self._secrets:
            known |= hmac.compare_digest(_sign(secret, path, expires).encode(), given)
        if not known:
            raise NotAllowed(
                "this link is not whole, or its secret was replaced; ask for a new one"
            )
        if now_s >= int(expires):  # a number: we signed it
            raise NotAllowed("this link has expired; ask for a new one")


def path_of(job_id: UUID) -> str:
    """Return the path that everything about a job lies at or below."""
    return f"/internal/jobs/{job_id}"


def _sign(secret: str, path: str, expires: str) -> str:
    said = f"{path}\n{expires}".encode(errors="replace")
    digest = hmac.digest(secret.encode(), said, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="serving.access.links", description="Print a link that opens a job's page."
    )
    parser.add_argument("job_id", type=UUID)
    parser.add_argument(
        "--base", default="http://127.0.0.1:3000", help="the gateway; default: %(default)s"
    )
    arguments, settings = parser.parse_args(), read_settings()
    read_job(open_engine(settings), arguments.job_id)
    path = LinkSigner.of(settings).page(arguments.job_id, time.time())
    if path is None:
        parser.error("LINK_SECRETS is not set, so there are no links")
    print(f"{arguments.base.rstrip('/')}{path}")


if __name__ == "__main__":
    main()
