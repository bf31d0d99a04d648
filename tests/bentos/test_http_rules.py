"""What HTTP expects of every route alike."""

import gzip
import re
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from bentos.gateway.app import create_app
from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.jobs.manage import cancel
from serving.jobs.submit import NewJob, submit
from serving.models.local import LocalModels
from serving.models.predictor import Prediction
from serving.models.results import RoomResult
from serving.photos.classify import RoomAnswer
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.gateway_client import open_gateway_client
from tests.fakes import RED, jpeg

CLASSIFY = "/internal/photos/classify"
RENDER = "/internal/video/render"
ORIGIN = "https://studio.example"
DOCUMENT = create_app("test").openapi()
GETS = sorted(path for path, methods in DOCUMENT["paths"].items() if "get" in methods)
JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def job(engine: Engine, storage: Storage) -> UUID:
    """A job that was cancelled, with a photo and a film."""
    storage.write("red.jpg", jpeg(RED))
    new = NewJob(KINDS["render_video"], {"photos": ["red.jpg"]}, "backend", "42")
    job_id = submit(engine, new, 1000).job_id
    cancel(engine, job_id)
    storage.write(f"films/{job_id}/16x9.mp4", bytes(range(200)))
    return job_id


def of_job(path: str, job_id: UUID) -> str:
    """A documented path with the job's parts in it."""
    parts = {"{job_id}": str(job_id), "{name}": "16x9.mp4", "{number}": "0"}
    for name, part in parts.items():
        path = path.replace(name, part)
    return path if "{" not in path else re.sub(r"\{[^}]*\}", "x", path)


@pytest.mark.parametrize("path", GETS)
def test_head_is_answered_wherever_get_is_without_a_body(
    client: TestClient, job: UUID, path: str
) -> None:
    address = of_job(path, job)
    got, head = client.get(address), client.head(address)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    if "etag" in got.headers:
        assert head.headers["etag"] == got.headers["etag"]


def test_head_of_an_event_stream_of_a_running_job_ends(client: TestClient, engine: Engine) -> None:
    new = NewJob(KINDS["classify_photos"], {"photos": ["red.jpg"]}, "backend")
    job_id = submit(engine, new, 1000).job_id
    assert attempts.take(engine, job_id, uuid4()) is not None
    head = client.head(f"/internal/jobs/{job_id}/events")
    assert head.status_code == 200
    assert head.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/internal/jobs/{job_id}", "GET, HEAD, DELETE"),
        ("GET", CLASSIFY, "POST"),
        ("HEAD", CLASSIFY, "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("BREW", "/internal/status", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_there_is_told_which_are(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path.replace("{job_id}", str(uuid4())))
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "bad",
    ["bytes=a-b", "lines=1-2", "bytes=", "bytes=5", "bytes 0-4", "-", "bytes=5-2", "bytes=0-1,9-8"],
)
def test_a_range_that_is_none_is_ignored(client: TestClient, job: UUID, bad: str) -> None:
    answer = client.get(f"/internal/jobs/{job}/files/16x9.mp4", headers={"Range": bad})
    assert answer.status_code == 200
    assert answer.content == bytes(range(200))


def test_ranges_are_answered_or_refused_with_the_size(client: TestClient, job: UUID) -> None:
    address = f"/internal/jobs/{job}/files/16x9.mp4"
    part = client.get(address, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["content-range"] == "bytes 10-19/200"
    two = client.get(address, headers={"Range": "bytes=0-0, -1"})
    assert two.status_code == 206
    assert two.headers["content-type"].startswith("multipart/byteranges")
    one = client.get(address, headers={"Range": "bytes=500-600, 190-"})
    assert (one.status_code, one.content) == (206, bytes(range(190, 200)))
    for behind in ("bytes=200-", "bytes=500-600, 700-", "bytes=-0"):
        refused = client.get(address, headers={"Range": behind})
        assert refused.status_code == 416
        assert refused.headers["content-range"] == "bytes */200"
        assert refused.headers["content-type"] == "application/problem+json"


def test_a_file_that_is_known_is_not_sent_again(client: TestClient, job: UUID) -> None:
    address = f"/internal/jobs/{job}/files/16x9.mp4"
    tag = client.get(address).headers["etag"]
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(address, headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "unheard-of"])
@pytest.mark.parametrize("path", [CLASSIFY, RENDER])
def test_an_encoded_body_is_refused_as_that(client: TestClient, path: str, encoding: str) -> None:
    headers = JPEG | {"Content-Encoding": encoding}
    answer = client.post(path, content=gzip.compress(jpeg(RED)), headers=headers)
    assert answer.status_code == 415
    assert "Content-Encoding" in answer.json()["detail"]
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "image/svg+xml",
        "video/mp4",
        "nonsense",
    ],
)
def test_a_photo_of_another_or_no_type_is_refused_as_that(client: TestClient, kind: str) -> None:
    answer = client.post(
        CLASSIFY, content=jpeg(RED), headers={"Content-Type": kind} if kind else {}
    )
    assert answer.status_code == 415
    assert "Content-Type" in answer.json()["detail"]
    assert "image/*" in answer.headers["accept-post"]


@pytest.mark.parametrize("kind", ["image/jpeg", "IMAGE/PNG; q=1", "application/octet-stream"])
def test_a_photo_is_known_by_its_bytes_and_not_by_its_name(client: TestClient, kind: str) -> None:
    answer = client.post(CLASSIFY, content=jpeg(RED), headers={"Content-Type": kind})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", [RENDER, "/internal/video/clips"])
def test_what_takes_json_alone_says_so(client: TestClient, path: str) -> None:
    answer = client.post(path, content=b"photos=1", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert answer.headers["accept-post"] == "application/json"


def test_async_in_the_query_holds_for_json_too(client: TestClient) -> None:
    answer = client.post(f"{CLASSIFY}?async=true", json={"photos": ["red.jpg"]})
    assert answer.status_code == 202


def test_a_browser_hears_that_an_ended_job_has_nothing_more(client: TestClient, job: UUID) -> None:
    address = f"/internal/jobs/{job}/events"
    first = client.get(address)
    last = re.findall(r"^id: (\d+)", first.text, re.MULTILINE)[-1]
    again = client.get(address, headers={"Last-Event-ID": last})
    assert (again.status_code, again.content) == (204, b"")
    earlier = client.get(address, headers={"Last-Event-ID": str(int(last) - 1)})
    assert earlier.status_code == 200
    assert f"id: {last}" in earlier.text


def test_large_json_and_pages_are_compressed_and_films_are_not(
    client: TestClient, job: UUID
) -> None:
    asked = {"Accept-Encoding": "gzip"}
    assert client.get("/openapi.json", headers=asked).headers["content-encoding"] == "gzip"
    page = client.get(f"/internal/jobs/{job}/page", headers=asked)
    assert page.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in page.headers["vary"]
    for path in (f"/internal/jobs/{job}/files/16x9.mp4", "/health", f"/internal/jobs/{job}/events"):
        assert "content-encoding" not in client.get(path, headers=asked).headers
    plain = client.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_answers_say_how_much_may_still_be_asked(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> None:
    settings = app_settings.model_copy(update={"rate_limit": "3/minute"})
    with open_gateway_client(settings, engine, storage, models) as client:
        left = [client.get("/internal/status") for _ in range(4)]
    assert [answer.status_code for answer in left] == [200, 200, 200, 429]
    assert all(answer.headers["ratelimit-policy"] == '"requests";q=3;w=60' for answer in left)
    found = [re.fullmatch(r'"requests";r=(\d+);t=\d+', a.headers["ratelimit"]) for a in left]
    assert [match and int(match[1]) for match in found] == [2, 1, 0, 0]


def test_a_key_may_come_as_a_bearer_token(client: TestClient) -> None:
    del client.headers["X-API-Key"]
    assert client.get("/internal/status").status_code == 401
    bearer = client.get("/internal/status", headers={"Authorization": "Bearer key"})
    assert bearer.status_code == 200
    for wrong in ("Bearer other", "Basic a2V5", "key"):
        answer = client.get("/internal/status", headers={"Authorization": wrong})
        assert answer.status_code == 401
        assert "Bearer" in answer.headers["www-authenticate"]


def test_scripts_may_send_and_see_what_streams_and_caches_need(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> None:
    settings = app_settings.model_copy(update={"cors_origins": (ORIGIN,)})
    asked = "last-event-id, traceparent, if-none-match, range, authorization, content-digest"
    with open_gateway_client(settings, engine, storage, models) as client:
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "HEAD"}
        answer = client.options(
            CLASSIFY, headers=headers | {"Access-Control-Request-Headers": asked}
        )
        assert answer.status_code == 200
        seen = client.get("/health", headers={"Origin": ORIGIN})
    exposed = seen.headers["access-control-expose-headers"]
    assert {"ETag", "Content-Range", "Retry-After", "RateLimit"} <= set(exposed.split(", "))


def test_a_script_may_read_why_it_is_refused(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> None:
    settings = app_settings.model_copy(update={"cors_origins": (ORIGIN,), "max_requests": 0})
    with open_gateway_client(settings, engine, storage, models) as client:
        refused = client.get("/internal/status", headers={"Origin": ORIGIN})
    assert (refused.status_code, refused.json()["title"]) == (503, "Overloaded")
    assert refused.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("more", [{"priority": 5}, {"run_at": "2030-01-01T00:00:00Z"}])
def test_a_repeated_key_with_another_priority_or_time_is_refused(
    client: TestClient, more: dict[str, object]
) -> None:
    body = {"photos": ["a.jpg"], "async": True}
    key = {"Idempotency-Key": "k"}
    assert client.post(CLASSIFY, json=body, headers=key).status_code == 202
    assert client.post(CLASSIFY, json=body | more, headers=key).status_code == 422
    again = client.post(CLASSIFY, json=body | {"priority": 0}, headers=key)
    assert again.headers["idempotency-replayed"] == "true"


def test_the_same_moment_in_another_zone_is_the_same_request(client: TestClient) -> None:
    body = {"photos": ["a.jpg"], "async": True}
    for run_at in ("2030-01-01T00:00:00Z", "2030-01-01T02:00:00+02:00"):
        answer = client.post(
            CLASSIFY, json=body | {"run_at": run_at}, headers={"Idempotency-Key": "k"}
        )
        assert answer.status_code == 202


def test_too_large_has_one_title_whoever_finds_it(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> None:
    settings = app_settings.model_copy(update={"max_body_bytes": 100})
    with open_gateway_client(settings, engine, storage, models) as client:
        photo = client.post(CLASSIFY, content=jpeg(RED), headers=JPEG)
        body = client.post(RENDER, json={"photos": ["x" * 5 * 2**20]})
    assert photo.status_code == body.status_code == 413
    assert photo.json()["title"] == body.json()["title"] == "TooLarge"


def test_a_slash_too_many_is_not_found_rather_than_sent_elsewhere(client: TestClient) -> None:
    answer = client.post(f"{CLASSIFY}/", content=jpeg(RED), headers=JPEG)
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_scores_come_in_one_order_whatever_order_they_were_kept_in() -> None:
    scores = {"office": 0.00001, "bathroom": 0.00002, "kitchen": 0.9, "hallway": 0.1}
    shown = []
    for kept in (scores, dict(sorted(scores.items())), dict(reversed(scores.items()))):
        answer = RoomAnswer("kitchen", 0.9, True, kept, "interior")
        said = Prediction(answer, "room-classifier", "1", "champion", "1@a.b", demo=False)
        result = RoomResult.of("a.jpg", said, 1.0)
        shown.append(list(result.scores))
    assert shown == [["kitchen", "hallway", "bathroom", "office"]] * 3
