"""A job's page: for people with a key or a link, of this job alone, and nothing in it runs."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urljoin
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from serving.db.tables import Job, Json
from serving.jobs import attempts, manage
from serving.jobs.events import record
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.conftest import NewJobs, link, open_client
from tests.fakes import RED, jpeg

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
RETRIES = attempts.Retries(failures=5, first_s=0.0, longest_s=0.0)


def begin(engine: Engine, job_id: UUID) -> Job:
    with engine.begin() as connection:  # a retry is due at once
        connection.execute(text("UPDATE jobs SET run_at = now()"))
    job = attempts.take(engine, job_id, uuid4())
    assert job is not None
    return job


def found(photo: str, room: str = "kitchen", confidence: float = 0.9, **more: object) -> Json:
    scores = {"bath": round((1 - confidence) / 2, 4), room: confidence, "den": 0.01}
    return {
        "photo": photo, "room_type": room, "confident": confidence > 0.8, "scene": "interior",
        "confidence": confidence, "scores": scores, "demo": True, "cached": False,
        "timing_ms": 14.2, "model": {"name": "room-classifier", "version": "7", "slot": "champion"},
    } | more  # fmt: skip


def unread(photo: str, detail: str = "the file is empty") -> Json:
    problem = {"type": "about:blank", "title": "BadImage", "status": 422, "detail": detail}
    return {"photo": photo, "error": problem}


def complete(engine: Engine, job_id: UUID, *results: Json) -> None:
    attempts.complete(engine, begin(engine, job_id), {"results": list(results)})


def show(visitor: TestClient, job_id: UUID, **query: object) -> str:
    """The page's HTML, with the space between its words made one."""
    answer = visitor.get(link(visitor, job_id) + "".join(f"&{k}={v}" for k, v in query.items()))
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", answer.text)


class Elements(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))

    def addresses(self, tag: str, name: str) -> list[str]:
        return [values[name] or "" for found, values in self.all if found == tag and name in values]


def test_a_link_opens_the_page_its_photos_and_all_that_the_page_points_to(
    visitor: TestClient, engine: Engine, storage: Storage, new_job: NewJobs
) -> None:
    storage.write("a.jpg", jpeg(RED))
    job_id = new_job("a.jpg")
    complete(engine, job_id, found("a.jpg"))
    address = link(visitor, job_id)
    elements = Elements(visitor.get(address).text)
    pictures = elements.addresses("img", "src")
    assert len(pictures) == 1
    links = [link for link in elements.addresses("a", "href") if not link.startswith("#")]
    for place in [*pictures, *links]:
        assert visitor.get(urljoin(address, place)).status_code == 200, place


def test_a_key_opens_the_page_too_and_what_it_then_points_to_needs_none(
    visitor: TestClient, engine: Engine, storage: Storage, new_job: NewJobs
) -> None:
    storage.write("a.jpg", jpeg(RED))
    job_id = new_job("a.jpg")
    complete(engine, job_id, found("a.jpg"))
    address = f"/internal/jobs/{job_id}/page"
    answer = visitor.get(address, headers={"X-API-Key": "vls_a"})
    (picture,) = Elements(answer.text).addresses("img", "src")
    assert visitor.get(urljoin(address, picture)).status_code == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda link: link.partition("?")[0],
        lambda link: link[:-1],
        lambda link: link.replace("signature=", "signature=A"),
        lambda link: re.sub(r"expires=\d", "expires=9", link),
        lambda link: re.sub(r"expires=\d+", "expires=", link),
        lambda link: re.sub(r"expires=\d+&", "", link),
        lambda link: re.sub(r"jobs/[0-9a-f-]+", f"jobs/{uuid4()}", link),
    ],
)
@pytest.mark.parametrize("place", ["/page", "/photos/0", "", "/events"])
def test_a_link_that_was_changed_opens_nothing(
    visitor: TestClient, new_job: NewJobs, spoil: Callable[[str], str], place: str
) -> None:
    address = spoil(link(visitor, new_job("a.jpg"))).replace("/page", place)
    answer = visitor.get(address)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_link_that_has_expired_says_so(
    page_settings: Settings, engine: Engine, storage: Storage, new_job: NewJobs
) -> None:
    job_id, hour_s = new_job("a.jpg"), 3600.0
    past = page_settings.model_copy(update={"link_lifetime_s": -2 * hour_s})
    with open_client(past, engine, storage) as client:
        answer = client.get(link(client, job_id))
        assert answer.status_code == 401
        assert "expired" in answer.json()["detail"]


def test_a_link_of_the_secret_before_opens_still(
    page_settings: Settings, engine: Engine, storage: Storage, new_job: NewJobs
) -> None:
    old = page_settings.model_copy(update={"link_secrets": page_settings.link_secrets[1:]})
    with open_client(old, engine, storage) as client:
        address = link(client, new_job("a.jpg"))
    with open_client(page_settings, engine, storage) as client:
        assert client.get(address).status_code == 200


def test_without_a_secret_no_link_is_given_and_the_key_opens_the_page(
    page_settings: Settings, engine: Engine, storage: Storage, new_job: NewJobs
) -> None:
    job_id = new_job("a.jpg")
    with open_client(
        page_settings.model_copy(update={"link_secrets": ()}), engine, storage
    ) as client:
        headers = {"X-API-Key": "vls_a"}
        assert client.get(f"/internal/jobs/{job_id}", headers=headers).json()["page_link"] is None
        answer = client.get(f"/internal/jobs/{job_id}/page", headers=headers)
        assert answer.status_code == 200
        assert "signature=" not in answer.text
        assert client.get(f"/internal/jobs/{job_id}/page").status_code == 401


def test_who_has_but_a_link_gets_no_new_one_and_changes_nothing(
    visitor: TestClient, new_job: NewJobs
) -> None:
    address = link(visitor, new_job("a.jpg")).replace("/page", "")
    assert visitor.get(address).json()["page_link"] is None
    assert visitor.delete(address).status_code == 401
    assert visitor.post(address.replace("?", "/redrive?")).status_code == 401
    assert visitor.get(f"/internal/jobs?{address.partition('?')[2]}").status_code in (401, 422)


@pytest.mark.parametrize("place", ["page", "photos/0"])
def test_another_client_finds_no_such_job(
    visitor: TestClient, storage: Storage, new_job: NewJobs, place: str
) -> None:
    storage.write("a.jpg", jpeg(RED))
    answer = visitor.get(
        f"/internal/jobs/{new_job('a.jpg')}/{place}", headers={"X-API-Key": "vls_b"}
    )
    assert answer.status_code == 404


def test_a_browser_is_told_what_is_wrong_in_a_page(visitor: TestClient, new_job: NewJobs) -> None:
    answer = visitor.get(link(visitor, new_job("a.jpg"))[:-1], headers=BROWSER)
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    assert "ask for a new one" in answer.text
    assert visitor.get("/internal/jobs/no-id/page", headers=BROWSER).status_code == 422


def test_results_lie_on_their_photos_and_unread_ones_have_their_reason(
    visitor: TestClient, engine: Engine, new_job: NewJobs
) -> None:
    job_id = new_job("a.jpg", "b.jpg", "c.jpg", listing_id="Seaside Lane 7")
    complete(
        engine, job_id, found("a.jpg"), found("b.jpg", "dining_room", 0.6), unread("c.jpg", "empty")
    )
    page = show(visitor, job_id)
    assert "Listing Seaside Lane 7" in page
    assert "2 photos classified" in page
    assert 'kitchen <span class="number">90 %' in page
    assert 'dining room <span class="number">60 %' in page
    assert page.count('class="check"') == 1
    assert "Bad image" in page
    assert "empty" in page
    assert page.index("<span>kitchen</span>") < page.index("<span>bath</span>"), "best first"
    assert "version 7 · champion · <span" in page
    shown = show(visitor, job_id, show="failed")
    assert "c.jpg" in shown
    assert "a.jpg" not in shown


def test_no_photo_readable_is_said_first(
    visitor: TestClient, engine: Engine, new_job: NewJobs
) -> None:
    job_id = new_job("a.jpg", "b.jpg")
    complete(engine, job_id, unread("a.jpg"), unread("b.jpg"))
    assert "None of the photos could be read" in show(visitor, job_id)


def test_the_history_tells_every_attempt_and_why_there_was_another(
    visitor: TestClient, engine: Engine, new_job: NewJobs
) -> None:
    job_id = new_job("a.jpg", priority=10)
    error = {"title": "DownloadFailed", "detail": "no answer", "reason": "transient"}
    attempts.retry(engine, begin(engine, job_id), error, RETRIES)
    attempts.hand_back(engine, begin(engine, job_id))
    job = begin(engine, job_id)
    with engine.begin() as connection:
        record(connection, job.id, job.attempt, "stage_done", {"stage": "depth"})
    attempts.report_progress(engine, job, {"done": 1, "total": 4, "unit": "photos", "share": 0.25})
    page = show(visitor, job_id)
    told = [
        *("Accepted", "priority +10", "Attempt 1 began", "Download failed: no answer · again in"),
        *("Attempt 2 began", "Attempt 2 handed back", "Attempt 3 began", "stage: depth"),
    ]
    places = [page.find(line, page.index('id="history"')) for line in told]
    assert -1 not in places, told[places.index(-1)]
    assert places == sorted(places)
    assert "1 of 4 photos" in page
    assert 'data-live="job"' in page
    assert "Look again" in page, "without JavaScript too"


def test_a_failed_job_says_what_to_do_and_what_became_of_its_callback(
    visitor: TestClient, engine: Engine, new_job: NewJobs
) -> None:
    job_id = new_job("a.jpg")
    error = {"title": "DownloadFailed", "detail": "no answer", "reason": "transient", "failures": 5}
    attempts.fail(engine, begin(engine, job_id), error)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE webhook_deliveries SET status = 'dead', attempt = 12, last_status = 503,"
                " last_error = '503 Service Unavailable: down'"
            )
        )
    page = show(visitor, job_id)
    assert "Tried 5 times" in page
    assert "run the job again" in page
    assert f"POST /internal/jobs/{job_id}/redrive" in page
    assert "given up" in page
    assert "12 tries · last answer 503 · 503 Service Unavailable: down" in page
    assert 'data-live=""' in page


def test_a_cancelled_job_and_one_without_a_template_of_its_own_have_pages(
    visitor: TestClient, engine: Engine, new_job: NewJobs
) -> None:
    cancelled = new_job("a.jpg")
    manage.cancel(engine, cancelled)
    assert "the job was cancelled" in show(visitor, cancelled)
    detected = new_job("a.jpg", type_="detect_features")
    attempts.complete(engine, begin(engine, detected), {"rooms": [{"style": EVIL}]})
    page = show(visitor, detected)
    assert "Detect features" in page
    assert "&#34;rooms&#34;" in page


def test_nothing_that_somebody_sent_runs_in_the_page(
    visitor: TestClient, engine: Engine, new_job: NewJobs
) -> None:
    job_id = new_job(f"{EVIL}.jpg", "b.jpg", listing_id=EVIL)
    complete(engine, job_id, unread(EVIL, EVIL), found(EVIL, EVIL, scene=EVIL))
    answer = visitor.get(link(visitor, job_id))
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)
    assert nonce
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "no-store" in answer.headers["cache-control"]
    for tag, values in Elements(answer.text).all:
        assert not [name for name in values if name.startswith("on") or name == "style"]
        if tag in ("script", "style"):
            assert values["nonce"] == nonce[1]
    assert answer.text.count("<script") == 1
    again = visitor.get(link(visitor, job_id)).headers["content-security-policy"]
    assert again != policy


def test_a_url_is_shown_without_what_is_secret_in_it(visitor: TestClient, new_job: NewJobs) -> None:
    page = show(visitor, new_job("https://me:word@cdn.example/42/my%20bath.jpg?X-Signature=hush"))
    assert "my bath.jpg" in page
    assert "hush" not in page
    assert "me:word" not in page


def test_many_photos_come_in_pages(visitor: TestClient, engine: Engine, new_job: NewJobs) -> None:
    photos = [f"{number:03d}.jpg" for number in range(130)]
    job_id = new_job(*photos)
    complete(engine, job_id, *(found(photo) for photo in photos))
    first, last = show(visitor, job_id), show(visitor, job_id, start=120)
    assert (first.count("<img"), last.count("<img")) == (60, 10)
    assert "1–60 of 130" in first
    assert "121–130 of 130" in last
    assert "start=60&amp;expires=" in first
    assert "129.jpg" in last


def test_a_job_without_photos_has_a_page(visitor: TestClient, engine: Engine) -> None:
    new = NewJob(KINDS["analyze_audio"], {"audio": "a.mp3"}, "backend")
    job_id = submit(engine, new, max_queued=100).job_id
    assert "Analyze audio" in show(visitor, job_id)


def test_who_looks_too_often_with_a_link_waits_and_the_client_does_not(
    page_settings: Settings, engine: Engine, storage: Storage, new_job: NewJobs
) -> None:
    slow = page_settings.model_copy(update={"rate_limit": "3/minute"})
    with open_client(slow, engine, storage) as client:
        address = link(client, new_job("a.jpg"))
        answers = [client.get(address).status_code for _ in range(4)]
        assert answers == [200, 200, 200, 429]
        headers = {"X-API-Key": "vls_a"}
        assert client.get("/internal/jobs", headers=headers).status_code == 200


def test_a_running_job_says_how_long_it_will_take_yet(
    visitor: TestClient, engine: Engine, new_job: NewJobs
) -> None:
    job_id = new_job(type_="render_video")
    job = begin(engine, job_id)

    def after(done: int, unit: str, remaining_s: float | None) -> str:
        progress = {"done": done, "total": 240, "unit": unit, "share": done / 240}
        attempts.report_progress(engine, job, progress | {"remaining_s": remaining_s})
        return show(visitor, job_id)

    assert "about 40 s left</span>" in after(60, "frames", 38.2)
    assert "about 2 min left</span>" in after(90, "frames", 110.0)
    for unknown in (after(1, "frames", None), after(3, "photos", 2.0), after(240, "frames", 0.0)):
        assert " left</span>" not in unknown, "reading the photos is but the beginning"
    after(100, "frames", 60.0)
    error = {"title": "DownloadFailed", "detail": "no answer", "reason": "transient"}
    attempts.retry(engine, job, error, RETRIES)
    assert " left</span>" not in show(visitor, job_id), "what waits for another try goes on later"


def test_the_faulty_frame_of_a_failed_film_is_shown_before_what_happened(
    visitor: TestClient, engine: Engine, storage: Storage, new_job: NewJobs
) -> None:
    job_id = new_job(type_="render_video")
    storage.write(f"films/{job_id}/fault.jpg", jpeg(RED))
    finding = {"code": "black", "frame": 41, "reason": "black where there is no dip"}
    error = {"title": "FaultyOutput", "detail": "the film has a fault", "reason": "faulty_output"}
    found = {"findings": [finding], "picture": f"films/{job_id}/fault.jpg"}
    attempts.fail(engine, begin(engine, job_id), error | found)
    page = show(visitor, job_id)
    places = [
        page.index(line)
        for line in ("What to do:", "fault.jpg?", "black where there is no dip", 'id="history"')
    ]
    assert places == sorted(places)
    assert page.count("fault.jpg?") == 1
    faults = page[page.index('data-part="faults"') : page.index('data-part="result"')]
    assert "frame 41" in faults


def test_a_photos_quality_and_the_listings_cover_are_told_in_words(
    visitor: TestClient, engine: Engine, storage: Storage, new_job: NewJobs
) -> None:
    for name in ("a.jpg", "b.jpg"):
        storage.write(name, jpeg(RED))
    job_id = new_job("a.jpg", "b.jpg")
    quality = {
        "score": 46.2, "parts": {"sharpness": 91.0, "tilt": 43.8},
        "hints": {"tilt": "tilted 2.7° to the left"}, "tilt_degrees": -2.7,
    }  # fmt: skip
    listing = {"duplicates": [["a.jpg", "b.jpg"]], "best": ["a.jpg"], "cover": "a.jpg"}
    results = [found("a.jpg", quality=quality), found("b.jpg", quality=None)]
    attempts.complete(engine, begin(engine, job_id), {"results": results, "listing": listing})
    page = show(visitor, job_id)
    assert "quality 46</b> · tilted 2.7° to the left" in page
    assert "<span>sharpness</span>" in page
    assert page.count("quality ") == page.count("quality 46")
    assert 'Suggested cover: <b class="break">a.jpg</b> · 2 photos of one view, best a.jpg' in page
