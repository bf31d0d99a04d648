import numpy as np
import pytest
import simplejpeg

from serving.photos.quality.compression import header_severity, jpeg_quality

PHOTO = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)


@pytest.mark.parametrize("quality", [10, 35, 50, 75, 92])
def test_jpeg_quality_is_read_from_the_table(quality: int) -> None:
    found = jpeg_quality(simplejpeg.encode_jpeg(PHOTO, quality=quality))
    assert found == pytest.approx(quality, abs=1)


def test_header_severity_rises_as_quality_falls() -> None:
    files = [simplejpeg.encode_jpeg(PHOTO, quality=quality) for quality in (95, 60, 30, 5)]
    found = [header_severity(file) for file in files]
    assert found == sorted(found)
    assert found[-1] > 0.9


@pytest.mark.parametrize(
    "file", [b"", b"\x89PNG", b"\xff\xd8", b"\xff\xd8\xff\xdb\x00\x43\x00" + b"\x10" * 9]
)
def test_a_file_without_a_table_admits_nothing(file: bytes) -> None:
    assert jpeg_quality(file) is None
    assert header_severity(file) == 0
