"""The rooms of a job, cleared and furnished; what was cleared is kept by what it was made from."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from cachetools import LRUCache

from serving.db.tables import Json
from serving.encoded import Encoded
from serving.errors import StudioError
from serving.image import Image
from serving.models.pinned import PinnedModel
from serving.requests.staging import StageInput
from serving.staging.furnish.scene import Renderer
from serving.staging.layout.plan import Plan
from serving.staging.layout.solve import plan
from serving.staging.masks.kinds import FITTED
from serving.staging.process import (
    CODE,
    Cleared,
    Staged,
    as_it_is,
    clear_photo,
    furnish_photo,
    plan_again,
    restyle_photo,
    space_of,
)
from serving.staging.same_room import SameRoom, group_photos
from serving.staging.views import Shown, View, find_view
from serving.workflows.kits import KitOf
from serving.workflows.run import Run
from serving.workflows.staged import Look, Untouched, pixels_of

_SHOWN = 32  # photos whose points are held, 3 MB each: each is compared with the dozen before it


@dataclass(frozen=True)
class RoomPlan:
    """What stands in a room.

    Attributes
    ----------
    number : of the photo whose camera it was planned in
    views : by number, where the cameras of the room's other photos stand, of those that show enough
        of the same
    """

    plan: Plan
    number: int
    views: Mapping[int, View]


class Stager:
    """Clears, plans and furnishes the rooms of a job.

    Parameters
    ----------
    segmenter : who said what the photos show
    renderer : traces furniture; None where none is asked for, as `kit`
    """

    def __init__(
        self, run: Run, request: StageInput, segmenter: PinnedModel, kit: KitOf | None,
        renderer: Renderer | None,
    ) -> None:  # fmt: skip
        self._run, self._request, self._kit, self._renderer = run, request, kit, renderer
        self._seen_by = segmenter.champion.identity
        self._shown: LRUCache[int, Shown] = LRUCache(_SHOWN)

    def clear(self, look: Look) -> Cleared:
        """Return a room as it is furnished: cleared, and in other materials if that is asked."""
        cleared = self._cleared(look)
        if self._request.mode != "restyle":
            return cleared
        assert self._kit is not None
        floor, wall = (self._kit.surface(n) for n in (self._kit.kit.floor, self._kit.kit.wall))
        return restyle_photo(cleared, look.room, floor, wall)

    def _cleared(self, look: Look) -> Cleared:
        """Return a room without what is loose in it; as it came if that is to stay."""
        before = self._before(look)
        asked = self._request
        if asked.mode != "clear" and (asked.keep_furniture or look.room_type in FITTED):
            return as_it_is(before, look.ids)
        inputs: Json = {
            "photo": look.sha256, "segmenter": self._seen_by, "room_type": look.room_type,
        }  # fmt: skip

        def make() -> bytes:
            return _pack(clear_photo(before, look.ids, look.room, look.room_type))

        return _unpack(self._run.stage(f"staging-clear-{CODE}", inputs, make), before)

    def _before(self, look: Look) -> Image:
        file = look.read(self._run)
        try:
            return pixels_of(file)
        finally:
            file.release()

    def rooms(self, looks: Sequence[Look]) -> list[SameRoom]:
        """Return which photos show one room."""
        by_number = {look.number: look for look in looks}

        def find(first: int, second: int) -> View | None:
            self._run.check()
            both = by_number[first], by_number[second]
            shown = self._run.failing_alone(lambda: [self._show(look) for look in both])
            return None if isinstance(shown, StudioError) else find_view(*shown)

        return group_photos([look.room_photo for look in looks], find)

    def _show(self, look: Look) -> Shown:
        known = self._shown.get(look.number)
        if known is None:
            known = Shown.of(self._before(look), look.ids, look.room)
            self._shown[look.number] = known
        return known

    def plan_room(self, photos: Sequence[Look], seeds: Sequence[int]) -> list[RoomPlan]:
        """Return what stands in a room that some photos show, for each seed.

        It is planned in the photo that shows most free floor.
        """
        assert self._kit is not None
        spaces = [space_of(self._cleared(look), look.room) for look in photos]
        widest = int(np.argmax([space.free.sum() for space in spaces]))
        look, kit = photos[widest], self._kit.kit
        views = self._views(look, [one for one in photos if one is not look])
        plans = [plan(spaces[widest], kit, look.room_type, seed) for seed in seeds]
        return [RoomPlan(one, look.number, views) for one in plans]

    def _views(self, first: Look, others: Sequence[Look]) -> Mapping[int, View]:
        found = {look.number: find_view(self._show(first), self._show(look)) for look in others}
        return {number: view for number, view in found.items() if view is not None}

    def furnish(self, look: Look, cleared: Cleared, planned: RoomPlan) -> Staged | Untouched:
        """Return a photo of a room with the furniture of the room's plan."""
        assert self._kit is not None
        assert self._renderer is not None
        own, room = planned.plan, look.room
        view = planned.views.get(look.number)
        if view is not None:
            own, room = view.plan(own), view.room(room)
        elif planned.number != look.number:
            own = plan_again(space_of(cleared, room), self._kit.kit, own)
        if not own.pieces:
            code, detail = next(iter(own.reasons.items()), ("no_place", "nothing fits"))
            return Untouched(code, detail)
        models = self._kit.models(own.skus)
        return furnish_photo(cleared, room, own, models, self._renderer)


def _pack(room: Cleared) -> bytes:
    """Return a cleared room as it is kept; the photo itself is not."""
    file = io.BytesIO()
    arrays = {
        "photo": np.frombuffer(Encoded.of_picture(room.photo, lossless=True).data, np.uint8),
        "changed": np.frombuffer(Encoded.of_map(room.changed).data, np.uint8),
        "ids": np.frombuffer(Encoded.of_map(room.ids).data, np.uint8),
    }
    np.savez(file, allow_pickle=False, shares=np.array([room.share, room.guessed]), **arrays)
    return file.getvalue()


def _unpack(data: bytes, before: Image) -> Cleared:
    with np.load(io.BytesIO(data)) as kept:
        photo, changed, ids = (
            Encoded(media_type="image/png", data=kept[name].tobytes()).array()
            for name in ("photo", "changed", "ids")
        )
        share, guessed = (float(value) for value in kept["shares"])
    return Cleared(before, photo, changed > 0, ids, share, guessed)
