"""How strongly a JPEG was compressed, by the quantisation table in its header."""

import numpy as np
from numpy.typing import NDArray

# Severity of compression by quality as libjpeg counts it: blocks are seen from about 50 down.
QUALITIES = (1, 5, 10, 20, 30, 50, 75, 85, 95, 100)
SEVERITIES = (1.0, 0.94, 0.82, 0.63, 0.5, 0.35, 0.18, 0.1, 0.03, 0.0)
# The luma table of ITU-T T.81, annex K, which quality 50 means, by size.
_AT_50 = np.array([
     10, 11, 12, 12, 13, 14, 14, 14, 16, 16, 16, 17, 18, 19, 22, 22,
     24, 24, 24, 26, 29, 35, 37, 40, 40, 49, 51, 51, 55, 55, 56, 56,
     57, 58, 60, 61, 62, 64, 64, 68, 69, 72, 77, 78, 80, 81, 87, 87,
     92, 92, 95, 98, 99, 100, 101, 103, 103, 103, 104, 109, 112, 113, 120, 121,
])  # fmt: skip
_LARGEST = 255  # that a baseline table can hold: what would be larger says less than it should
_DQT, _SOS = 0xDB, 0xDA


def jpeg_quality(data: bytes) -> float | None:
    """Return the quality, 1..100, whose luma table is as coarse as the file's on average.

    None where the file is no JPEG, or has no table before its pixels. What was compressed before
    and saved again as a better JPEG keeps its blocks but not its table: only pixels show that.

    Examples
    --------
    >>> import simplejpeg
    >>> grey = np.full((16, 16, 1), 99, np.uint8)
    >>> round(jpeg_quality(simplejpeg.encode_jpeg(grey, quality=30, colorspace="GRAY")))
    30
    """
    table = _luma_table(data)
    if table is None:
        return None
    known = max(1, int((table < _LARGEST).sum()))
    scale = 100 * float(table[:known].sum() / _AT_50[:known].sum())
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return float(np.clip(quality, 1, 100))


def header_severity(data: bytes) -> float:
    """Return how bad the compression is that the header admits, 0..1; 0 where it says nothing."""
    quality = jpeg_quality(data)
    return 0.0 if quality is None else float(np.interp(quality, QUALITIES, SEVERITIES))


def _luma_table(data: bytes) -> NDArray[np.float64] | None:
    """Return table 0 of the first DQT segments, its values rising (ITU-T T.81, B.2.4.1)."""
    at = 2 if data.startswith(b"\xff\xd8") else len(data)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _SOS:
        end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
        table = at + 4 if data[at + 1] == _DQT else end
        while table < end:
            length = 128 if data[table] >> 4 else 64
            values = data[table + 1 : table + 1 + length]
            if data[table] & 15 == 0 and len(values) == length:
                return np.sort(
                    np.frombuffer(values, ">u2" if length == 128 else "u1").astype(float)
                )
            table += 1 + length
        at = end
    return None
