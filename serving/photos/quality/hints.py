"""What is wrong with a photo, in words for whoever took it; nothing where nothing matters."""

from collections.abc import Callable, Mapping

from serving.photos.quality.parts import PARTS, Part

WORTH_SAYING = 70.0  # a part's score from which on nothing is said
_STRONG = 40.0  # below it, the words are stronger
_TILT_DEG = 1.0  # people see a lean from about one degree
_MOTION_SHARE = 0.45  # of the blur, from which the camera moved rather than missed its focus

Details = Mapping[str, float]


def write_hints(parts: Mapping[Part, float], details: Details) -> dict[Part, str]:
    """Say what to look at, the worst part first.

    Parameters
    ----------
    parts : scores, 0..100
    details : by the names of `DETAILS`

    Examples
    --------
    >>> from serving.photos.quality.parts import DETAILS
    >>> fine = dict.fromkeys(PARTS, 95.0)
    >>> write_hints(fine | {"tilt": 55.0}, dict.fromkeys(DETAILS, 0.0) | {"lean": -2.34})
    {'tilt': 'tilted 2.3° to the left'}
    """
    worst_first = sorted(PARTS, key=lambda part: parts[part])
    return {
        part: _WRITERS[part](parts[part], details)
        for part in worst_first
        if _matters(part, parts, details)
    }


def _matters(part: Part, parts: Mapping[Part, float], details: Details) -> bool:
    if part == "tilt":
        return abs(details["lean"]) >= _TILT_DEG
    return parts[part] < WORTH_SAYING


def _sharpness(score: float, details: Details) -> str:
    how = "blurred" if score < _STRONG else "soft"
    if details["motion"] > _MOTION_SHARE * details["blur"]:
        return f"{how}: the camera moved"
    return f"{how}: out of focus or enlarged"


def _exposure(score: float, details: Details) -> str:
    how = "much too" if score < _STRONG else "too"
    return f"{how} dark" if details["under"] >= details["over"] else f"{how} bright"


def _contrast(score: float, details: Details) -> str:
    del details
    return "hazy: hardly any contrast" if score < _STRONG else "little contrast"


def _noise(score: float, details: Details) -> str:
    del details
    return "very noisy" if score < _STRONG else "noisy"


def _compression(score: float, details: Details) -> str:
    del details
    return "heavily compressed: blocks are seen" if score < _STRONG else "compressed too much"


def _white_balance(score: float, details: Details) -> str:
    red, blue = details["red"], details["blue"]
    casts = {
        "orange": red - blue,  # warm
        "blue": blue - red,  # cold
        "green": -(red + blue),
        "magenta": red + blue,
    }
    colour = max(casts, key=lambda name: casts[name])
    return f"strong {colour} cast" if score < _STRONG else f"slight {colour} cast"


def _tilt(score: float, details: Details) -> str:
    del score
    side = "right" if details["lean"] > 0 else "left"
    return f"tilted {abs(details['lean']):.1f}° to the {side}"


def _resolution(score: float, details: Details) -> str:
    del score
    enlarged = " and seems enlarged" if details["upscale"] > 0.4 else ""
    return f"small: {details['long_side']:.0f} pixels on its long side{enlarged}"


_WRITERS: Mapping[Part, Callable[[float, Details], str]] = {
    "sharpness": _sharpness,
    "exposure": _exposure,
    "contrast": _contrast,
    "noise": _noise,
    "compression": _compression,
    "white_balance": _white_balance,
    "tilt": _tilt,
    "resolution": _resolution,
}
