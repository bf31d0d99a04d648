"""Where the camera looks: its way over one photo, for a film of another shape."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from serving.video.edit.templates import MotionStyle, Move
from serving.video.film import BACKDROP, FILL, View

# A crop that keeps less than this of a photo's longer side hides what the photo shows.
_TOO_LITTLE_SEEN = 0.7
_SWEEP_PACE = 6.0  # how much faster than the style's other moves a sweep may be
_SHARP_ENOUGH = 0.7  # photo pixels per film pixel below which enlarging gets visible
_SOFT_PHOTO_ZOOM = 0.06  # still moves a photo that is too small to zoom into
_CENTRE = (0.5, 0.5)


@dataclass(frozen=True)
class Window:
    """The largest window of the film's aspect ratio in a photo, in parts of the photo's sides."""

    width: float
    height: float

    def place(self, x: float, y: float, scale: float) -> View:
        """Return the view nearest to a centre (x, y) whose window lies inside the photo."""
        half_w, half_h = scale * self.width / 2, scale * self.height / 2
        return View(
            min(max(x, half_w), 1 - half_w), min(max(y, half_h), 1 - half_h), min(scale, 1.0)
        )


def fit_window(photo: tuple[int, int], frame: tuple[int, int]) -> Window:
    """Fit the film's shape into a photo; both sizes are (width, height) in pixels.

    Examples
    --------
    >>> fit_window((3000, 4000), (1600, 900))
    Window(width=1.0, height=0.421875)
    """
    wider = (photo[0] / photo[1]) / (frame[0] / frame[1])
    return Window(1 / wider, 1.0) if wider > 1 else Window(1.0, wider)


@dataclass(frozen=True)
class PhotoView:
    """What decides a camera's way over one photo.

    Parameters
    ----------
    photo, frame : (width, height) in pixels of the photo and the film
    focus : points of interest, 0..1 of the photo's sides, the most important last; may be empty
    seconds : how long the photo is seen
    turn : a running number; even and odd ones pan in opposite directions
    """

    photo: tuple[int, int]
    frame: tuple[int, int]
    focus: Sequence[tuple[float, float]]
    seconds: float
    turn: int = 0


def choose_views(sight: PhotoView, move: Move, style: MotionStyle) -> tuple[View, View, str]:
    """Choose where the camera starts and ends, never past an edge of the photo.

    A photo that the film's shape would crop to a strip is seen whole, whatever the move: swept over
    from end to end where the style sweeps, the clip is long enough and the photo fine enough for
    it, else before a backdrop. Two focus points or more are travelled along. Speeds
    are limited by `style`, so a clip of half a second does not rush and one of ten does not stop.

    Returns
    -------
    start, end : views
    fit : `fill` or `backdrop`; with the latter the views refer to the composed picture
    """
    window = fit_window(sight.photo, sight.frame)
    zoom = _zoom(sight, window, style)
    if min(window.width, window.height) < _TOO_LITTLE_SEEN:
        if style.tall_photos == "sweep" and _can_sweep(sight, window, style):
            return *_sweep(sight, window), FILL
        whole, near = View(0.5, 0.5, 1.0), View(0.5, 0.5, 1 - min(zoom, 0.05))
        return (whole, near, BACKDROP) if sight.turn % 2 else (near, whole, BACKDROP)
    if move in ("zoom_in", "zoom_out"):
        return *_zoomed(sight, window, zoom, move), FILL
    if move == "still":
        view = window.place(*_main_focus(sight), 1.0)
        return view, view, FILL
    return *_panned(sight, window, move, style), FILL


def _main_focus(sight: PhotoView) -> tuple[float, float]:
    return sight.focus[-1] if sight.focus else _CENTRE


def _zoom(sight: PhotoView, window: Window, style: MotionStyle) -> float:
    """Return how much smaller the near view is than the far one, 0..max_zoom."""
    return min(style.zoom_per_s * sight.seconds, _deepest(sight, window, style))


def _deepest(sight: PhotoView, window: Window, style: MotionStyle) -> float:
    """Return the closest zoom that style and the photo's pixels allow."""
    sharp = 1 - _SHARP_ENOUGH * sight.frame[0] / (window.width * sight.photo[0])
    return min(style.max_zoom, max(sharp, _SOFT_PHOTO_ZOOM))


def _zoomed(sight: PhotoView, window: Window, zoom: float, move: Move) -> tuple[View, View]:
    first = sight.focus[0] if sight.focus else _CENTRE
    far = window.place(*first, 1.0)
    near = window.place(*_main_focus(sight), 1 - zoom)
    return (far, near) if move == "zoom_in" else (near, far)


def _can_sweep(sight: PhotoView, window: Window, style: MotionStyle) -> bool:
    """Say whether the camera gets over all of a photo without rushing, and the photo is sharp."""
    way = 1 / min(window.width, window.height) - 1
    sharp = window.width * sight.photo[0] >= _SHARP_ENOUGH * sight.frame[0]
    return sharp and way <= _SWEEP_PACE * style.travel_per_s * sight.seconds


def _sweep(sight: PhotoView, window: Window) -> tuple[View, View]:
    """Move along the photo's longer side, from one end to the other."""
    move: Move = "tilt" if window.height < window.width else "pan"
    return _travel(sight, window, 1.0, move, math.inf)


def spot_on_backdrop(
    spot: tuple[float, float], photo: tuple[int, int], frame: tuple[int, int]
) -> tuple[float, float]:
    """Return where a spot of a photo lies in the picture of it before its backdrop.

    Examples
    --------
    >>> spot_on_backdrop((0.0, 0.25), photo=(300, 400), frame=(600, 400))
    (0.25, 0.25)
    """
    window = fit_window(photo, frame)  # what the backdrop adds is the inverse of what a crop hides
    x, y = spot
    return 0.5 + (x - 0.5) * window.height, 0.5 + (y - 0.5) * window.width


def _panned(sight: PhotoView, window: Window, move: Move, style: MotionStyle) -> tuple[View, View]:
    """Move sideways or up and down in a view that leaves just the room for it."""
    way = style.travel_per_s * sight.seconds
    side = window.width if move == "pan" else window.height
    scale = min(1.0, 1 / (side * (1 + way)))
    scale = max(scale, 1 - _deepest(sight, window, style))
    return _travel(sight, window, scale, move, style.travel_per_s)


def _travel(
    sight: PhotoView, window: Window, scale: float, move: Move, travel_per_s: float
) -> tuple[View, View]:
    """Pass the focus at `travel_per_s` frame widths a second, as far as the photo goes."""
    width, height = scale * window.width, scale * window.height
    way = travel_per_s * sight.seconds * (width if move == "pan" else height)
    way = min(way, 1 - (width if move == "pan" else height))
    (x0, y0), (x1, y1) = _ends(sight)
    if move == "pan":
        forward = x1 > x0 if x1 != x0 else sight.turn % 2 == 0
        first, last = _either_side((x0 + x1) / 2, way, width)
        ends = [(first, y0 if forward else y1), (last, y1 if forward else y0)]
    else:
        forward = y1 > y0 if y1 != y0 else sight.turn % 2 == 1
        first, last = _either_side((y0 + y1) / 2, way, height)
        ends = [(x0 if forward else x1, first), (x1 if forward else x0, last)]
    low, high = (window.place(x, y, scale) for x, y in ends)
    return (low, high) if forward else (high, low)


def _either_side(middle: float, way: float, size: float) -> tuple[float, float]:
    """Centres `way` apart around `middle`, moved so that windows of `size` stay within 0..1."""
    reach = (size + way) / 2
    middle = min(max(middle, reach), 1 - reach)
    return middle - way / 2, middle + way / 2


def _ends(sight: PhotoView) -> tuple[tuple[float, float], tuple[float, float]]:
    if not sight.focus:
        return _CENTRE, _CENTRE
    return sight.focus[0], sight.focus[-1]
