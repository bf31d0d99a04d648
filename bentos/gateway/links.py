"""Who may look at a job: its client by key, or whoever holds a signed link to it."""

import time
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query, Request

from bentos.gateway.dependencies import SentKey, State, client_of
from serving.access.links import LinkSigner, path_of


@dataclass(frozen=True)
class Reader:
    """Somebody who may look at one job, and at nothing else.

    Attributes
    ----------
    client : whose job it has to be; None for a link, which names its job
    query : opens the same to a browser, which sends no key: `expires=…&signature=…` or empty
    """

    job_id: UUID
    client: str | None
    query: str

    def link_to(self, place: str, **more: object) -> str:
        """Return an address beside the job's page, as a browser there opens it."""
        said = urlencode({name: value for name, value in more.items() if value is not None})
        query = "&".join(part for part in (said, self.query) if part)
        return f"{place}?{query}" if query else place

    def new_link(self) -> str | None:
        """Return the page's signed path to hand on; None to a link: it would never end."""
        if self.client is None or not self.query:
            return None
        return self.link_to(f"{path_of(self.job_id)}/page")


async def reader_of(
    request: Request,
    state: State,
    job_id: UUID,
    key: SentKey,
    expires: Annotated[str | None, Query(max_length=20, description="of a signed link")] = None,
    signature: Annotated[str | None, Query(max_length=100, description="of a signed link")] = None,
) -> Reader:
    """Return who looks; a link that opens nothing is 401 also where a key comes with it.

    Raises
    ------
    NotAllowed
        Neither a client's key nor a good link was sent (401).
    TooManyRequests
        The client, or all who hold links to this job, ask too often (429).
    """
    links, now_s = LinkSigner.of(state.settings), time.time()
    if signature is None:
        client = await client_of(request, key)
        return Reader(job_id, client, links.sign(job_id, now_s) or "")
    links.check(job_id, expires or "", signature, now_s)
    state.limiter.count(f"links to {job_id}", request.scope)
    return Reader(job_id, None, urlencode({"expires": expires, "signature": signature}))


Reading = Annotated[Reader, Depends(reader_of)]
