"""The same view of a room furnished and emptied, in one light and one exposure."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synthetic.assemble import visible_items
from synthetic.catalogue import Catalogue
from synthetic.raycast.caster import Caster
from synthetic.raycast.render import Negative, ReadyRoom, expose, prepare
from synthetic.raycast.variation import Random, View, draw_indoors, draw_view
from synthetic.scene import Scene
from synthetic.tone import finish, meter

_HANGS = frozenset(("picture", "curtain", "mirror", "lamp", "television", "decoration"))
_VIEWS = 12  # tried, until one shows enough that can be moved
_COARSE = (64, 48)
_GRAIN = 0.006  # of a linear brightness, as a camera at base sensitivity leaves it


@dataclass(frozen=True)
class FurnishedAndEmpty:
    """Two pictures from one camera.

    Attributes
    ----------
    photo, empty : uint8 (height, width, 3), sRGB
    movable : bool (height, width), where the furnished room shows what the other lacks
    instances : int64 (height, width), of the furnished room
    size_m : of the room, (width, height, depth)
    """

    photo: NDArray[np.uint8]
    empty: NDArray[np.uint8]
    movable: NDArray[np.bool_]
    instances: NDArray[np.int64]
    view: View
    size_m: tuple[float, float, float]


def movable_names(scene: Scene) -> AbstractSet[str]:
    """Return the things that someone who moves out takes along, except what hangs on walls."""
    gone: set[str] = set()
    for item in scene.items:  # bearers are listed before what they bear
        hangs = item.support in ("wall", "ceiling") and item.category in _HANGS
        if (not item.fixed and not hangs) or item.support in gone:
            gone.add(item.name)
    return gone


def draw_pair(
    scene: Scene, catalogue: Catalogue, size: tuple[int, int], least: float, seed: int
) -> FurnishedAndEmpty | None:
    """Return a view of which at least a share `least` can be moved; None if none was found.

    Parameters
    ----------
    size : (width, height) in pixels
    seed : of proportions, colours, light and camera
    """
    rng = np.random.default_rng((seed, 4099))
    ready = prepare(scene, catalogue, rng)
    names = ("", *(item.name for item in visible_items(scene)))
    gone = np.isin(names, sorted(movable_names(scene)))
    view = _choose_view(ready, gone, least, rng)
    if view is None:
        return None
    rest = ready.lit.triangles.where(~gone[ready.lit.triangles.instances])
    bare = replace(ready, lit=replace(ready.lit, triangles=rest, caster=Caster(rest)))
    full, emptied = (
        expose(one, view, view.rays(*size), size, np.random.default_rng((seed, 17)))
        for one in (ready, bare)
    )
    gains = meter(full.light, full.outside, float(np.exp(rng.normal(np.log(0.45), 0.2))))
    photo, empty = (finish(_grainy(one, rng) * gains) for one in (full, emptied))
    width, height, depth = (float(side) for side in ready.size)
    movable = gone[full.instances]
    return FurnishedAndEmpty(photo, empty, movable, full.instances, view, (width, height, depth))


def _choose_view(
    ready: ReadyRoom, gone: NDArray[np.bool_], least: float, rng: Random
) -> View | None:
    instances = ready.lit.triangles.instances
    for _ in range(_VIEWS):
        view = draw_view(ready.scene, ready.size, ready.lit.caster, instances, rng, draw_indoors)
        hits = ready.lit.caster.cast(
            np.array(view.camera.position, np.float32), view.rays(*_COARSE)
        )
        seen = gone[np.where(hits.met, instances[hits.triangle], 0)]
        near = hits.distance.reshape(_COARSE[::-1])[seen.reshape(_COARSE[::-1])]
        if least <= seen.mean() <= 0.5 and near.min(initial=9) > 0.8:
            return view
    return None


def _grainy(one: Negative, rng: Random) -> NDArray[np.float32]:
    grain = rng.normal(0, _GRAIN, one.light.shape).astype(np.float32)
    noisy: NDArray[np.float32] = np.maximum(one.light * (1 + 2 * grain), 0).astype(np.float32)
    return noisy
