"""What is uncertain about a room, and what of it forbids to stage it: codes, with a sentence."""

import math
from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import OUTDOORS
from serving.staging.geometry.box import FoundBox
from serving.staging.geometry.camera import FoundCamera
from serving.staging.geometry.scale import Scale
from serving.staging.geometry.surfaces import share_of

Ids = NDArray[np.uint8]
Refusal = Literal[
    "too_small", "outdoors", "no_floor", "few_lines", "no_frame", "unsure_focal", "unsure_floor",
    "tilted",
]  # fmt: skip
REFUSALS: frozenset[str] = frozenset(get_args(Refusal))
_SHORTEST_PX = 256
_MOST_OUTDOORS = 0.35
_LEAST_FLOOR = 0.02
_FEWEST_LINES = 25
_LEAST_SHARE, _FEWEST = 0.03, 6  # of lines along the weaker level direction
_LEAST_MARGIN = 2.0
_MOST_FOCAL_SD = 0.06
_MOST_FLOOR_SD = 0.05
_MOST_PITCH, _MOST_ROLL = math.radians(25), math.radians(8)
_MOST_MIRROR = 0.12
_LEAST_AGREEMENT = 0.85
_MOST_SCALE_SD = 0.1


def doubts_of(ids: Ids, found: FoundCamera, box: FoundBox, scale: Scale) -> dict[str, str]:
    """Return what is uncertain of a photo's room; those of `REFUSALS` come first."""
    each = (_of_photo(ids, found), _of_camera(found), _of_room(ids, box, scale))
    return {code: sentence for part in each for code, sentence in part}


def _of_photo(ids: Ids, found: FoundCamera) -> Iterator[tuple[str, str]]:
    side = min(found.camera.size)
    if side < _SHORTEST_PX:
        yield "too_small", f"the short side has {side} px, and {_SHORTEST_PX} are needed"
    outdoors = share_of(ids, *sorted(OUTDOORS))
    if outdoors > _MOST_OUTDOORS:
        yield "outdoors", f"{outdoors:.0%} of the photo shows what is out of doors"
    floor = share_of(ids, "floor", "rug")
    if floor < _LEAST_FLOOR:
        yield "no_floor", f"{floor:.1%} of the photo shows a floor"


def _of_camera(found: FoundCamera) -> Iterator[tuple[str, str]]:
    proof, pose = found.evidence, found.pose
    if proof.segments < _FEWEST_LINES:
        yield "few_lines", f"{proof.segments} straight lines are too few"
    if proof.weaker_share < _LEAST_SHARE or proof.weaker_count < _FEWEST:
        yield (
            "no_frame",
            f"{proof.weaker_count} lines, {proof.weaker_share:.1%} of all, run along one of the "
            "room's two level directions",
        )
    if proof.focal_sd > _MOST_FOCAL_SD:
        yield "unsure_focal", f"the focal length is told to {proof.focal_sd:.1%} only"
    if proof.floor_sd > _MOST_FLOOR_SD:
        yield "unsure_floor", f"places on the floor are told to {proof.floor_sd:.1%} only"
    if abs(pose.pitch) > _MOST_PITCH or abs(pose.roll) > _MOST_ROLL:
        pitch, roll = math.degrees(pose.pitch), math.degrees(pose.roll)
        yield "tilted", f"the camera looks {pitch:.0f} degrees up and leans {roll:.0f}"
    if proof.margin < _LEAST_MARGIN:
        yield "other_frame", f"another frame is nearly as likely (by {proof.margin:.1f})"


def _of_room(ids: Ids, box: FoundBox, scale: Scale) -> Iterator[tuple[str, str]]:
    if box.agreement < _LEAST_AGREEMENT:
        yield "no_box", f"{box.agreement:.0%} of floor, walls and ceiling agree with a box"
    mirrors = share_of(ids, "mirror")
    if mirrors > _MOST_MIRROR:
        yield "mirrors", f"mirrors cover {mirrors:.0%} of the photo"
    if scale.deviation > _MOST_SCALE_SD:
        yield "unsure_scale", f"neither ceiling nor door tells the scale: {scale.deviation:.0%}"
