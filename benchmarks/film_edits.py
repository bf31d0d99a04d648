"""What a film costs when it is rendered again after an edit, against rendering all of it.

The part `edits` of film.py. Photos, captions and brands are changed in the show; cuts are moved and
photos swapped in a film of the same photos and length that the timeline has cut to beats, as a
request would have it; that one is then rendered in a second format and at a second rate, against
the same rendered alone.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from figures import Figures
from film_sheet import sources_of
from numpy.typing import NDArray
from show import CAPTIONED, LOGO, Cost, draw_picture, find_photos, make_sources, render

from serving.render.cache import MemoryCache, NoCache
from serving.render.frames import Sources, photo_size
from serving.render.template_files import find_template, shipped_fonts
from serving.video.edit.assembly import EditOptions, Shape
from serving.video.edit.cut_points import Music, make_music
from serving.video.edit.overlays import Branding, Plan, plan_film
from serving.video.edit.photo_order import FilmPhoto
from serving.video.film import Film
from serving.video.titles.layout import Brand, Words

WIDE, TALL = Shape(1920, 1080, Fraction(30)), Shape(1080, 1920, Fraction(30))
TWICE_AS_FAST = Shape(1920, 1080, Fraction(60))
# what is cut to the other tempo has no clip of the same length; one that begins later has many
TEMPO_BPM, OTHER_TEMPO_BPM, LATER_S = 120.0, 100.0, 0.2
PITCH_HZ, OTHER_PITCH_HZ = 220.0, 330.0
MOVED_FRAMES = 6


def measure_edits(figures: Figures, show: Film, folder: Path) -> None:
    """Render anew after edits, and compare files with those of a render from nothing."""
    bench = EditBench(figures, folder)
    change_pictures(bench, show)
    change_brands(bench, show)
    order = Order(tuple(_open_photos(len(show.clips))), show.frames / show.fps)
    change_times(bench, order)
    change_shapes(bench, order)


class EditBench:
    """Where films are edited: what was kept of the one before, and what that one cost."""

    def __init__(self, figures: Figures, folder: Path) -> None:
        self.figures, self._folder = figures, folder
        self._kept: dict[str, bytes] = {}
        self._full = Cost(0, 0)

    def begin(self, film: Film, sources: Sources) -> None:
        """Render a film from nothing, and keep its segments."""
        cache = MemoryCache()
        self._full = render(film, sources, self._folder / "film.mp4", cache)
        self._kept = cache.kept

    def edit(self, name: str, film: Film, sources: Sources, pitch_hz: float = PITCH_HZ) -> None:
        """Render an edited film from what was kept, against the film before the edit."""
        cost, _ = self._again(film, sources, pitch_hz)
        self._report(name, cost, self._full)

    def check(self, name: str, film: Film, sources: Sources, pitch_hz: float = PITCH_HZ) -> None:
        """Render an edited film from what was kept, against itself from nothing, bytes included."""
        cost, edited = self._again(film, sources, pitch_hz)
        path = self._folder / "scratch.mp4"
        full = render(film, sources, path, NoCache(), pitch_hz)
        self._report(name, cost, full)
        self.figures.add(f"film.{name}_identical", float(edited == _hash(path)))

    def _report(self, name: str, cost: Cost, full: Cost) -> None:
        done = cost.done
        if done is not None:
            self.figures.say(
                f"{name}: {done.reused} of {done.segments} segments taken, "
                f"{done.drawn} of {done.frames} frames drawn"
            )
            self.figures.add(f"film.{name}_drawn", done.drawn / done.frames)
        self.figures.add(f"film.{name}_ratio", cost.cpu_s / full.cpu_s)

    def _again(self, film: Film, sources: Sources, pitch_hz: float) -> tuple[Cost, str]:
        cache, path = MemoryCache(), self._folder / "edited.mp4"
        cache.kept = dict(self._kept)
        return render(film, sources, path, cache, pitch_hz), _hash(path)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def change_pictures(bench: EditBench, show: Film) -> None:
    """Change nothing, a photo, a caption, and what is heard."""
    sources = make_sources()
    bench.begin(show, sources)
    bench.edit("unchanged", show, sources)
    bench.check("photo_changed", _with_photo(show), sources)
    bench.edit("caption_changed", _with_caption(show), sources)
    bench.edit("music_changed", show, sources, OTHER_PITCH_HZ)
    bench.edit("brand_throughout_changed", show, make_sources("HOME"))


def _with_photo(film: Film) -> Film:
    clips, middle = list(film.clips), len(film.clips) // 2
    clips[middle] = dataclasses.replace(clips[middle], photo=find_photos()[-1])
    return dataclasses.replace(film, clips=tuple(clips))


def _with_caption(film: Film) -> Film:
    old = f"caption-{CAPTIONED[1]}"
    overlays = tuple(
        dataclasses.replace(o, picture="new words") if o.picture == old else o
        for o in film.overlays
    )
    return dataclasses.replace(film, overlays=overlays)


def change_brands(bench: EditBench, show: Film) -> None:
    """Change a brand that is seen where it is looked at."""
    first, last = _alone(show, 0), _alone(show, len(show.clips) - 1)
    for name, spans in (("at_end", [last]), ("first_and_last", [first, last])):
        film = _with_logos(show, spans)
        bench.begin(film, make_sources())
        bench.edit(f"brand_{name}_changed", film, make_sources("HOME"))


def _alone(film: Film, index: int) -> tuple[int, int]:
    """Return the first frame in which a clip is seen alone, and in how many it is."""
    around = [0, *(transition.frames for transition in film.transitions), 0]
    before, after = around[index : index + 2]
    return film.starts[index] + before, film.clips[index].frames - before - after


def _with_logos(film: Film, spans: Sequence[tuple[int, int]]) -> Film:
    logo, *others = film.overlays
    logos = (dataclasses.replace(logo, start=start, frames=frames) for start, frames in spans)
    return dataclasses.replace(film, overlays=(*logos, *others))


@dataclass(frozen=True)
class Order:
    """What a film of a template is asked to show, and for how long."""

    photos: tuple[FilmPhoto, ...]
    length_s: Fraction

    def cut(self, track: Music, shape: Shape = WIDE) -> Plan:
        """Cut it to a track's beats, and add its titles and brand."""
        words = Words("House above the lake", "12 Larch Lane", "€ 890,000", "4 rooms · 142 m²")
        brand = Brand("Nest & Co.", "Ana Ruiz", logo=draw_picture(LOGO, "NEST"))
        branding, options = (
            Branding(words, brand, shipped_fonts()),
            EditOptions(round(self.length_s * shape.fps)),
        )
        return plan_film(self.photos, find_template("modern"), shape, branding, options, track)

    def track(self, tempo_bpm: float = TEMPO_BPM, first_s: float = 0.0) -> Music:
        """Return what is known of a track of an even tempo, four beats to the bar, that swells."""
        beats_s = np.arange(first_s, float(self.length_s), 60 / tempo_bpm)
        energy = 0.5 - 0.3 * np.cos(np.arange(0, float(self.length_s), 0.1) * 0.4)
        return make_music(beats_s, beats_s[::4], energy)

    def swapped(self) -> "Order":
        """Return it with two neighbours in its middle swapped."""
        photos, middle = list(self.photos), len(self.photos) // 2
        photos[middle : middle + 2] = photos[middle + 1], photos[middle]
        return dataclasses.replace(self, photos=tuple(photos))


def _open_photos(count: int) -> Iterator[FilmPhoto]:
    files = find_photos()
    for number in range(count):
        file = files[number % len(files)]
        size = photo_size(Path(file).read_bytes())
        yield FilmPhoto(file, *size, caption=f"Room {number}" if number in CAPTIONED else None)


def change_times(bench: EditBench, order: Order) -> None:
    """Cut to other tracks' beats, move one cut, swap two photos."""
    plan = order.cut(order.track())
    bench.begin(plan.film, sources_of(plan))
    other, later = order.cut(order.track(OTHER_TEMPO_BPM)), order.cut(order.track(first_s=LATER_S))
    bench.check("retimed", other.film, sources_of(other), OTHER_PITCH_HZ)
    bench.edit("retimed_same_tempo", later.film, sources_of(later), OTHER_PITCH_HZ)
    moved = move_one_cut(order, plan)
    bench.check("one_cut_moved", moved.film, sources_of(moved))
    swapped = order.swapped().cut(order.track())
    bench.check("photo_order", swapped.film, sources_of(swapped))


def move_one_cut(order: Order, plan: Plan) -> Plan:
    """Cut to the same track with one beat moved: the most central one that moves its cut alone."""
    track, cuts = order.track(), plan.timeline.cuts
    for number in sorted(range(len(cuts)), key=lambda n: abs(2 * n - len(cuts))):
        wanted = [*cuts]
        wanted[number] += MOVED_FRAMES
        beats_s, downbeats_s = (
            _move_beat(times_s, cuts[number]) for times_s in (track.beats_s, track.downbeats_s)
        )
        moved = order.cut(make_music(beats_s, downbeats_s, track.energy))
        if [*moved.timeline.cuts] == wanted:
            return moved
    raise RuntimeError("no beat moves its cut alone")


def _move_beat(times_s: NDArray[np.float64], frame: int) -> NDArray[np.float64]:
    """Return beats of which the one at a frame comes later."""
    frames = times_s * float(WIDE.fps)
    return np.where(np.rint(frames) == frame, frames + MOVED_FRAMES, frames) / float(WIDE.fps)


def change_shapes(bench: EditBench, order: Order) -> None:
    """Make the film upright, and at twice the rate: photos, analysis and sound are the same."""
    for name, shape in (("second_format", TALL), ("second_rate", TWICE_AS_FAST)):
        plan = order.cut(order.track(), shape)
        bench.check(name, plan.film, sources_of(plan))
