"""Measures what furnishing a photo of 1.5 MP costs, and whether it holds what it promises.

Drawn rooms with true cameras: no photo and no other model is needed. For each kit and room: CPU
seconds of the survey, the plan, the meshes and the furnishing, cold (the first of the process) and
warm; the check's figures; whether a second run gives the same bytes; the peak of memory.

Needs the extra `render`; with libLLVM (`DRJIT_LIBLLVM_PATH` where it is not installed) it is fast.
"""

import argparse
import hashlib
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from serving.image import Image
from serving.kits.meshes import models_of
from serving.kits.read import read_kits
from serving.perception.classes import CLASSES
from serving.render.rooms.renderer import PathTracer
from serving.staging.check.check import check_furnished
from serving.staging.furnish.furnish import furnish
from serving.staging.furnish.scene import stand
from serving.staging.kit import RoomType
from serving.staging.layout.solve import plan
from serving.staging.layout.space import survey
from serving.staging.room import Box, Camera, Ids, Opening, Room, faces_of

SIZE = 1000, 1500
ROOMS: tuple[tuple[RoomType, float, float], ...] = (
    ("living_room", 84, 18), ("bedroom", 88, -14), ("dining_room", 80, 8), ("office", 82, 24),
)  # fmt: skip
Value = TypeVar("Value")


@dataclass
class Clock:
    """CPU seconds of this process by step."""

    spent: dict[str, float]

    def run(self, step: str, work: Callable[[], Value]) -> Value:
        """Return what `work` returns, and note what it took."""
        start = time.process_time()
        value = work()
        self.spent[step] = round(time.process_time() - start, 2)
        return value


def drawn_room(hfov_deg: float, yaw_deg: float, seed: int) -> tuple[Image, Ids, Room]:
    """Return an empty room of flat colours with grain, its map, and what is true of it."""
    camera = Camera.level(SIZE, hfov_deg, 1.45, yaw_deg)
    box = Box(4.9, 2.3, 2.7, 2.6)
    openings = (
        Opening("right", "door", -2.6, -1.7, 0, 2.05),
        Opening("left", "window", -3.6, -2.0, 0.9, 2.2),
    )
    faces, away = faces_of(camera, box, camera.grid_rays(*SIZE))
    colours = np.array(
        [[150, 120, 92], [236, 234, 230], [214, 208, 200], [204, 198, 190], [222, 216, 208]]
    )
    rng = np.random.default_rng(seed)
    shade = np.clip(1.08 - 0.04 * away, 0.75, 1.05)[..., None]
    photo = np.clip(colours[faces] * shade + rng.normal(0, 2, (*SIZE, 1)), 0, 255).astype(np.uint8)
    names = ("floor", "ceiling", "wall", "wall", "wall")
    ids = np.array([CLASSES.index(name) for name in names], np.uint8)[faces]
    return photo, ids, Room(camera, box, openings)


def measure(
    kit_id: str, room: tuple[RoomType, float, float], tracer: PathTracer
) -> dict[str, object]:
    """Return the figures of one room furnished from one kit."""
    room_type, hfov_deg, yaw_deg = room
    photo, ids, seen = drawn_room(hfov_deg, yaw_deg, 7)
    kit, clock = read_kits()[kit_id], Clock({})
    space = clock.run("survey", lambda: survey(seen, ids))
    made = clock.run("plan", lambda: plan(space, kit, room_type))
    things = clock.run("meshes", lambda: stand(made, models_of(kit, made.skus)))
    done = clock.run("furnish", lambda: furnish(photo, ids, seen, things, tracer))
    found = clock.run("check", lambda: check_furnished(photo, ids, seen, things, done))
    return {
        "room": f"{kit_id}/{room_type}", "pieces": len(made.pieces),
        "not_placed": sorted(made.reasons),
        "cpu_s": clock.spent, "contact_px": sorted(round(v, 1) for v in found.contact_px.values()),
        "shadow": sorted(round(v, 2) for v in found.shadow.values()),
        "outside": found.outside_changed, "share": round(found.share_changed, 3),
        "score": round(found.score, 2), "reasons": sorted(found.reasons),
        "sha256": hashlib.sha256(done.picture.tobytes()).hexdigest()[:16],
    }  # fmt: skip


def main() -> None:
    """Print a line for each room, then one JSON object."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--quick", action="store_true", help="two rooms of one kit")
    asked = reader.parse_args()
    kits = ("modern",) if asked.quick else tuple(read_kits())
    rooms = ROOMS[:2] if asked.quick else ROOMS
    tracer = PathTracer()
    rows = [measure(kit, room, tracer) for kit in kits for room in rooms]
    again = measure(kits[0], rooms[0], tracer)
    for row in rows:
        print(row)
    costs = [float(sum(row["cpu_s"].values())) for row in rows]  # type: ignore[attr-defined]
    contact = [value for row in rows for value in row["contact_px"]]  # type: ignore[attr-defined]
    shadow = [value for row in rows for value in row["shadow"]]  # type: ignore[attr-defined]
    print(json.dumps({
        "rooms": len(rows), "cold_cpu_s": round(costs[0], 2),
        "warm_cpu_s_median": round(float(np.median(costs[1:])), 2),
        "warm_cpu_s_worst": round(max(costs[1:]), 2),
        "contact_px_median": float(np.median(contact)),
        "share_of_feet_in_shadow": round(float(np.mean(np.array(shadow) < 0.9)), 3),
        "outside_changed": sum(int(str(row["outside"])) for row in rows),
        "same_bytes_again": again["sha256"] == rows[0]["sha256"],
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
