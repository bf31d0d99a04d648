"""A job's photos for its page: small, upright, and of this job alone."""

from typing import Any
from uuid import UUID

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from PIL import Image as Pillow

from bentos.gateway.pictures import shrink
from serving.image import decode
from serving.storage.objects import Storage
from tests.bentos.conftest import NewJobs, link
from tests.bodies import file
from tests.fakes import GREEN, RED, jpeg, picture


def get_photo(visitor: TestClient, job_id: UUID, number: object, **headers: str) -> Response:
    address = link(visitor, job_id).replace("/page", f"/photos/{number}")
    return visitor.get(address, headers=headers)


def test_a_photo_is_small_upright_and_known_again(
    visitor: TestClient, storage: Storage, new_job: NewJobs
) -> None:
    turned = Pillow.Exif()
    turned[0x0112] = 6  # the camera was held upright
    turned[0x010F] = "a camera's maker"
    wide = np.concatenate([picture(RED, 1000, 1000), picture(GREEN, 1000, 1000)], axis=1)
    storage.write("a.jpg", file(Pillow.fromarray(wide), "JPEG", exif=turned))
    job_id = new_job("a.jpg")
    answer = get_photo(visitor, job_id, 0)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"].startswith("private, max-age=")
    image = decode(answer.content, max_pixels=10**6)
    assert image.shape == (960, 480, 3)
    assert image[100, 240].argmax() == 0, "red is on top"
    assert image[-100, 240].argmax() == 1, "green is below"
    assert b"a camera's maker" not in answer.content
    again = get_photo(visitor, job_id, 0, **{"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    storage.write("a.jpg", jpeg(RED))
    other = get_photo(visitor, job_id, 0, **{"If-None-Match": answer.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("number", "status"), [(1, 404), (-1, 422), ("x", 422), (10**6, 422), ("0%2F..%2F..", 404)]
)
def test_only_the_photos_of_the_job_are_shown(
    visitor: TestClient, storage: Storage, new_job: NewJobs, number: object, status: int
) -> None:
    storage.write("a.jpg", jpeg(RED))
    assert get_photo(visitor, new_job("a.jpg"), number).status_code == status


def test_a_photo_that_cannot_be_shown_is_a_clear_4xx(
    visitor: TestClient, storage: Storage, new_job: NewJobs
) -> None:
    storage.write("text.jpg", b"not a photo")
    bad: dict[str, Any] = {"text.jpg": 422, "missing.jpg": 404, "https://inner.example/x": 422,
                           "../../etc/passwd": 422, "file:///etc/passwd": 422}  # fmt: skip
    job_id = new_job(*bad)
    answers = [get_photo(visitor, job_id, number).status_code for number in range(len(bad))]
    assert answers == list(bad.values())


def test_shrinking_never_enlarges() -> None:
    assert decode(shrink(jpeg(RED, 40, 60), 10**6), 10**6).shape == (40, 60, 3)
