"""An entrance hall with a flight of stairs."""

from dataclasses import replace

from synthetic.bathroom_ware import make_mirror
from synthetic.decor import make_bowl, make_rug, make_vase
from synthetic.furniture import make_sideboard
from synthetic.lamps import make_pendant
from synthetic.layout import (
    Plan,
    aim_camera,
    at_wall,
    hang,
    on_top,
    start_plan,
    under_ceiling,
)
from synthetic.rooms.brief import Brief, Furnished, door, hang_pictures, plain_room, window
from synthetic.scene import Opening, Side, Sun
from synthetic.stair_parts import GOING, RISE, make_balustrade, make_stairs


def furnish_staircase(brief: Brief) -> Furnished:
    """Furnish a hall two floors high; the stairs climb along the right wall, away from us."""
    steps = 15
    width, depth = brief.between(3.5, 3.9), brief.between(6.2, 6.6)
    height = round(steps * RISE + 2.5, 2)
    left = (window(depth * 0.36, 1.2, 0.5, 2.3), window(depth * 0.36, 1.2, 3.0, 4.4))
    front = (window(width * 0.5, 1.8, 0.3, 2.3), window(width * 0.5, 1.8, 2.9, 4.4))
    back = (door(width * 0.27, 0.92), window(width * 0.5, 1.3, 2.95, 4.3))
    openings: dict[Side, tuple[Opening, ...]] = {"left": left, "front": front, "back": back}
    room = plain_room(brief, (width, height, depth), openings)
    camera = aim_camera(room, (width * 0.3, depth - 0.2), (width * 0.56, 0.0), 74, 1.45)
    camera = replace(camera, rise=0.1)
    plan = start_plan(room, camera)
    flight = make_stairs("stairs", steps, 1.0, brief.palette)
    z = 0.6 + steps * GOING / 2
    flight = replace(flight, position=(width - 0.505, 0.0, z))
    rail = make_balustrade("railing", steps, brief.palette)
    rail = replace(rail, position=(width - 1.075, 0.0, z))
    plan = plan.need(flight, rail)
    plan = _hall_things(plan, brief)
    pendant = make_pendant("pendant", brief.palette, 1.7, 0.26)
    plan = plan.add(under_ceiling(room, width * 0.35, depth * 0.4, pendant))
    return Furnished(room, plan.items, camera, Sun(-65.0, 45.0, 14.0))


def _hall_things(plan: Plan, brief: Brief) -> Plan:
    room, palette = plan.room, brief.palette
    depth = room.size[2]
    board = at_wall(room, "left", depth * 0.64, make_sideboard("sideboard", 1.1, palette), 0.03)
    plan = plan.add(board)
    if plan.find("sideboard") is not None:
        plan = plan.add(on_top(make_vase("vase", 0.5, (0.85, 0.83, 0.79), 6), board, -0.32, 0.0))
        plan = plan.add(on_top(make_bowl("bowl", 0.12, palette.accents[1]), board, 0.3, 0.0))
        mirror = replace(make_mirror("mirror", 0.7, 0.9, palette), fixed=False)
        plan = plan.add(hang(room, "left", depth * 0.64, 1.12, mirror))
    rug = replace(
        make_rug("rug", 0.95, 2.6, palette), position=(room.size[0] * 0.36, 0.0, depth * 0.5)
    )
    plan = plan.add(rug)
    return hang_pictures(plan, "back", room.size[0] * 0.62, 1.35, brief, 1)
