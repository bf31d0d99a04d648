"""One photo of a room, from a map of what it shows to a staged picture: the steps in their order.

`find_room`, `clear_photo`, `plan` in the photo of the room that shows most floor, `furnish_photo`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.perception.classes import CLASSES, Class
from serving.requests.staging import StagedRoom as RoomType
from serving.staging.check.check import check_furnished
from serving.staging.clear.clear import Gone, clear_room
from serving.staging.furnish.furnish import furnish
from serving.staging.furnish.scene import Effort, Renderer, stand
from serving.staging.kit import Kit
from serving.staging.layout.plan import Placed, Plan
from serving.staging.layout.solve import plan
from serving.staging.layout.space import Space, survey
from serving.staging.linear import to_linear
from serving.staging.masks.find import find_removal
from serving.staging.masks.kinds import movable_in
from serving.staging.room import FACES, Face, Ids, Room, faces_of
from serving.staging.surfaces.floor import lay_floor
from serving.staging.surfaces.material import Material
from serving.staging.surfaces.paint import paint_walls
from serving.staging.things import Look, Model

CODE = "3"  # of the steps, where what comes out of them changes
Mask = NDArray[np.bool_]
_SHELL: Mapping[Face, Class] = {
    "floor": "floor", "ceiling": "ceiling", "front": "wall", "left": "wall", "right": "wall",
}  # fmt: skip
_MOST_GUESSED = 0.25


@dataclass(frozen=True)
class Surface:
    """What a floor or a wall becomes.

    Attributes
    ----------
    size_m : of a repeat of its texture
    """

    look: Look
    size_m: float

    def material(self) -> Material:
        """Return it as it is laid."""
        if self.look.texture is None:
            tile = np.full((1, 1, 3), self.look.rgb, np.float32)
            return Material(tile, (self.size_m, self.size_m))
        tile = to_linear(self.look.texture)
        return Material(tile, (self.size_m * tile.shape[0] / tile.shape[1], self.size_m))


@dataclass(frozen=True, eq=False)
class Cleared:
    """A room without its loose furniture.

    Attributes
    ----------
    before, photo : uint8 (rows, columns, 3), as it came, and cleared
    changed : bool (rows, columns)
    ids : uint8 (rows, columns), what each pixel shows now
    share : of the photo that was furniture
    guessed : share of what was cleared of which the photo shows nothing beside it
    """

    before: Image
    photo: Image
    changed: Mask
    ids: Ids
    share: float = 0.0
    guessed: float = 0.0

    @property
    def doubts(self) -> dict[str, str]:
        """What a person should look at."""
        if self.guessed <= _MOST_GUESSED:
            return {}
        return {"guessed": f"of {self.guessed:.0%} of what was cleared nothing is seen elsewhere"}


@dataclass(frozen=True, eq=False)
class Staged:
    """What became of a photo.

    Attributes
    ----------
    before, photo : uint8 (rows, columns, 3)
    changed : bool (rows, columns)
    new : float32 (rows, columns), share of each pixel that no longer shows the photo
    pieces : what stands where
    doubts : codes of what a person should look at, with a sentence each
    score : 0..100, of what was measured in the picture; of a cleared room nothing is
    """

    before: Image
    photo: Image
    changed: Mask
    new: NDArray[np.float32]
    seed: int = 0
    pieces: tuple[Placed, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)
    cleared_share: float = 0.0
    score: float = 100.0


def as_it_is(photo: Image, ids: Ids) -> Cleared:
    """Return a room whose furniture stays."""
    return Cleared(photo, photo, np.zeros(ids.shape, bool), ids)


def clear_photo(photo: Image, ids: Ids, room: Room, room_type: RoomType) -> Cleared:
    """Return a room cleared of what is loose in it; as it is where there is next to nothing.

    Parameters
    ----------
    photo : uint8 RGB (rows, columns, 3)
    ids : uint8 (rows, columns), ids of `CLASSES`
    room : seen by a camera of the photo's size
    """
    removal = find_removal(photo, ids, movable_in(room_type), room)
    if not removal.worthwhile:
        return as_it_is(photo, ids)
    done = clear_room(photo, Gone(removal.mask, removal.shadow), ids, room)
    shown = _ids_without(ids, removal.mask, room)
    shown = np.where(done.openings > 0, done.openings, shown)
    return Cleared(photo, done.photo, done.changed, shown, removal.share, done.guessed)


def restyle_photo(cleared: Cleared, room: Room, floor: Surface, wall: Surface) -> Cleared:
    """Return a cleared room with another floor and other paint, in the light that was there."""
    on_floor = np.isin(cleared.ids, [CLASSES.index(name) for name in ("floor", "rug")])
    photo, changed = cleared.photo, cleared.changed
    if on_floor.any():
        laid = lay_floor(photo, on_floor, room, floor.material())
        photo, changed = laid.photo, changed | laid.changed
    on_wall = cleared.ids == CLASSES.index("wall")
    if on_wall.any():
        painted = paint_walls(photo, on_wall, wall.look.rgb)
        photo, changed = painted.photo, changed | painted.changed
    ids = np.where(on_floor, np.uint8(CLASSES.index("floor")), cleared.ids)
    return replace(cleared, photo=photo, changed=changed, ids=ids)


def only_cleared(cleared: Cleared, room: Room) -> Staged:
    """Return a cleared room as what became of a photo."""
    new = cleared.changed.astype(np.float32)
    doubts = {**room.doubts, **cleared.doubts}
    return Staged(
        cleared.before, cleared.photo, cleared.changed, new, doubts=doubts,
        cleared_share=cleared.share,
    )  # fmt: skip


def space_of(cleared: Cleared, room: Room) -> Space:
    """Return where furniture may stand."""
    return survey(room, cleared.ids, cleared.changed)


def plan_again(space: Space, kit: Kit, shared: Plan) -> Plan:
    """Return a room's plan as another photo of it has it: of the same pieces and no other.

    Where each piece stands in that photo is not known; which they are is.
    """
    taken = set(shared.skus)
    rooms = {
        room_type: {
            role: chosen
            for role, skus in roles.items()
            if (chosen := tuple(sku for sku in skus if sku in taken))
        }
        for room_type, roles in kit.rooms.items()
    }
    return plan(space, kit.model_copy(update={"rooms": rooms}), shared.room_type, shared.seed)


def furnish_photo(
    cleared: Cleared, room: Room, own: Plan, models: Mapping[str, Model], renderer: Renderer
) -> Staged:
    """Return a cleared room with the furniture of a plan.

    Parameters
    ----------
    own : made in this photo
    models : furniture by its SKU
    """
    things = stand(own, models)
    made = furnish(cleared.photo, cleared.ids, room, things, renderer, Effort(seed=own.seed))
    found = check_furnished(cleared.photo, cleared.ids, room, things, made)
    new = np.maximum(made.cover, cleared.changed.astype(np.float32))
    doubts = {**room.doubts, **cleared.doubts, **made.doubts, **own.reasons, **found.reasons}
    return Staged(
        cleared.before, made.picture, made.changed | cleared.changed, new, own.seed,
        own.pieces, doubts, cleared.share, 100 * found.score,
    )  # fmt: skip


def _ids_without(ids: Ids, gone: Mask, room: Room) -> Ids:
    """Return what each pixel shows once things are gone: floor, wall or ceiling in their place."""
    rows, columns = np.nonzero(gone)
    rays = room.camera.scaled((ids.shape[0], ids.shape[1])).rays(
        np.stack([columns + 0.5, rows + 0.5], axis=1)
    )
    faces, _ = faces_of(room.camera, room.box, rays)
    of_face = np.array([CLASSES.index(_SHELL[face]) for face in FACES], np.uint8)
    shown = ids.copy()
    shown[rows, columns] = of_face[faces]
    return shown
