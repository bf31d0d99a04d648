"""A large upload goes on where it broke off, by a client that we did not write."""

import base64
import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from serving.models.local import LocalModels
from serving.settings import Settings
from serving.storage.objects import Storage, open_storage
from serving.storage.prefixes import UPLOAD_PARTS
from serving.storage.uploads import NewUpload, Quota, UploadStore, key_of_upload
from tests.bentos.gateway_client import open_gateway_client
from tests.bentos.ports import on_a_port

tus_client = pytest.importorskip("tusclient.client", reason="needs the package tuspy")

PATH = "/internal/uploads/tus"
TUS = {"Tus-Resumable": "1.0.0"}
PART = TUS | {"Content-Type": "application/offset+octet-stream"}
DATA = bytes(range(256)) * 20_000  # 5 MB
OTHERS = ({"sha256": "b" * 64}, {"filename": "b.jpg"}, {"listing_id": "43"})


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def create(client: TestClient | httpx.Client, size: int, **metadata: str) -> str:
    pairs = ",".join(f"{name} {b64(value.encode())}" for name, value in metadata.items())
    headers = TUS | {"Upload-Length": str(size), "Upload-Metadata": pairs}
    answer = client.post(PATH, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def patch(
    client: TestClient | httpx.Client, url: str, offset: int, data: bytes, **more: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    headers = PART | {"Upload-Offset": str(offset)} | named
    return cast(httpx.Response, client.patch(url, content=data, headers=headers))


def offset_of(client: TestClient | httpx.Client, url: str) -> int:
    return int(client.head(url, headers=TUS).headers["Upload-Offset"])


def kept(client: TestClient | httpx.Client, url: str) -> dict[str, object]:
    return dict(client.get(url.replace("/tus/", "/")).json())


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, storage: Storage) -> Storage:
    if request.param == "folder":
        return storage
    return open_storage(f"s3://{request.getfixturevalue('bucket')}/studio")


@pytest.fixture
def gateway(
    app_settings: Settings, engine: Engine, place: Storage, models: LocalModels
) -> Iterator[str]:
    with (
        open_gateway_client(app_settings, engine, place, models) as client,
        on_a_port(client.app) as url,
    ):
        yield url


def test_a_tus_client_sends_a_file_in_chunks_and_goes_on_after_a_break(
    gateway: str, place: Storage, tmp_path: Path
) -> None:
    file = tmp_path / "song.flac"
    file.write_bytes(DATA)
    client = tus_client.TusClient(f"{gateway}{PATH}", headers={"X-API-Key": "key"})
    metadata = {"filename": "song.flac", "filetype": "audio/flac", "listing_id": "42"}
    first = client.uploader(str(file), chunk_size=2**20, metadata=metadata, upload_checksum=True)
    first.upload_chunk()
    first.upload_chunk()
    # another process, which knows nothing but the URL
    rest = client.uploader(str(file), chunk_size=2**20, url=first.url)
    assert rest.offset == 2 * 2**20
    rest.upload()
    with httpx.Client(base_url=gateway, headers={"X-API-Key": "key"}) as reader:
        told = kept(reader, urlsplit(first.url).path)
    assert told["ready"] is True
    assert told["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert (told["name"], told["content_type"], told["listing_id"]) == (
        "song.flac",
        "audio/flac",
        "42",
    )
    assert place.read(str(told["key"])) == DATA
    assert list(place.keys(f"{UPLOAD_PARTS}/")) == []


def test_what_arrived_before_the_line_broke_is_not_sent_again(gateway: str, place: Storage) -> None:
    with httpx.Client(base_url=gateway, headers={"X-API-Key": "key"}, timeout=30) as client:
        url = create(client, len(DATA))
        parts = urlsplit(gateway)
        with socket.create_connection((parts.hostname, parts.port)) as line:
            head = "".join(
                f"{name}: {value}\r\n"
                for name, value in (
                    PART | {"Upload-Offset": "0", "X-API-Key": "key", "Host": "x"}
                    | {"Content-Length": str(len(DATA))}
                ).items()
            )  # fmt: skip
            line.sendall(f"PATCH {url} HTTP/1.1\r\n{head}\r\n".encode() + DATA[:3_000_000])
            time.sleep(0.3)
        until = time.monotonic() + 30
        while (offset := offset_of(client, url)) == 0:
            assert time.monotonic() < until, "nothing of it was kept"
            time.sleep(0.05)
        assert 0 < offset <= 3_000_000
        assert patch(client, url, offset, DATA[offset:]).status_code == 204
        assert place.read(str(kept(client, url)["key"])) == DATA


def test_of_two_parts_for_the_same_place_one_counts(client: TestClient, storage: Storage) -> None:
    url = create(client, 6)
    assert patch(client, url, 0, b"abc").headers["Upload-Offset"] == "3"
    refused = patch(client, url, 0, b"xyz")
    assert refused.status_code == 409
    assert offset_of(client, url) == 3
    assert patch(client, url, 3, b"def").headers["Upload-Offset"] == "6"
    assert storage.read(str(kept(client, url)["key"])) == b"abcdef"


@hypothesis_settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.binary(min_size=1, max_size=200), st.lists(st.integers(1, 60), max_size=8))
def test_however_it_is_cut_the_whole_is_what_was_sent(
    client: TestClient, storage: Storage, data: bytes, cuts: list[int]
) -> None:
    url, offset = create(client, len(data)), 0
    for size in [*cuts, len(data)]:
        piece = data[offset : offset + size]
        if not piece:
            break
        offset = int(patch(client, url, offset, piece).headers["Upload-Offset"])
    told = kept(client, url)
    assert told["sha256"] == hashlib.sha256(data).hexdigest()
    assert storage.read(str(told["key"])) == data


def test_a_part_with_a_wrong_checksum_is_dropped_and_sent_again(client: TestClient) -> None:
    url = create(client, 3)
    good, bad = (f"sha256 {b64(hashlib.sha256(data).digest())}" for data in (b"abc", b"abd"))
    assert patch(client, url, 0, b"abc", Upload_Checksum=bad).status_code == 460
    assert offset_of(client, url) == 0
    assert patch(client, url, 0, b"abc", Upload_Checksum="crc32 AAAA").status_code == 422
    assert patch(client, url, 0, b"abc", Upload_Checksum=good).status_code == 204


def test_a_whole_that_is_not_what_was_promised_is_gone(
    client: TestClient, storage: Storage
) -> None:
    url = create(client, 3, sha256=hashlib.sha256(b"abc").hexdigest())
    assert patch(client, url, 0, b"abd").status_code == 460
    assert client.head(url, headers=TUS).status_code == 404
    assert [*storage.keys("uploads/"), *storage.keys(f"{UPLOAD_PARTS}/")] == []


def test_a_file_may_come_with_its_creation(client: TestClient, storage: Storage) -> None:
    headers = PART | {"Upload-Length": "5", "Upload-Metadata": f"filetype {b64(b'text/plain')}"}
    answer = client.post(PATH, content=b"bytes", headers=headers)
    assert answer.status_code == 201
    assert answer.headers["Upload-Offset"] == "5"
    assert storage.read(str(kept(client, answer.headers["Location"])["key"])) == b"bytes"


def test_the_same_idempotency_key_begins_one_upload(client: TestClient) -> None:
    headers = TUS | {"Upload-Length": "5", "Idempotency-Key": "a"}
    places = {client.post(PATH, headers=headers).headers["Location"] for _ in range(3)}
    assert len(places) == 1
    refused = client.post(PATH, headers=headers | {"Upload-Length": "6"})
    assert refused.json()["title"] == "KeyReused"


def test_a_gateway_that_died_before_it_made_one_of_all_parts_is_followed_by_another(
    client: TestClient, storage: Storage, engine: Engine, tmp_path: Path
) -> None:
    url = create(client, 6)
    patch(client, url, 0, b"abc")
    # the last part was noted, and then there was no more of that gateway
    part = tmp_path / "part"
    part.write_bytes(b"def")
    from serving.storage.uploads import Quota, UploadStore

    store = UploadStore(engine, storage, Quota(10, 10, 10))
    store.add_part(UUID(url.rpartition("/")[2]), 3, part)
    assert kept(client, url)["ready"] is False
    assert offset_of(client, url) == 6
    assert kept(client, url)["ready"] is True
    assert storage.read(str(kept(client, url)["key"])) == b"abcdef"


def test_an_unfinished_upload_is_no_key_and_can_be_ended(
    client: TestClient, storage: Storage
) -> None:
    url = create(client, 6)
    patch(client, url, 0, b"abc")
    asked = {"photos": [kept(client, url)["key"]], "async": True}
    assert client.post("/internal/photos/classify", json=asked).status_code == 404
    assert client.delete(url, headers=TUS).status_code == 204
    assert client.head(url, headers=TUS).status_code == 404
    assert list(storage.keys(f"{UPLOAD_PARTS}/")) == []


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Upload-Length": "5"}, 412),
        ("POST", {"Upload-Length": "5", "Tus-Resumable": "0.2.2"}, 412),
        ("POST", TUS, 422),
        ("POST", TUS | {"Upload-Length": "0"}, 422),
        ("POST", TUS | {"Upload-Length": str(2**40)}, 413),
        ("POST", TUS | {"Upload-Length": "5", "Upload-Metadata": "filename %%%"}, 422),
    ],
)
def test_what_is_not_tus_is_refused_by_a_problem(
    client: TestClient, method: str, headers: dict[str, str], status: int
) -> None:
    answer = client.request(method, PATH, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 412:
        assert answer.headers["Tus-Version"] == "1.0.0"


def test_what_is_understood_is_said_to_everybody(client: TestClient) -> None:
    said = client.options(PATH, headers={"X-API-Key": ""})
    assert said.status_code == 204
    assert said.headers["Tus-Version"] == "1.0.0"
    assert "creation" in said.headers["Tus-Extension"]
    assert int(said.headers["Tus-Max-Size"]) == 2**30


def test_more_than_was_said_is_not_taken(client: TestClient) -> None:
    url = create(client, 3)
    assert patch(client, url, 0, b"abcd").status_code == 413
    assert offset_of(client, url) == 0


@pytest.mark.parametrize(
    "said", ["image/jpeg\r\nx-amz-acl: public-read", "image/jp\u00e9g", "photo"]
)
def test_a_type_that_no_header_may_hold_is_kept_as_bytes(gateway: str, said: str) -> None:
    with httpx.Client(base_url=gateway, headers={"X-API-Key": "key"}, timeout=60) as client:
        url = create(client, 5, filetype=said)
        assert patch(client, url, 0, b"hello").status_code == 204
        told = kept(client, url)
    assert (told["ready"], told["content_type"]) == (True, "application/octet-stream")


@pytest.mark.parametrize(
    "said", [{"listing_id": "4" * 201}, {"sha256": "abc"}, {"sha256": "z" * 64}]
)
def test_what_could_not_hold_at_the_end_is_refused_at_the_beginning(
    client: TestClient, said: dict[str, str]
) -> None:
    pairs = ",".join(f"{name} {b64(value.encode())}" for name, value in said.items())
    answer = client.post(PATH, headers=TUS | {"Upload-Length": "5", "Upload-Metadata": pairs})
    assert (answer.status_code, answer.json()["title"]) == (422, "BadInput")


def test_a_key_that_began_another_upload_is_refused(client: TestClient) -> None:
    began = {"filename": "a.jpg", "sha256": "a" * 64, "listing_id": "42"}
    answers = []
    for said in (began, began, *(began | other for other in OTHERS)):
        pairs = ",".join(f"{name} {b64(value.encode())}" for name, value in said.items())
        headers = {"Upload-Length": "5", "Upload-Metadata": pairs, "Idempotency-Key": "k"}
        answers.append(client.post(PATH, headers=TUS | headers))
    assert [answer.status_code for answer in answers] == [201, 201, 422, 422, 422]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert {answer.json()["title"] for answer in answers[2:]} == {"KeyReused"}


def test_an_upload_that_two_make_whole_at_once_is_whole_for_both(
    engine: Engine, storage: Storage, settings: Settings, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A client whose line broke at the end asks (`HEAD`) while the first request still joins."""
    store = UploadStore(engine, storage, Quota.of(settings))
    row = store.begin(NewUpload("backend", "image/jpeg"), 4)
    (tmp_path / "sent").write_bytes(b"abcd")
    store.add_part(row.id, 0, tmp_path / "sent")
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    read_to = storage.read_to

    def read_late(key: str, path: Path, max_bytes: int | None = None) -> None:
        monkeypatch.setattr(storage, "read_to", read_to)
        store.finish(row.id, tmp_path / "other")
        read_to(key, path, max_bytes)

    monkeypatch.setattr(storage, "read_to", read_late)
    assert store.finish(row.id, tmp_path / "one").ready
    assert storage.read(key_of_upload(row.id)) == b"abcd"


def test_a_method_may_be_named_in_a_header_where_the_way_takes_post_alone(
    client: TestClient,
) -> None:
    url = create(client, 5)
    named = PART | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert client.post(url, content=b"hello", headers=named).status_code == 204
    assert kept(client, url)["ready"] is True
    elsewhere = client.post(
        str(kept(client, url)["url"]), headers={"X-HTTP-Method-Override": "DELETE"}
    )
    assert elsewhere.status_code == 405
