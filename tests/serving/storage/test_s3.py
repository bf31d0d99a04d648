"""Whatever the way to S3 does, no altered byte is stored or read, and trouble has a name."""

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.retries.standard import ExponentialBackoff
from types_boto3_s3 import S3Client

from serving.errors import BadInput, Corrupted, StorageUnavailable
from serving.settings import Settings
from serving.storage.objects import storage_of
from serving.storage.s3 import S3Storage
from serving.storage.s3_options import S3Options
from tests.serving.storage.faults import ALL, ANSWERS, Faults, bad_way

PHOTO = bytes(range(256)) * 40
FILM = os.urandom(9 * 2**20)
QUICK = S3Options(read_timeout_s=0.4, connect_timeout_s=1, attempts=3, multipart_bytes=2**20)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def client(s3: str) -> S3Client:
    """The straight way to the same S3."""
    return boto3.client("s3", endpoint_url=s3)


def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 not wait up to a second, then two, between its attempts."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.01)


@pytest.fixture
def storage(
    s3: str, bucket: str, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> Iterator[S3Storage]:
    """An S3 at the end of a bad way."""
    _hurry(monkeypatch)
    with bad_way(s3, faults) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield S3Storage(bucket, "studio", QUICK)


@pytest.mark.parametrize("fault", ALL)
def test_an_object_comes_through_a_fault_on_each_way(
    storage: S3Storage, faults: Faults, fault: str
) -> None:
    faults.next(fault)
    storage.write("a.jpg", PHOTO)
    assert storage.read("a.jpg") == PHOTO
    assert faults.done[fault] == 1


@pytest.mark.parametrize("fault", ALL)
def test_a_film_comes_through_a_fault_on_each_way(
    storage: S3Storage, faults: Faults, fault: str, tmp_path: Path
) -> None:
    (tmp_path / "film.mp4").write_bytes(FILM)
    faults.next(fault)
    storage.write_from(tmp_path / "film.mp4", "film.mp4")
    storage.read_to("film.mp4", tmp_path / "back.mp4")
    assert (tmp_path / "back.mp4").read_bytes() == FILM
    assert faults.done[fault] == 1


@pytest.mark.parametrize(
    "fault", [*ANSWERS, "reset", "lost", "cut", pytest.param("hang", marks=pytest.mark.slow)]
)
def test_trouble_that_stays_is_named_as_passing(
    storage: S3Storage, faults: Faults, fault: str, tmp_path: Path
) -> None:
    storage.write("a.jpg", PHOTO)
    faults.at_random(1, (fault,))
    with pytest.raises(StorageUnavailable, match=r"a\.jpg"):
        storage.read("a.jpg")
    with pytest.raises(StorageUnavailable):
        storage.read_to("a.jpg", tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["flip", "short"])
def test_bytes_that_stay_altered_are_never_returned(
    storage: S3Storage, faults: Faults, fault: str, tmp_path: Path
) -> None:
    storage.write("a.jpg", PHOTO)
    faults.at_random(1, (fault,))
    with pytest.raises(Corrupted):
        storage.read("a.jpg")
    with pytest.raises(Corrupted):
        storage.read_to("a.jpg", tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [PHOTO, FILM], ids=["whole", "in parts"])
def test_what_is_always_altered_on_the_way_there_is_not_kept(
    storage: S3Storage, faults: Faults, client: S3Client, bucket: str, content: bytes
) -> None:
    faults.at_random(1, ("flip sent",))
    with pytest.raises(Corrupted):
        storage.write("a.jpg", content)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_film_changed_inside_s3_is_found_out_though_it_was_sent_in_parts(
    storage: S3Storage, client: S3Client, bucket: str
) -> None:
    storage.write("film.mp4", FILM)
    known = client.head_object(Bucket=bucket, Key="studio/film.mp4")
    assert known["ETag"].endswith('-2"')
    client.put_object(
        Bucket=bucket, Key="studio/film.mp4", Body=FILM[:-1] + b"?", Metadata=known["Metadata"]
    )
    with pytest.raises(Corrupted):
        storage.read("film.mp4")


def test_what_others_put_there_is_read_without_a_checksum_of_ours(
    storage: S3Storage, client: S3Client, bucket: str
) -> None:
    client.put_object(Bucket=bucket, Key="studio/up/a.jpg", Body=PHOTO, ContentType="image/jpeg")
    client.put_object(Bucket=bucket, Key="studio/up/", Body=b"")
    assert storage.read("up/a.jpg") == PHOTO
    assert storage.stat("up/a.jpg").sha256 is None
    assert list(storage.keys("up/")) == ["up/a.jpg"]


def test_an_etag_that_is_no_md5_leads_to_reading_back(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = storage._client.put_object

    def other_etag(**wanted: object) -> dict[str, object]:
        return {**put(**wanted), "ETag": '"of another kind"'}  # type: ignore[arg-type]

    monkeypatch.setattr(storage._client, "put_object", other_etag)
    storage.write("a.jpg", PHOTO)
    assert storage.read("a.jpg") == PHOTO


def test_a_presigned_url_opens_for_anybody(storage: S3Storage) -> None:
    storage.write("a b/ü.jpg", PHOTO)
    url = storage.url_for("a b/ü.jpg", expires_s=60)
    answer = httpx.get(url)
    assert answer.content == PHOTO
    assert answer.headers["content-type"] == "image/jpeg"
    assert "X-Amz-Expires=60" in url


@pytest.mark.parametrize("content", [PHOTO, FILM], ids=["whole", "in parts"])
@pytest.mark.parametrize(
    ("encryption", "key"), [("AES256", None), ("aws:kms", None), ("aws:kms", "alias/studio")]
)
def test_the_settings_encrypt_what_is_written(
    bucket: str, client: S3Client, encryption: str, key: str | None, content: bytes
) -> None:
    settings = Settings.model_validate(
        {
            "storage_url": f"s3://{bucket}",
            "storage_encryption": encryption,
            "storage_kms_key": key,
        }
    )
    storage = storage_of(settings)
    storage.write("a.jpg", content)
    assert storage.read("a.jpg") == content
    known = client.head_object(Bucket=bucket, Key="a.jpg")
    assert known["ServerSideEncryption"] == encryption
    assert known.get("SSEKMSKeyId") == key


@pytest.mark.usefixtures("s3")
def test_a_missing_bucket_a_wrong_endpoint_and_a_long_key_have_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nowhere = S3Storage("no-such-bucket", options=QUICK)
    with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
        nowhere.read("a")
    with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
        list(nowhere.keys())
    with pytest.raises(BadInput):
        nowhere.read("ü" * 513)
    _hurry(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StorageUnavailable):
        S3Storage("bucket", options=QUICK).write("a", b"")


@pytest.mark.slow
def test_nothing_is_lost_or_altered_when_a_third_of_all_requests_fail(
    storage: S3Storage, faults: Faults, client: S3Client, bucket: str
) -> None:
    faults.at_random(0.3)
    written: dict[str, bytes] = {}
    for number in range(40):
        key = f"{number % 30}.bin"
        written[key] = hashlib.sha256(str(number).encode()).digest() * (number * 7 + 1)
        _until_it_works(storage.write, key, written[key])
        assert _until_it_works(storage.read, key) == written[key]
    assert sum(faults.done.values()) > 25
    faults.next()
    assert sorted(storage.keys()) == sorted(written)
    for key, data in written.items():
        assert storage.read(key) == data
        assert client.get_object(Bucket=bucket, Key=f"studio/{key}")["Body"].read() == data


def _until_it_works(action: Callable[..., bytes | None], *arguments: object) -> bytes | None:
    """Do as the job worker does: again, while the error is a passing one."""
    for _ in range(20):
        with contextlib.suppress(StorageUnavailable, Corrupted):
            return action(*arguments)
    raise AssertionError("it never worked")


@pytest.mark.slow
def test_a_large_film_is_moved_in_little_memory(bucket: str, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(300 * 2**20)
    code = f"""
import resource
from pathlib import Path
from serving.storage.objects import open_storage
storage = open_storage("s3://{bucket}")
storage.write("warm", b"up")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
storage.write_from(Path("{film}"), "film.mp4")
storage.read_to("film.mp4", Path("{film}.back"))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert (tmp_path / "film.mp4.back").stat().st_size == 300 * 2**20
    assert int(done.stdout) < 150, "MB"
