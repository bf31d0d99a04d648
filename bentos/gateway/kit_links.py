"""Who may look at a design kit: a client by key, or whoever holds a signed link to its page."""

import time
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Path, Query, Request

from bentos.gateway.dependencies import SentKey, State, client_of
from bentos.gateway.kit_schema import PREFIX
from serving.access.links import LinkSigner
from serving.requests.base import NO_NUL
from serving.settings import Settings

KitId = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{1,39}$", examples=["scandinavian"])]


@dataclass(frozen=True)
class KitReader:
    """Somebody who may look at a kit as its client does.

    Attributes
    ----------
    query : opens the same to a browser, which sends no key; may be empty
    """

    client: str
    kit_id: str
    query: str

    def link_to(self, place: str, version: int) -> str:
        """Return an address beside the kit's page, of that version."""
        return "&".join(filter(None, (f"{place}?version={version}", self.query)))


def page_link(settings: Settings, client: str, kit_id: str, version: int) -> str | None:
    """Return the signed path of a kit's page; None without a secret to sign with."""
    query = _sign(settings, client, kit_id)
    return query and KitReader(client, kit_id, query).link_to(f"{PREFIX}/{kit_id}/page", version)


async def kit_reader_of(  # noqa: PLR0913 - FastAPI reads the query from the arguments
    request: Request,
    state: State,
    kit_id: KitId,
    key: SentKey,
    client: Annotated[
        str | None, Query(max_length=200, pattern=NO_NUL, description="of a signed link")
    ] = None,
    expires: Annotated[str | None, Query(max_length=20, description="of a signed link")] = None,
    signature: Annotated[str | None, Query(max_length=100, description="of a signed link")] = None,
) -> KitReader:
    """Return who looks; NotAllowed without a client's key and without a good link."""
    if signature is None:
        known = await client_of(request, key)
        return KitReader(known, kit_id, _sign(state.settings, known, kit_id) or "")
    signer, whose = LinkSigner.of(state.settings), client or ""
    signer.check_path(_path(whose, kit_id), expires or "", signature, time.time())
    state.limiter.count(f"links to {whose}'s {kit_id}", request.scope)
    sent = {"client": whose, "expires": expires, "signature": signature}
    return KitReader(whose, kit_id, urlencode(sent))


KitReading = Annotated[KitReader, Depends(kit_reader_of)]


def _sign(settings: Settings, client: str, kit_id: str) -> str | None:
    query = LinkSigner.of(settings).sign_path(_path(client, kit_id), time.time())
    return query and f"{urlencode({'client': client})}&{query}"


def _path(client: str, kit_id: str) -> str:
    return f"{PREFIX}/{kit_id}\n{client}"
