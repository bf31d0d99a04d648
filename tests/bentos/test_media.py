"""Sound and film over HTTP: what is asked is checked at once, and what was made is handed out."""

import io
from uuid import UUID

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine

from serving.db.tables import Json
from serving.jobs import manage
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.settings import Settings
from serving.storage.objects import Storage, open_storage
from tests.bentos.conftest import open_client

KEY, OTHERS_KEY = {"X-API-Key": "vls_a"}, {"X-API-Key": "vls_b"}
WAV = {"Content-Type": "audio/wav"}
FILM = bytes(range(256)) * 40
PLAYLIST = b'#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:1.0,\npart-00000.m4s\n'


def clicks(seconds: float = 4.0, rate_hz: int = 22_050) -> bytes:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    since = times % 0.5
    file = io.BytesIO()
    song = 0.5 * np.exp(-since * 30) * np.sin(2 * np.pi * 180 * since)
    soundfile.write(file, song.astype(np.float32), rate_hz, format="WAV")
    return file.getvalue()


def post(visitor: TestClient, path: str, body: Json, **headers: str) -> Response:
    return visitor.post(f"/internal/{path}", json=body, headers=KEY | headers)


def test_a_track_is_analysed_as_a_body_by_its_key_or_as_a_job(
    visitor: TestClient, storage: Storage, engine: Engine
) -> None:
    raw = visitor.post("/internal/audio/analyze", content=clicks(), headers=KEY | WAV)
    assert raw.status_code == 200, raw.text
    found = raw.json()
    assert found["tempo_bpm"] == pytest.approx(120, abs=1)
    assert storage.exists(found["waveform_png"])
    storage.write("song.wav", clicks())
    assert post(visitor, "audio/analyze", {"track": "song.wav"}).json() == found
    later = visitor.post("/internal/audio/analyze?async=true", content=clicks(), headers=KEY | WAV)
    named = post(visitor, "audio/analyze", {"track": "song.wav", "async": True})
    assert (later.status_code, named.status_code) == (202, 202)
    tracks = [
        manage.read_job(engine, UUID(answer.json()["job_id"])).input["track"]
        for answer in (later, named)
    ]
    assert storage.read(tracks[0]) == clicks()
    assert tracks[1] == "song.wav"


def test_what_is_no_sound_is_refused(visitor: TestClient, storage: Storage) -> None:
    def send(body: bytes, **headers: str) -> Response:
        return visitor.post("/internal/audio/analyze", content=body, headers=KEY | WAV | headers)

    assert send(b"no sound at all").status_code == 422
    assert send(b"").status_code == 422
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert send(b"--x--", **form).status_code == 415
    assert post(visitor, "audio/analyze", {"track": "none.wav"}).status_code == 404
    assert post(visitor, "audio/analyze", {"trakc": "a.wav"}).status_code == 422
    assert visitor.post("/internal/audio/analyze", content=clicks()).status_code == 401
    storage.write("text.wav", b"no sound at all")
    answer = post(visitor, "audio/analyze", {"track": "text.wav"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_film_and_a_clip_are_accepted_as_jobs(visitor: TestClient, engine: Engine) -> None:
    photos = [{"photo": "a.jpg", "weight": 2, "focus": [[0.5, 0.4]]}, {"photo": "b.jpg"}]
    film: Json = {
        "photos": photos, "music": {"track": "song.mp3"}, "template": "luxury", "length_s": 20,
        "formats": [{"aspect": "9:16"}], "words": {"headline": "Maple Street 7"},
    }  # fmt: skip
    options = {"listing_id": "42", "priority": 10}
    accepted = post(visitor, "video/render", film | options, **{"Idempotency-Key": "f1"})
    assert accepted.status_code == 202, accepted.text
    job = manage.read_job(engine, UUID(accepted.json()["job_id"]))
    assert (job.type, job.queue, job.listing_id, job.priority) == (
        "render_video", "video", "42", 10,
    )  # fmt: skip
    assert job.input == film
    again = post(visitor, "video/render", film | options, **{"Idempotency-Key": "f1"})
    assert again.json()["job_id"] == accepted.json()["job_id"]
    clip: Json = {"photo": {"photo": "a.jpg"}, "length_s": 3.0}
    accepted = post(visitor, "video/clips", clip)
    assert accepted.status_code == 202
    assert manage.read_job(engine, UUID(accepted.json()["job_id"])).input == clip


MELTING = {
    "clips": [
        {"photo": 0, "length_s": 1, "transition": {"kind": "melt"}},
        {"photo": 0, "length_s": 1},
    ]
}
PHOTO = {"photo": "a.jpg"}


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("render", {"photos": []}, ["photos"]),
        ("render", {"photos": [PHOTO] * 301}, ["photos", "300"]),
        ("render", {"photos": [{"photo": "a", "focus": [[2, 0]]}]}, ["focus"]),
        ("render", {"photos": [PHOTO], "length_s": 0.1}, ["length_s"]),
        ("render", {"photos": [PHOTO], "formats": [{"fps": 29}]}, ["fps"]),
        ("render", {"photos": [PHOTO], "template": "clam"}, ["clam", "calm", "luxury", "noir"]),
        ("render", {"photos": [PHOTO], "brand": {"colour": "red"}}, ["colour"]),
        ("render", {"photos": [PHOTO], "musik": {}}, ["musik"]),
        (
            "render",
            {"photos": [PHOTO], "template": {"name": "own", "motion": {"moves": ["fly"]}, "x": 1}},
            ["title", "motion.moves", "x"],
        ),
        ("clips", {"photo": PHOTO, "length_s": 31}, ["length_s"]),
        ("clips", {"photo": PHOTO, "template": "none"}, ["none", "calm"]),
        ("render", {"photos": [PHOTO], "timeline": MELTING}, ["melt", "crossfade", "cube"]),
        (
            "render",
            {"photos": [PHOTO], "timeline": {"clips": [{"photo": 3, "length_s": 1}]}},
            ["clip 0 shows photo 3"],
        ),
    ],
)
def test_what_cannot_be_rendered_is_refused_at_once_and_said_in_full(
    visitor: TestClient, path: str, body: Json, words: list[str]
) -> None:
    answer = post(visitor, f"video/{path}", body)
    assert answer.status_code == 422, answer.text
    detail = answer.json()["detail"]
    assert [word for word in words if word not in detail] == [], detail


def test_the_templates_that_there_are_can_be_asked_for(visitor: TestClient) -> None:
    answer = visitor.get("/internal/video/templates", headers=KEY)
    names = [template["name"] for template in answer.json()]
    assert {"calm", "luxury", "social"} <= set(names)
    assert names == sorted(names)
    assert visitor.get("/internal/video/templates").status_code == 401


@pytest.fixture(params=["folder", "s3"])
def files(request: pytest.FixtureRequest, page_settings: Settings) -> Storage:
    """A storage in a folder, and one that answers over HTTP."""
    if request.param == "folder":
        return open_storage(page_settings.storage())
    return open_storage(f"s3://{request.getfixturevalue('bucket')}/studio")


def film_of(engine: Engine, storage: Storage) -> UUID:
    """A job that has made a film and is making a preview."""
    work: Json = {"photos": [PHOTO]}
    job_id = submit(engine, NewJob(KINDS["render_video"], work, "backend"), 100).job_id
    storage.write(f"films/{job_id}/16x9-720p24.mp4", FILM)
    storage.write(f"films/{job_id}/preview/playlist.m3u8", PLAYLIST)
    storage.write(f"films/{job_id}/preview/init.mp4", b"init")
    storage.write("films/secret.mp4", b"secret")
    storage.write("secret.mp4", b"secret")
    return job_id


def test_a_film_is_handed_out_in_parts_from_wherever_it_is(
    page_settings: Settings, engine: Engine, files: Storage
) -> None:
    """As players ask for it, which seek."""
    job_id = film_of(engine, files)
    with open_client(page_settings, engine, files) as client:

        def get(name: str, **headers: str) -> Response:
            path = f"/internal/jobs/{job_id}/files/{name}"
            return client.get(path, headers=KEY | headers, follow_redirects=False)

        whole = get("16x9-720p24.mp4")
        assert (whole.status_code, whole.content) == (200, FILM)
        assert whole.headers["content-type"] == "video/mp4"
        assert whole.headers["accept-ranges"] == "bytes"
        assert int(whole.headers["content-length"]) == len(FILM)
        assert "max-age" in whole.headers["cache-control"]
        assert "media-src 'self'" in whole.headers["content-security-policy"]
        part = get("16x9-720p24.mp4", Range="bytes=100-199")
        assert (part.status_code, part.content) == (206, FILM[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(FILM)}"
        assert get("16x9-720p24.mp4", Range="bytes=-10").content == FILM[-10:]
        assert get("16x9-720p24.mp4", Range=f"bytes={len(FILM)}-").status_code == 416
        assert get("none.mp4").status_code == 404
        known = {"If-Range": whole.headers["etag"]}
        assert get("16x9-720p24.mp4", Range="bytes=0-9", **known).status_code == 206
        for behind in ("0-9", "9-8", f"{len(FILM)}-"):  # of another file than there is now
            other = get("16x9-720p24.mp4", Range=f"bytes={behind}", **{"If-Range": '"other"'})
            assert (other.status_code, other.content) == (200, FILM)


def test_a_link_opens_the_files_of_its_job_and_a_playlist_leads_on(
    page_settings: Settings, engine: Engine, files: Storage
) -> None:
    job_id, other = film_of(engine, files), film_of(engine, files)
    with open_client(page_settings, engine, files) as client:
        told = client.get(f"/internal/jobs/{job_id}", headers=KEY).json()["page_link"]
        query = told.partition("?")[2]
        base = f"/internal/jobs/{job_id}/files"
        assert client.get(f"{base}/16x9-720p24.mp4?{query}").content == FILM
        assert client.get(f"{base}/16x9-720p24.mp4").status_code == 401
        elsewhere = f"/internal/jobs/{other}/files/16x9-720p24.mp4?{query}"
        assert client.get(elsewhere).status_code == 401
        playlist = client.get(f"{base}/preview/playlist.m3u8?{query}")
        assert playlist.headers["cache-control"] == "no-store"
        assert f'URI="init.mp4?{query}"' in playlist.text
        lines = playlist.text.splitlines()
        assert lines[-1] == f"part-00000.m4s?{query}"
        assert [line for line in lines if line.startswith("#EXTINF")] == ["#EXTINF:1.0,"]
        assert client.get(f"{base}/preview/init.mp4?{query}").content == b"init"


@pytest.mark.parametrize(
    "name",
    [
        "../secret.mp4", "..%2fsecret.mp4", "%2e%2e/secret.mp4", "preview/../../secret.mp4",
        "preview%2f..%2f..%2fsecret.mp4", "..%5csecret.mp4", "%00", "preview/", ".hidden",
        "preview/preview/init.mp4", "%2fetc%2fpasswd", "16x9-720p24.mp4%00.jpg", "//etc/passwd",
    ],
)  # fmt: skip
def test_no_name_leads_out_of_a_job(
    visitor: TestClient, engine: Engine, storage: Storage, name: str
) -> None:
    job_id = film_of(engine, storage)
    answer = visitor.get(f"/internal/jobs/{job_id}/files/{name}", headers=KEY)
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_film_is_its_client_s_alone(
    visitor: TestClient, engine: Engine, storage: Storage
) -> None:
    path = f"/internal/jobs/{film_of(engine, storage)}/files/16x9-720p24.mp4"
    assert visitor.get(path, headers=KEY).status_code == 200
    assert visitor.get(path, headers=OTHERS_KEY).status_code == 404
    assert visitor.get(path).status_code == 401
