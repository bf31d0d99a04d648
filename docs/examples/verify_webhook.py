"""Verifies the studio's webhooks: `pip install standardwebhooks`.

A handler that counts each event once is in `stack/backend/`: `inbox.py` is the part to copy.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


class NotSigned(Exception):
    """Answer 401: nobody who knows a secret sent this, or it is more than five minutes old."""


def read_event(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> dict[str, Any]:
    """Return the event if one of `secrets` signed it.

    Parameters
    ----------
    body : the raw bytes as they came; JSON that was parsed and written again has another signature
    headers : with lower-case names, as every framework can give them
    secrets : one; two while one replaces the other

    Raises
    ------
    NotSigned
        If none of them did.
    """
    for secret in secrets:
        try:
            Webhook(secret).verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):  # ValueError: not even like a signature
            continue
        event: dict[str, Any] = json.loads(body)
        return event
    raise NotSigned("no known secret made this signature, or its time is off by minutes")
