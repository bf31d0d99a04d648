"""A backend brings its own design kits: versions, files, colours, a page, jobs that name them."""

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine

from serving.jobs.manage import read_job
from serving.kits.release import ReleaseKits
from serving.kits.store import KitStore
from serving.storage.objects import Storage
from tests.fakes import encode, jpeg
from tests.serving.kits.kit_files import box_glb, own_kit
from tests.serving.video.pictures import texture

KITS, OURS = "/internal/design-kits", "/internal/design-kits/ours"
KEY, OTHER = {"X-API-Key": "vls_a"}, {"X-API-Key": "vls_b"}
WHOSE = {"licence": "proprietary", "source": "drawn by us"}


def send_asset(visitor: TestClient, name: str, data: bytes, **query: str) -> Response:
    kind = {"Content-Type": "application/octet-stream"}
    path = f"{OURS}/assets/{name}"
    return visitor.put(path, content=data, params=WHOSE | query, headers=KEY | kind)


def put_kit(visitor: TestClient, kit: object, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return visitor.put(OURS, json=kit, headers=KEY | named)


@pytest.fixture
def ours(visitor: TestClient) -> Response:
    """A kit of a client, of one sofa."""
    assert send_asset(visitor, "our_sofa", box_glb()).status_code == 200
    return put_kit(visitor, own_kit())


def test_a_kit_comes_back_as_it_was_sent_with_what_was_measured(
    visitor: TestClient, ours: Response
) -> None:
    assert ours.status_code == 201, ours.text
    view = visitor.get(OURS, headers=KEY).json()
    assert view == ours.json()
    assert (view["version"], view["versions"], view["built_in"]) == (1, [1], False)
    assert view["assets"]["our_sofa"]["facts"]["size_cm"] == [200, 80, 90]
    again = put_kit(visitor, view["kit"])
    assert (again.status_code, again.json()["version"]) == (200, 1)
    assert again.headers["ETag"] == ours.headers["ETag"]
    same = visitor.get(OURS, headers=KEY | {"If-None-Match": ours.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_the_kits_of_the_studio_are_listed_before_ones_own_and_shown_to_all(
    visitor: TestClient, ours: Response
) -> None:
    del ours
    kits = visitor.get(KITS, headers=KEY).json()["kits"]
    assert {"modern", "scandinavian", "coastal"} <= {kit["id"] for kit in kits[:-1]}
    assert [kit["built_in"] for kit in kits] == [True] * (len(kits) - 1) + [False]
    assert len(kits[0]["palette"]) >= 3
    others = visitor.get(KITS, headers=OTHER).json()["kits"]
    assert others == kits[:-1]
    assert visitor.get(OURS, headers=OTHER).status_code == 404
    assert visitor.get(f"{KITS}/modern", headers=OTHER).json()["kit"]["pieces"]


def test_a_change_that_did_not_see_the_newest_version_is_refused(
    visitor: TestClient, ours: Response
) -> None:
    tag = ours.headers["ETag"]
    changed = put_kit(visitor, own_kit(title="Ours in spring"), If_Match=tag)
    assert (changed.status_code, changed.json()["version"]) == (201, 2)
    late = put_kit(visitor, own_kit(title="Ours in autumn"), If_Match=tag)
    assert (late.status_code, late.json()["title"]) == (412, "KitChanged")
    assert put_kit(visitor, own_kit(), If_Match="yesterday's").status_code == 422
    first = visitor.get(OURS, params={"version": 1}, headers=KEY)
    assert first.json()["title"] == "Ours"


@pytest.mark.parametrize(
    ("kit", "status", "said"),
    [
        ({"title": "Ours"}, 422, "palette"),
        (own_kit(palette=["red", "green", "blue"]), 422, "#rrggbb"),
        (own_kit(floor="parquet"), 422, "finishes that the kit does not have: parquet"),
        (own_kit(style="modern"), 422, "style"),
        ([1, 2], 422, "should be an object"),
    ],
)
def test_a_kit_that_is_none_is_refused_by_name(
    visitor: TestClient, ours: Response, kit: object, status: int, said: str
) -> None:
    del ours
    answer = put_kit(visitor, kit)
    assert (answer.status_code, answer.json()["title"]) == (status, "BadInput")
    assert said in answer.json()["detail"]


def test_what_is_not_there_or_not_ones_own_is_said_by_name(visitor: TestClient) -> None:
    asked = [
        (visitor.get(OURS, headers=KEY), 404, "UnknownKit"),
        (visitor.delete(OURS, headers=KEY), 404, "UnknownKit"),
        (visitor.delete(f"{OURS}/assets/sofa", headers=KEY), 404, "UnknownAsset"),
        (visitor.get(f"{KITS}/modern/assets/none", headers=KEY), 404, "UnknownAsset"),
        (visitor.get(f"{KITS}/modern?version=99", headers=KEY), 404, "UnknownKit"),
        (visitor.delete(f"{KITS}/modern", headers=KEY), 409, "KitBuiltIn"),
        (visitor.put(f"{KITS}/modern", json=own_kit(), headers=KEY), 409, "KitBuiltIn"),
        (send_asset(visitor, "sofa", b"glTF" + bytes(40)), 422, "BadAsset"),
        (send_asset(visitor, "sofa", box_glb(), licence="mine"), 422, "BadInput"),
        (send_asset(visitor, "sofa", box_glb(), source=""), 422, "BadInput"),
        (visitor.get(KITS), 401, "NotAllowed"),
    ]
    for answer, status, title in asked:
        assert (answer.status_code, answer.json()["title"]) == (status, title), answer.text
        assert answer.headers["content-type"] == "application/problem+json"


def test_pictures_and_meshes_of_a_version_can_be_fetched(
    visitor: TestClient, ours: Response
) -> None:
    del ours
    picture = encode(texture(90, 120), "PNG")
    assert send_asset(visitor, "preview_living_room", picture).json()["kind"] == "picture"
    assert list(visitor.get(f"{OURS}/assets", headers=KEY).json()["assets"]) == [
        "our_sofa", "preview_living_room",
    ]  # fmt: skip
    assert put_kit(visitor, own_kit()).json()["version"] == 2
    shown = visitor.get(f"{OURS}/assets/preview_living_room", headers=KEY)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert visitor.get(f"{OURS}/assets/our_sofa", headers=KEY).content.startswith(b"PK")
    former = visitor.get(f"{OURS}/assets/preview_living_room?version=1", headers=KEY)
    assert former.status_code == 404


def test_a_kit_is_drawn_for_those_who_choose(
    visitor: TestClient, engine: Engine, storage: Storage, ours: Response
) -> None:
    jobs = visitor.get("/internal/jobs?type=draw_kit", headers=KEY).json()["jobs"]
    assert [(job["type"], job["status"]) for job in jobs] == [("draw_kit", "pending")]
    assert ours.json()["previews"] == {}
    store = KitStore(engine, storage, ReleaseKits())
    stored = store.read("backend", "ours")
    store.put_picture("backend", stored, "living_room", encode(texture(90, 120), "JPEG"))
    again = visitor.get(OURS, headers=KEY | {"If-None-Match": ours.headers["ETag"]})
    assert again.status_code == 200, "it has pictures now"
    url = again.json()["previews"]["living_room"]
    picture = visitor.get(url, headers=KEY)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert visitor.get(f"{OURS}/assets/living_room", headers=KEY).status_code == 404
    assert put_kit(visitor, own_kit(), If_Match=ours.headers["ETag"]).status_code == 200
    assert "assets/preview_living_room" in visitor.get(f"{OURS}/page", headers=KEY).text
    modern = visitor.get(f"{KITS}/modern", headers=KEY).json()
    assert visitor.get(modern["previews"]["bedroom"], headers=KEY).status_code == 200


def test_a_page_shows_a_kit_to_people_by_a_link_that_opens_nothing_else(
    visitor: TestClient, ours: Response
) -> None:
    send_asset(visitor, "preview_living_room", encode(texture(90, 120), "PNG"))
    link = put_kit(visitor, own_kit(description="<b>Oak</b>")).json()["page_link"]
    page = visitor.get(link)
    assert page.status_code == 200
    for said in ("Ours", "#888888", "Our sofa", "200 × 80 × 90 cm", "proprietary", "drawn by us"):
        assert said in page.text
    assert "&lt;b&gt;Oak" in page.text
    query = link.partition("?")[2]
    assert visitor.get(f"{OURS}/assets/preview_living_room?{query}").status_code == 200
    assert visitor.get(f"{KITS}/theirs/page?{query}").status_code == 401
    assert visitor.get(link.replace("client=backend", "client=other")).status_code == 401
    assert visitor.get(f"{OURS}?{query}").status_code == 401
    assert visitor.get(f"{KITS}/modern/page", headers=KEY).status_code == 200
    lost = visitor.get(f"{KITS}/none/page", headers=KEY | {"Accept": "text/html"})
    assert (lost.status_code, lost.headers["content-type"][:9]) == (404, "text/html")
    del ours


def test_a_job_keeps_to_the_version_that_was_the_newest_when_it_was_accepted(
    visitor: TestClient, engine: Engine, ours: Response
) -> None:
    del ours

    def stage(**more: object) -> Response:
        asked = {"photos": ["a.jpg"], "kit": "ours"} | more
        headers = KEY | {"Idempotency-Key": str(more)}
        return visitor.post("/internal/staging/process", json=asked, headers=headers)

    first = stage()
    put_kit(visitor, own_kit(title="Ours in spring"))
    assert stage().json() == first.json(), "the same request, though the kit has changed since"
    named = [first, stage(seed=1), stage(kit_version=1)]
    jobs = [read_job(engine, answer.json()["job_id"]) for answer in named]
    assert [job.input["kit_version"] for job in jobs] == [1, 2, 1]
    assert visitor.delete(OURS, headers=KEY).status_code == 204
    gone = stage(seed=2)
    assert (gone.status_code, gone.json()["title"]) == (404, "UnknownKit")
    assert stage(kit_version=99).status_code == 404
    assert read_job(engine, jobs[0].id).input["kit_version"] == 1


def test_the_palette_of_a_picture_is_its_colours_by_how_much_they_cover(
    visitor: TestClient, storage: Storage
) -> None:
    def ask(picture: np.ndarray, colours: int) -> Response:
        kind = {"Content-Type": "image/png"}
        path = f"{KITS}/palette?colours={colours}"
        return visitor.post(path, content=encode(picture, "PNG"), headers=KEY | kind)

    picture = np.zeros((120, 200, 3), np.uint8)
    picture[:, :100], picture[:, 100:160], picture[:, 160:] = (216, 203, 182), (30, 60, 90), 250
    found = ask(picture, 3).json()
    for colour, own in zip(found["palette"], ("d8cbb6", "1e3c5a", "fafafa"), strict=True):
        off = np.frombuffer(bytes.fromhex(colour[1:] + own), np.uint8).astype(int)
        assert np.abs(off[:3] - off[3:]).max() <= 4, "but for the pixels on the border of two"
    assert [round(one["share"], 2) for one in found["colours"]] == [0.5, 0.3, 0.2]
    noisy = texture(300, 400)
    assert ask(noisy, 5).json() == ask(noisy, 5).json()
    assert len(ask(noisy, 5).json()["palette"]) == 5
    storage.write("red.jpg", jpeg((250, 10, 10)))
    named = visitor.post(f"{KITS}/palette", json={"photo": "red.jpg"}, headers=KEY)
    assert named.json()["palette"], named.text
    assert ask(picture, 9).status_code == 422
