"""The HTTP side: the webhooks come in, people and tests look at what came."""

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import httpx
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment, PackageLoader
from starlette.background import BackgroundTask

from stack.backend.answers import ClosedBefore, ClosedHalfway
from stack.backend.events import Event, NotSigned, NotUnderstood, Verifier, read_event
from stack.backend.inbox import Inbox
from stack.backend.sandbox import TROUBLES, Sandbox, Switches, Trouble

log = logging.getLogger(__name__)

_LONGEST_BODY_BYTES = 32 * 2**20
JOBLESS = {"test": "tests", "model-alert": "alerts"}  # events that tell of no job
_REPOSTED = "x-sandbox-duplicate"
_CLOSED = {"before": ClosedBefore, "halfway": ClosedHalfway}
_ABOUT = """Receives the studio's webhooks as a backend should: verified, counted once, the latest
state kept per job. `PUT /sandbox` makes it misbehave."""


@dataclass(frozen=True)
class Delivery:
    """A delivery that is genuine."""

    webhook_id: str
    event: Event
    body: bytes


class Desk:
    """Takes deliveries in; one per process."""

    def __init__(self, verifier: Verifier, inbox: Inbox, sandbox: Sandbox) -> None:
        self.inbox, self.sandbox = inbox, sandbox
        self._verifier = verifier
        self.since_start: Counter[str] = Counter()

    async def receive(self, path_event: str, request: Request) -> Response:
        """Answer one delivery: 2xx only once it is on the disk."""
        body = await _read(request)
        try:
            webhook_id = self._verifier.verify(body, request.headers)
            if path_event in JOBLESS:
                self.since_start[JOBLESS[path_event]] += 1
                return Response(status_code=204)
            delivery = Delivery(webhook_id, read_event(body, path_event), body)
        except NotSigned as error:
            self.since_start["rejected"] += 1
            raise HTTPException(401, str(error)) from error
        except NotUnderstood as error:
            self.since_start["not_understood"] += 1
            raise HTTPException(422, str(error)) from error
        self.since_start["received"] += 1
        if _REPOSTED in request.headers:
            return await self._take_in(delivery)
        trouble = self.sandbox.meet(delivery.webhook_id, delivery.event.type)
        if trouble.kind != "none":
            self.since_start[f"met_{trouble.kind}"] += 1
            return await self._make_trouble(request, trouble, delivery)
        answer = await self._take_in(delivery)
        await _hangs_up(request, self.sandbox.switches.slow_s)
        if trouble.duplicate:
            answer.background = BackgroundTask(_post_again, request, body)
        return answer

    async def _make_trouble(
        self, request: Request, trouble: Trouble, delivery: Delivery
    ) -> Response:
        switches = self.sandbox.switches
        if trouble.kind in ("outage", "gone", "fail"):
            return _refusal(trouble, switches)
        answer = await self._take_in(delivery) if trouble.recorded else None
        if trouble.kind == "close":
            return _CLOSED[switches.close_at]()
        if await _hangs_up(request, switches.hang_s):
            return Response(status_code=204)  # nobody is there to read it
        return answer or await self._take_in(delivery)

    async def _take_in(self, delivery: Delivery) -> Response:
        outcome = await run_in_threadpool(
            self.inbox.record, delivery.webhook_id, delivery.body, delivery.event
        )
        return JSONResponse({"outcome": outcome})

    def counts(self) -> dict[str, int]:
        """Return what came since the start, and what the inbox holds."""
        named = (
            "received",
            "rejected",
            "tests",
            "alerts",
            "not_understood",
            *(f"met_{kind}" for kind in TROUBLES),
        )
        return {name: self.since_start[name] for name in named} | self.inbox.counts()


def create_app(desk: Desk) -> FastAPI:
    """Return the app; it has to be wrapped in `Wire` to close connections early."""
    app = FastAPI(title="Reference backend", description=_ABOUT, redoc_url=None)
    _add_webhooks(app, desk)
    _add_looking(app, desk)
    _add_sandbox(app, desk)
    return app


def _add_webhooks(app: FastAPI, desk: Desk) -> None:
    @app.post("/webhooks/{event}")
    async def receive(event: str, request: Request) -> Response:
        """Receive an event; what it is stands in its body, which is what was signed."""
        return await desk.receive(event, request)


def _add_looking(app: FastAPI, desk: Desk) -> None:
    inbox = desk.inbox
    pages = Environment(loader=PackageLoader("stack.backend", "."), autoescape=True)
    limited = Annotated[int, Query(ge=1, le=10_000)]

    @app.get("/health")
    def health() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok"}

    @app.get("/jobs")
    def jobs(status: str | None = None, limit: limited = 100) -> dict[str, Any]:
        """List the jobs that changed last, and how many there are by status."""
        return {"counts": inbox.statuses(), "jobs": inbox.jobs(status, limit)}

    @app.get("/jobs/{job_id}")
    def job(job_id: UUID) -> dict[str, Any]:
        """Show a job's latest state, and every event that came of it."""
        found = inbox.job(job_id)
        if found is None:
            raise HTTPException(404, f"nothing was received of a job '{job_id}'")
        return found

    @app.get("/deliveries")
    def deliveries(limit: limited = 100) -> dict[str, Any]:
        """List the newest deliveries, and what came of all of them."""
        return {"counts": desk.counts(), "deliveries": inbox.deliveries(limit)}

    @app.delete("/deliveries", status_code=204)
    def forget() -> None:
        """Forget every delivery and job, and count from nothing."""
        inbox.forget()
        desk.since_start.clear()

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        """Show all of it to people."""
        return pages.get_template("page.html.j2").render(
            counts=desk.counts(),
            statuses=inbox.statuses(),
            jobs=inbox.jobs(None, 50),
            deliveries=inbox.deliveries(50),
            switches=desk.sandbox.switches.model_dump(exclude_defaults=True),
        )


def _add_sandbox(app: FastAPI, desk: Desk) -> None:
    sandbox = desk.sandbox

    @app.get("/sandbox")
    def look() -> Switches:
        """Say how the switches are set."""
        return sandbox.switches

    @app.put("/sandbox")
    def change(switches: Switches) -> Switches:
        """Set the switches; what is not named is off. An outage begins now."""
        sandbox.set(switches)
        return sandbox.switches

    @app.delete("/sandbox")
    def reset() -> Switches:
        """Set them as they were at the start."""
        sandbox.reset()
        return sandbox.switches


async def _read(request: Request) -> bytes:
    """Return the raw body, which is what was signed; refuse a huge one before it is all here."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_BODY_BYTES:
            raise HTTPException(413, f"a delivery has at most {_LONGEST_BODY_BYTES:,} bytes")
    return bytes(body)


def _refusal(trouble: Trouble, switches: Switches) -> Response:
    status = {"outage": 500, "gone": 410}.get(trouble.kind, switches.fail_status)
    later = switches.retry_after_s if trouble.kind != "gone" else None
    headers = {} if later is None else {"Retry-After": str(later)}
    detail = f"the sandbox says so: {trouble.kind}"
    return JSONResponse({"title": "Sandbox", "status": status, "detail": detail}, status, headers)


async def _hangs_up(request: Request, wait_s: float) -> bool:
    """Wait, and say whether the other side went away meanwhile."""
    if not wait_s:
        return False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            while (await request.receive())["type"] != "http.disconnect":
                pass
        return True
    return False


async def _post_again(request: Request, body: bytes) -> None:
    """Bring a delivery a second time, as a sender does that did not hear the answer."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: request.headers[name] for name in names} | {_REPOSTED: "1"}
    host, port = request.scope["server"]
    url = httpx.URL(scheme="http", host=host, port=port, path=request.url.path)
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            await client.post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            log.warning("the second delivery failed: %s", error)
