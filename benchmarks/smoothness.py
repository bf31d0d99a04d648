"""How smoothly the camera moves: the error of each frame's place, before and after encoding.

A photo of STUDIO_DATA (or of the sample listing) is panned, zoomed, and zoomed with an ease. Each
frame is compared with what an exact cubic spline shows at the place that was planned; least squares
on the picture's gradient give by how much the frame is off. Its root mean square over the frames,
the mean left out, is the jitter; the encoded one is that of the file, decoded.
"""

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from figures import Figures, parse
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter
from show import find_photos

from serving.render.encode import planes_of
from serving.render.film import render_film
from serving.render.frames import FrameRenderer, Sources
from serving.video.draw.camera import view_matrix
from serving.video.draw.yuv import Plane, empty_planes
from serving.video.film import Clip, Film, Motion, View

WAYS = {
    "pan": Motion(View(0.42, 0.5, 0.8), View(0.58, 0.5, 0.8)),
    "tilt": Motion(View(0.5, 0.45, 0.7), View(0.5, 0.55, 0.7)),
    "zoom": Motion(View(0.5, 0.5, 0.95), View(0.45, 0.5, 0.8)),
    "ease": Motion(View(0.5, 0.5, 0.95), View(0.45, 0.5, 0.8), ((0, 0), (0.3, 0.1), (1, 1))),
}
LEFT, TOP, WIDTH, HEIGHT = 480, 270, 960, 540  # of 1920x1080: the middle


def main() -> None:
    """Run the command line."""
    arguments = parse(__doc__, argparse.ArgumentParser())
    figures = Figures()
    frames = 24 if arguments.quick else 75
    photos = find_photos()[:1] if arguments.quick else find_photos()[:3]
    worst = {"drawn": 0.0, "encoded": 0.0}
    for photo in photos:
        for name, motion in WAYS.items():
            drawn, encoded = measure(photo, motion, frames)
            figures.say(f"{Path(photo).parent.name}/{Path(photo).stem} {name}:")
            figures.say(f"    drawn {drawn:.4f} px, encoded {encoded:.4f} px")
            worst["drawn"] = max(worst["drawn"], drawn)
            worst["encoded"] = max(worst["encoded"], encoded)
    figures.add("smoothness.drawn_px", worst["drawn"])
    figures.add("smoothness.encoded_px", worst["encoded"])
    figures.print()


def measure(photo: str, motion: Motion, frames: int) -> tuple[float, float]:
    """Return the jitter of a clip before and after encoding, in pixels rms per axis."""
    film = Film(1920, 1080, Fraction(30), (Clip(photo, frames, motion),))
    sources = Sources(lambda name: Path(name).read_bytes(), lambda _: np.empty(0, np.uint8))
    renderer = FrameRenderer(film, sources)
    shot = renderer.shot(0)
    prepared = shot.scene.back
    spline = spline_filter(prepared.planes.y.astype(np.float32), output=np.float32)
    out = empty_planes(1920, 1080)
    errors: dict[str, list[NDArray[np.float64]]] = {"drawn": [], "encoded": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        render_film(film, sources, path)
        with av.open(str(path)) as container:
            for number, decoded in enumerate(container.decode(video=0)):
                matrix = view_matrix(prepared, shot.windows[number], (1920, 1080))
                ideal = _ideal(spline, matrix)
                draw_frame(renderer, number, out)
                errors["drawn"].append(offset(out.y, ideal))
                errors["encoded"].append(offset(planes_of(decoded).y, ideal))
    return jitter(errors["drawn"]), jitter(errors["encoded"])


def draw_frame(renderer: FrameRenderer, number: int, out: object) -> None:
    """Draw a frame of the only clip."""
    from serving.render.segments import split_film

    segment = split_film(renderer.film)[0]
    renderer.painter(segment)(number - segment.start, out)  # type: ignore[arg-type]


def _ideal(spline: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    rows, columns = np.mgrid[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH].astype(np.float64)
    at = (matrix[1, 1] * rows + matrix[1, 2], matrix[0, 0] * columns + matrix[0, 2])
    return map_coordinates(spline, at, prefilter=False, output=np.float32)


def offset(luma: Plane, ideal: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return by how many pixels down and right a frame is off."""
    slopes = np.stack([slope.ravel() for slope in np.gradient(ideal)], axis=1)
    rest = luma[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH] - ideal
    answer: NDArray[np.float64] = np.linalg.lstsq(slopes, rest.ravel(), rcond=None)[0]
    return answer


def jitter(errors: list[NDArray[np.float64]]) -> float:
    """Return the root mean square about the mean."""
    return float(np.sqrt(np.var(np.array(errors), axis=0).mean()))


if __name__ == "__main__":
    main()
