"""What may be asked of rooms, and what is refused with a reason."""

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine

from serving.db.tables import Json
from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.jobs.manage import read_job
from tests.bentos.conftest import NewJobs, link
from tests.bentos.test_page import Elements, begin, show

PATH = "/internal/staging/process"
KEY = {"X-API-Key": "vls_a"}


def ask(visitor: TestClient, **asked: object) -> Response:
    return visitor.post(PATH, json={"photos": ["a.jpg"]} | asked, headers=KEY)


def test_rooms_are_a_job_that_keeps_what_was_asked(visitor: TestClient, engine: Engine) -> None:
    photos = ["a.jpg", {"photo": "b.jpg", "room_id": "7", "room_type": "bedroom"}]
    answer = ask(visitor, photos=photos, kit="coastal", variants=2, listing_id="42")
    assert (answer.status_code, answer.json()["type"]) == (202, "stage_photos")
    job = read_job(engine, answer.json()["job_id"])
    assert job.input["kit"] == "coastal"
    assert job.input["photos"][1]["room_id"] == "7"
    assert job.listing_id == "42"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"photos": []}, "at least 1"),
        ({"kit": "No such name!"}, "pattern"),
        ({"mode": "demolish"}, "'furnish', 'clear' or 'restyle'"),
        ({"mode": "restyle"}, "allow_renovation"),
        ({"variants": 5}, "less than or equal to 4"),
        ({"room_type": "garden"}, "living_room"),
        ({"photos": [{"photo": "a.jpg", "room_id": ""}]}, "at least 1"),
        ({"style": "modern"}, "not permitted"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    visitor: TestClient, asked: dict[str, object], said: str
) -> None:
    answer = ask(visitor, **asked)
    assert answer.status_code == 422
    assert said in answer.text


def test_renovations_that_are_asked_for_are_accepted(visitor: TestClient) -> None:
    assert ask(visitor, mode="restyle", allow_renovation=True).status_code == 202


def test_more_pictures_than_photos_may_be_are_too_many(visitor: TestClient) -> None:
    answer = ask(visitor, photos=["a.jpg"] * 1300, variants=4)
    assert answer.status_code == 413
    assert "pictures in one request" in answer.text


def test_the_page_shows_what_there_is_so_far(
    visitor: TestClient, engine: Engine, new_job: NewJobs
) -> None:
    job_id = new_job("a.jpg", "b.jpg", type_="stage_photos")
    job, folder = begin(engine, job_id), KINDS["stage_photos"].folder_of(job_id)
    for name in ("0-cleared.jpg", "0-0.jpg"):  # the newest is shown
        told = {"photo": "a.jpg", "number": 0, "preview": f"{folder}/preview/{name}"}
        attempts.tell(engine, job, "preview", told)
    pictures = Elements(visitor.get(link(visitor, job_id)).text).addresses("img", "src")
    shown = [picture.partition("?")[0] for picture in pictures]
    assert shown == ["photos/0", "files/preview/0-0.jpg", "photos/1"]


def test_the_page_scores_furniture_and_not_its_absence(
    visitor: TestClient, engine: Engine, new_job: NewJobs
) -> None:
    job_id = new_job("a.jpg", "b.jpg", type_="stage_photos")
    folder = KINDS["stage_photos"].folder_of(job_id)
    made: Json = {
        "preview": f"{folder}/preview/0-0.jpg", "staged": f"{folder}/0-0.jpg",
        "mask": f"{folder}/0-0.mask.png", "manifest": f"{folder}/0-0.c2pa",
        "width": 3, "height": 2, "changed": 0.25, "score": 93.0, "needs_review": False,
        "furniture": [], "reasons": {},
    }  # fmt: skip
    cleared: Json = {"photo": "a.jpg", "room_type": "bedroom", "variants": [made]}
    results = [cleared | {"mode": "clear"}, cleared | {"mode": "furnish", "kit": "coastal"}]
    attempts.complete(engine, begin(engine, job_id), {"results": results})
    page = show(visitor, job_id)
    assert "<b>cleared</b> · bedroom · 25 % changed" in page
    assert "<b>score 93</b> · bedroom · coastal · 25 % changed" in page
