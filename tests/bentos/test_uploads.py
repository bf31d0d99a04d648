"""A backend without access to the storage sends its files here, and they are its own."""

import base64
import hashlib
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from bentos.gateway.body_files import BodyFile
from serving.access.api_keys import hash_key
from serving.errors import OffsetConflict, StorageFull, StorageUnavailable
from serving.models.local import LocalModels
from serving.settings import Settings
from serving.storage.objects import Storage, open_storage
from serving.storage.prefixes import UPLOAD_PARTS
from serving.storage.uploads import NewUpload, Quota, UploadStore, key_of_upload
from tests.bentos.gateway_client import open_gateway_client
from tests.bentos.ports import on_a_port
from tests.fakes import RED, jpeg

OTHER = {"X-API-Key": "another key"}


@pytest.fixture
def app_settings(settings: Settings) -> Settings:
    keys = {"backend": (hash_key("key"),), "other": (hash_key("another key"),)}
    return settings.model_copy(update={"api_keys": keys})


def send(client: TestClient, data: bytes, **headers: str) -> dict[str, object]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    told = {"Content-Type": "image/jpeg"} | named
    answer = client.post("/internal/uploads", content=data, headers=told)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json()) | {"replayed": answer.headers.get("Idempotency-Replayed")}


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_a_photo_that_was_sent_can_be_named_wherever_a_key_is_taken(
    where: str,
    app_settings: Settings,
    engine: Engine,
    storage: Storage,
    models: LocalModels,
    request: pytest.FixtureRequest,
) -> None:
    if where == "s3":
        storage = open_storage(f"s3://{request.getfixturevalue('bucket')}/studio")
    with open_gateway_client(app_settings, engine, storage, models) as client:
        photo = jpeg(RED)
        kept = send(client, photo, X_Listing_Id="42")
        assert kept["sha256"] == hashlib.sha256(photo).hexdigest()
        assert kept["bytes"] == kept["received"] == len(photo)
        assert kept["content_type"] == "image/jpeg"
        assert kept["ready"] is True
        key = str(kept["key"])
        assert storage.read(key) == photo
        assert storage.stat(key).content_type == "image/jpeg"
        found = client.post("/internal/photos/classify", json={"photos": [key]}).json()
        assert "error" not in found["results"][0]
        job = client.post("/internal/photos/classify", json={"photos": [key], "async": True})
        assert job.status_code == 202


def test_the_same_bytes_for_the_same_listing_are_one_upload(client: TestClient) -> None:
    first = send(client, b"bytes", X_Listing_Id="42")
    again = send(client, b"bytes", X_Listing_Id="42")
    assert again["upload_id"] == first["upload_id"]
    assert (first["replayed"], again["replayed"]) == (None, "true")
    assert send(client, b"bytes", X_Listing_Id="43")["upload_id"] != first["upload_id"]
    assert send(client, b"others", X_Listing_Id="42")["upload_id"] != first["upload_id"]


def test_an_idempotency_key_stands_for_one_file(client: TestClient) -> None:
    first = send(client, b"bytes", Idempotency_Key="a")
    assert send(client, b"bytes", Idempotency_Key="a")["upload_id"] == first["upload_id"]
    refused = client.post("/internal/uploads", content=b"others", headers={"Idempotency-Key": "a"})
    assert refused.status_code == 422
    assert refused.json()["title"] == "KeyReused"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


GOOD = {
    "Content-Digest": f"sha-256=:{b64(hashlib.sha256(b'bytes').digest())}:",
    "Repr-Digest": f"md5=:AAAA:, sha-512=:{b64(hashlib.sha512(b'bytes').digest())}:",
    "x-amz-checksum-sha256": b64(hashlib.sha256(b"bytes").digest()),
    "Content-MD5": b64(hashlib.md5(b"bytes").digest()),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_checksum_is_compared_with_what_arrived(client: TestClient, name: str) -> None:
    taken = client.post("/internal/uploads", content=b"bytes", headers={name: GOOD[name]})
    assert taken.status_code == 201
    refused = client.post("/internal/uploads", content=b"bytez", headers={name: GOOD[name]})
    assert refused.status_code == 422
    assert refused.json()["title"] == "DigestMismatch"
    assert len(client.get("/internal/uploads").json()["uploads"]) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-checksum-crc32", "AAAAAA=="), ("Content-Digest", "crc32c=:AAAAAA==:"),
        ("Content-Digest", "sha-256=abc"), ("Content-Digest", "sha-256=:a:"), ("Content-MD5", "?"),
    ],
)  # fmt: skip
def test_a_checksum_that_is_not_checked_is_refused(
    client: TestClient, name: str, value: str
) -> None:
    refused = client.post("/internal/uploads", content=b"bytes", headers={name: value})
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("application/x-www-form-urlencoded", b"a=b", 415),
        ("image/jpeg", b"", 422),
    ],
)
def test_what_is_no_file_is_refused(
    client: TestClient, kind: str, data: bytes, status: int
) -> None:
    answer = client.post("/internal/uploads", content=data, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_upload_is_seen_used_and_deleted_by_its_client_alone(client: TestClient) -> None:
    kept = send(client, jpeg(RED))
    key, url = kept["key"], str(kept["url"])
    assert client.get(url, headers=OTHER).status_code == 404
    assert client.delete(url, headers=OTHER).status_code == 404
    assert client.get("/internal/uploads", headers=OTHER).json()["uploads"] == []
    for written in (key, f"./{key}", str(key).replace("-", "%2d")):
        asked = {"photos": [written]}
        at_once = client.post("/internal/photos/classify", json=asked, headers=OTHER)
        later = client.post(
            "/internal/photos/classify", json=asked | {"async": True}, headers=OTHER
        )
        assert at_once.status_code == later.status_code == 404, written
        assert later.json()["title"] == "ObjectNotFound"
    assert client.get(url).json()["key"] == key


def test_uploads_are_listed_newest_first_page_by_page_and_by_listing(client: TestClient) -> None:
    made = [send(client, f"{n}".encode(), X_Listing_Id=str(n % 2))["upload_id"] for n in range(5)]
    seen, cursor = [], None
    while True:
        page = client.get(
            "/internal/uploads", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [row["upload_id"] for row in page["uploads"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    odd = client.get("/internal/uploads", params={"listing_id": "1"}).json()["uploads"]
    assert [row["upload_id"] for row in odd] == [made[3], made[1]]


def test_an_upload_that_a_job_waits_for_is_not_deleted_before_its_end(
    client: TestClient, storage: Storage
) -> None:
    kept = send(client, jpeg(RED))
    asked = {"photos": [kept["key"]], "async": True}
    job_id = client.post("/internal/photos/classify", json=asked).json()["job_id"]
    refused = client.delete(str(kept["url"]))
    assert refused.status_code == 409
    assert job_id in refused.json()["detail"]
    client.delete(f"/internal/jobs/{job_id}")
    assert client.delete(str(kept["url"])).status_code == 204
    assert not storage.exists(str(kept["key"]))
    assert client.get(str(kept["url"])).status_code == 404


def test_a_raw_body_of_a_job_is_an_upload_too(client: TestClient) -> None:
    sent = {"content": jpeg(RED), "headers": {"Content-Type": "image/jpeg", "X-Listing-Id": "42"}}
    assert client.post("/internal/photos/classify?async=true", **sent).status_code == 202  # type: ignore[arg-type]
    (kept,) = client.get("/internal/uploads").json()["uploads"]
    assert (kept["listing_id"], kept["content_type"]) == ("42", "image/jpeg")


@dataclass
class _Store:
    store: UploadStore
    storage: Storage

    def keep(self, data: bytes, client: str = "a") -> UUID:
        new = NewUpload(client, "text/plain")
        row, _ = self.store.keep(
            new, hashlib.sha256(data).hexdigest(), len(data), lambda k: self.storage.write(k, data)
        )
        return row.id


@pytest.fixture
def small(engine: Engine, storage: Storage) -> _Store:
    quota = Quota(upload_bytes=100, client_bytes=250, uploads=4)
    return _Store(UploadStore(engine, storage, quota), storage)


def test_a_client_keeps_no_more_than_its_quota_and_no_other_pays(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> None:
    tight = {"max_upload_bytes": 100, "upload_quota_bytes": 250, "max_uploads": 3}
    with open_gateway_client(
        app_settings.model_copy(update=tight), engine, storage, models
    ) as client:
        too_large = client.post("/internal/uploads", content=bytes(101))
        assert (too_large.status_code, too_large.json()["title"]) == (413, "TooLarge")
        kept = [send(client, bytes([n]) * 100) for n in range(2)]
        full = client.post("/internal/uploads", content=bytes([7]) * 51)
        assert (full.status_code, full.json()["title"]) == (413, "QuotaExceeded")
        assert client.post("/internal/uploads", content=bytes(9), headers=OTHER).is_success
        client.delete(str(kept[0]["url"]))
        assert client.post("/internal/uploads", content=bytes([7]) * 51).is_success
        assert client.post("/internal/uploads", content=b"third").is_success
        many = client.post("/internal/uploads", content=b"fourth")
        assert (many.status_code, many.json()["title"]) == (413, "QuotaExceeded")


def test_what_died_while_it_was_written_leaves_a_row_and_is_made_whole_by_the_next(
    small: _Store, engine: Engine
) -> None:
    def fail(key: str) -> None:
        raise StorageUnavailable(key)

    sha256 = hashlib.sha256(b"x").hexdigest()
    with pytest.raises(StorageUnavailable):
        small.store.keep(NewUpload("a", "text/plain"), sha256, 1, fail)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT ready FROM uploads")) is False
    upload_id = small.keep(b"x")
    assert small.store.read(upload_id).ready


def test_a_file_of_json_is_a_file_like_any_other(client: TestClient) -> None:
    assert send(client, bytes(5 * 2**20), Content_Type="application/json")["bytes"] == 5 * 2**20


def test_a_body_that_the_disk_has_no_room_for_is_told_as_that() -> None:
    with pytest.raises(StorageFull):
        BodyFile(Path("/dev/full")).append(bytes(2**20))


def test_of_two_gateways_that_append_at_the_same_place_one_counts(
    small: _Store, tmp_path: Path
) -> None:
    row = small.store.begin(NewUpload("a", "text/plain"), 6)
    part = tmp_path / "part"

    def append(data: bytes) -> bytes | None:
        (own := tmp_path / f"{data!r}").write_bytes(data)
        try:
            small.store.add_part(row.id, 0, own)
        except OffsetConflict:
            return None
        return data

    with ThreadPoolExecutor(4) as pool:
        counted = [data for data in pool.map(append, (b"abc", b"def", b"ghi", b"jkl")) if data]
    assert len(counted) == 1
    assert len(list(small.storage.keys(f"{UPLOAD_PARTS}/"))) == 1, "what lost the race is removed"
    part.write_bytes(b"xyz")
    assert small.store.add_part(row.id, 3, part) == 6
    assert small.storage.read(key_of_upload(small.store.finish(row.id, tmp_path).id)) == (
        counted[0] + b"xyz"
    )


def test_a_large_body_is_never_held_in_memory(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(64):
            yield bytes([number]) * 2**20

    with (
        open_gateway_client(app_settings, engine, storage, models) as client,
        on_a_port(client.app) as url,
        httpx.Client(base_url=url, headers={"X-API-Key": "key"}, timeout=120) as sender,
    ):
        sender.post("/internal/uploads", content=b"whatever is opened once")
        tracemalloc.start()
        try:
            kept = sender.post("/internal/uploads", content=pieces()).json()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert kept["bytes"] == 64 * 2**20
    assert kept["sha256"] == hashlib.sha256(b"".join(pieces())).hexdigest()
    assert peak < 24 * 2**20


@pytest.mark.parametrize("said", ["image/jp\u00e9g", "photo", "image/", "a" * 300])
def test_a_type_that_is_none_is_kept_as_bytes(client: TestClient, said: str) -> None:
    headers = {"Content-Type": said.encode("latin-1")}
    answer = client.post("/internal/uploads", content=b"abc", headers=headers)
    assert answer.status_code == 201
    assert answer.json()["content_type"] == "application/octet-stream"


def test_a_listing_has_as_many_characters_in_a_header_as_in_json(client: TestClient) -> None:
    for listing, status in (("Ж" * 200, 201), ("Ж" * 201, 422)):
        headers = {"X-Listing-Id": listing.encode()}
        answer = client.post("/internal/uploads", content=listing.encode(), headers=headers)
        assert answer.status_code == status
        assert answer.json().get("listing_id", listing) == listing
