"""A small dataset of painted pictures: 20 homes with two rooms each, and 60 single photos."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
import yaml
from moto.server import ThreadedMotoServer

from serving.image import Image
from training.data.dataset import Dataset, open_dataset

Paint = Callable[[int], Image]


def paint_picture(seed: int, height: int = 90, width: int = 120) -> Image:
    random = np.random.default_rng(seed)
    patches = random.integers(30, 226, (6, 8, 3), np.uint8)
    smooth = cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    return (smooth + random.integers(-30, 31, smooth.shape)).clip(0, 255).astype(np.uint8)


def to_jpeg(image: Image, quality: int = 90) -> bytes:
    data: bytes = simplejpeg.encode_jpeg(image, quality=quality)
    return data


@pytest.fixture(scope="session")
def paint() -> Paint:
    return paint_picture


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    return to_jpeg


@pytest.fixture(scope="session")
def _painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painted")
    names = [f"homes/{room}/{n:03d}" for room in ("bathroom", "kitchen") for n in range(20)]
    names += [
        f"stock/{room}/{n:03d}" for room in ("bathroom", "kitchen", "pool") for n in range(20)
    ]
    for seed, name in enumerate(names):
        file = folder / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(to_jpeg(paint_picture(seed)))
    return folder


@pytest.fixture
def photos_folder(_painted: Path, tmp_path: Path) -> Path:
    """The painted photos, to be broken at will."""
    return Path(shutil.copytree(_painted, tmp_path / "data"))


@pytest.fixture
def dataset_folder(tmp_path: Path) -> Path:
    """What describes them, with the thresholds of the real dataset where they fit."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    for name, content in (
        ("taxonomy", _TAXONOMY),
        ("manifest", _MANIFEST),
        ("expectations", _EXPECTATIONS),
    ):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture
def dataset(dataset_folder: Path) -> Dataset:
    return open_dataset(dataset_folder)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 that speaks HTTP; buckets are shared by the session, so name them apart."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return s3_server


_WHY = "as in the real dataset"
_TAXONOMY = {
    "labels": [
        {"name": "bathroom", "scene": "interior"},
        {"name": "kitchen", "scene": "interior"},
        {"name": "pool", "scene": "exterior"},
    ]
}
_MANIFEST = {
    "sources": [
        {"name": "homes", "kind": "folder", "location": "homes", "listing": "stem"},
        {"name": "stock", "kind": "folder", "location": "stock"},
    ],
    "splits": {"salt": "test-1", "validation": 0.12, "test": 0.12},
}
_EXPECTATIONS = {
    "near_duplicates": {"radius_bits": 6, "why": _WHY},
    "photos": {
        "enough": {"at_least": 80, "why": _WHY},
        "readable": {"share": 0.99, "why": _WHY},
        "label_known": {"share": 1.0, "why": _WHY},
        "one_label": {"share": 0.97, "why": _WHY},
        "no_exact_copy": {"share": 0.98, "why": _WHY},
        "no_near_copy": {"share": 0.95, "why": _WHY},
        "usable": {"share": 0.97, "why": _WHY},
        "sides_px": {"low": 64, "share": 0.99, "why": _WHY},
        "colour_mode": {"allowed": ["RGB", "L"], "share": 0.99, "why": _WHY},
        "brightness": {"low": 25, "high": 235, "share": 0.99, "why": _WHY},
        "sharpness": {"low": 10, "share": 0.99, "why": _WHY},
    },
    "classes": {
        "enough": {"low": 15, "why": _WHY},
        "balance": {"low": 0.4, "why": _WHY},
        "sharpness_ratio": {"low": 0.5, "high": 2, "severity": "warning", "why": _WHY},
    },
    "sources": {
        "counts": {
            "within": 0.05,
            "why": _WHY,
            "photos": {
                "homes": {"bathroom": 20, "kitchen": 20},
                "stock": {"bathroom": 20, "kitchen": 20, "pool": 20},
            },
        },
        "usable": {"low": 0.9, "why": _WHY},
    },
    "frozen_test": {"present": {"share": 1.0, "why": _WHY}},
}
