import json

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from registry.bootstrap import STARTERS
from serving.image import decode
from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.licences import LicencePolicy
from serving.models.local import LocalModels, load_baked
from serving.perception.upscale import UPSCALER
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.conftest import link
from tests.bentos.gateway_client import open_gateway_client
from tests.bentos.test_page import Elements, begin
from tests.serving.photos.enhance.pictures import relit, room
from tests.serving.photos.enhance.test_file import saved
from tests.serving.workflows.harness import JobHarness

PATH = "/internal/photos/enhance"
KEY = {"X-API-Key": "vls_a"}
JPEG = KEY | {"Content-Type": "image/jpeg"}
DARK = saved(relit(room(), 1.6))


def test_one_photo_is_answered_at_once_with_the_picture(visitor: TestClient) -> None:
    answer = visitor.post(PATH, content=DARK, headers=JPEG, params={"format": "webp"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    told = json.loads(answer.headers["x-enhancement"])
    assert "exposure" in {step["operation"] for step in told["applied"]}
    assert (told["width"], told["height"], told["bytes"]) == (960, 720, len(answer.content))
    assert decode(answer.content, 10**7).mean() > 1.3 * decode(DARK, 10**7).mean()


def test_one_key_is_answered_with_the_picture_and_many_are_a_job(
    visitor: TestClient, storage: Storage
) -> None:
    storage.write("dark.jpg", DARK)
    at_once = visitor.post(PATH, json={"photos": ["dark.jpg"]}, headers=KEY)
    assert (at_once.status_code, at_once.headers["content-type"]) == (200, "image/jpeg")
    for photos in (["dark.jpg", "a.jpg"], [{"photo": "dark.jpg", "brackets": ["a.jpg"]}]):
        later = visitor.post(PATH, json={"photos": photos, "preset": "bright"}, headers=KEY)
        assert (later.status_code, later.json()["type"]) == (202, "enhance_photos")


def test_a_raw_body_can_become_a_job(visitor: TestClient) -> None:
    answer = visitor.post(PATH, content=DARK, headers=JPEG, params={"async": True})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("content", "params", "status"),
    [
        (b"", {}, 422),
        (b"\xff\xd8\xff broken", {}, 422),
        (DARK, {"preset": "loud"}, 422),
        (DARK, {"quality": 0}, 422),
        (DARK, {"format": "gif"}, 422),
        (DARK, {"upscale": 3}, 422),
        (DARK, {"upscale": 2}, 503),  # no model answers
    ],
)
def test_what_cannot_be_done_is_refused(
    visitor: TestClient, content: bytes, params: dict[str, str], status: int
) -> None:
    assert visitor.post(PATH, content=content, headers=JPEG, params=params).status_code == status


def test_the_page_shows_before_and_after(
    films: JobHarness, visitor: TestClient, storage: Storage
) -> None:
    storage.write("dark.jpg", DARK)
    jobs = JobHarness(films.parts, "enhance_photos")
    job = jobs.attempt(jobs.submit(photos=["dark.jpg", "missing.jpg"]))
    page = visitor.get(link(visitor, job.id)).text
    assert "2 photos · 1 made better" in page
    assert 'class="slide"' in page
    assert "exposure" in page
    small = visitor.get(f"/internal/jobs/{job.id}/files/preview/0.jpg", headers=KEY)
    whole = visitor.get(f"/internal/jobs/{job.id}/files/0.jpg", headers=KEY)
    assert (small.status_code, whole.status_code) == (200, 200)
    assert whole.headers["content-type"] == "image/jpeg"


def test_a_link_does_not_show_the_faces_that_are_to_be_hidden(
    visitor: TestClient, storage: Storage, engine: Engine
) -> None:
    storage.write("face.jpg", DARK)
    new = NewJob(KINDS["enhance_photos"], {"photos": ["face.jpg"], "privacy": "blur"}, "backend")
    job_id = submit(engine, new, max_queued=100).job_id
    address = link(visitor, job_id)
    assert "shown when faces are hidden" in visitor.get(address).text

    job = begin(engine, job_id)
    preview = f"{KINDS['enhance_photos'].folder_of(job_id)}/preview/0.jpg"
    attempts.tell(engine, job, "preview", {"photo": "face.jpg", "number": 0, "preview": preview})
    waiting = Elements(visitor.get(address).text).addresses("img", "src")
    made = {"applied": [{"operation": "blur"}], "left": {}, "width": 3, "height": 2}
    made |= {"quality": {"before": 50.0, "after": 60.0}, "preview": preview, "photo": "face.jpg"}
    attempts.complete(engine, job, {"results": [made | {"enhanced": f"enhanced/{job_id}/0.jpg"}]})
    ended = Elements(visitor.get(address).text).addresses("img", "src")
    assert [picture.partition("?")[0] for picture in (*waiting, *ended)] == 2 * [
        "files/preview/0.jpg"
    ]

    original = address.replace("/page", "/photos/0")
    assert visitor.get(original).status_code == 401
    assert visitor.get(f"/internal/jobs/{job_id}/photos/0", headers=KEY).status_code == 200


def test_more_pixels_are_given_at_once_to_a_photo_that_is_not_large(
    app_settings: Settings, storage: Storage, engine: Engine
) -> None:
    baked = load_baked(STARTERS, tasks={UPSCALER.name: UPSCALER})
    models = LocalModels(storage, baked, licences=LicencePolicy(production=False))
    ours, params = {"Content-Type": "image/jpeg"}, {"upscale": "2", "preset": "none"}
    small, large = saved(room()[:240, :320]), saved(np.zeros((1800, 2000, 3), np.uint8))
    with open_gateway_client(app_settings, engine, storage, models) as client:
        answer = client.post(PATH, content=small, headers=ours, params=params)
        refused = client.post(PATH, content=large, headers=ours, params=params)
    assert answer.status_code == 200, answer.text
    assert decode(answer.content, 10**7).shape == (480, 640, 3)
    assert refused.status_code == 413
    assert "async" in refused.json()["detail"]
