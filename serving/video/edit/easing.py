"""How a camera's speed changes on its way: curves of progress over time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput

Curve = tuple[tuple[float, float], ...]
CURVES = ("linear", "ease", "ease_in", "ease_out", "ramp")

_STEPS = 16


def make_curve(kind: str, strength: float, beats: Sequence[float] = ()) -> Curve:
    """Make a motion's curve.

    Parameters
    ----------
    kind : `linear`; `ease` slow at both ends; `ease_in` slow at the start; `ease_out` slow at
        the end; `ramp` bursts on every beat and slows until the next
    strength : 0 (linear) .. 1; at 1 an eased end stands almost still
    beats : for `ramp`, the clip's beats as shares of its time, 0..1

    Returns
    -------
    tuple of (time, progress)
        From (0, 0) to (1, 1), both rising.

    Examples
    --------
    >>> make_curve("linear", 1.0)
    ((0.0, 0.0), (1.0, 1.0))
    >>> early, late = make_curve("ease_out", 0.8)[4], make_curve("ease_in", 0.8)[4]
    >>> early[1] > 0.25 > late[1]
    True
    """
    if kind not in CURVES:
        raise BadInput(f"no speed curve is named '{kind}'; there are {', '.join(CURVES)}")
    if kind == "linear" or not strength:
        return (0.0, 0.0), (1.0, 1.0)
    # bursts are short: they need finer points than a camera that eases
    times = np.linspace(0, 1, 1 + _STEPS * (4 if kind == "ramp" else 1))
    return _integrate(times, _speed(kind, strength, times, beats))


def _speed(
    kind: str, strength: float, times: NDArray[np.float64], beats: Sequence[float]
) -> NDArray[np.float64]:
    """Return a speed above 0 at every time; its scale does not matter."""
    slow = 1 - 0.95 * strength
    if kind == "ease":
        shape = np.sin(np.pi * times)
    elif kind == "ease_in":
        shape = np.sin(np.pi / 2 * times)
    elif kind == "ease_out":
        shape = np.cos(np.pi / 2 * times)
    else:
        return 1 + 6 * strength * _bursts(times, beats or (0.0,))
    return np.asarray(slow + (1 - slow) * shape)


def _bursts(times: NDArray[np.float64], beats: Sequence[float]) -> NDArray[np.float64]:
    """Rise in a few frames to 1 at each beat and die away until the next."""
    since = times[:, None] - np.asarray(beats)[None]
    return np.asarray(np.exp(-np.where(since < 0, -since / 0.02, since / 0.09)).max(axis=1))


def _integrate(times: NDArray[np.float64], speed: NDArray[np.float64]) -> Curve:
    steps = (speed[1:] + speed[:-1]) / 2 * np.diff(times)
    progress = np.concatenate([[0.0], np.cumsum(steps)])
    progress /= progress[-1]
    points = zip(times.round(6).tolist(), progress.round(6).tolist(), strict=True)
    return (0.0, 0.0), *list(points)[1:-1], (1.0, 1.0)
