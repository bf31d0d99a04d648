"""A bathroom: tub with a glass screen, basin and mirror, toilet, tiles."""

from dataclasses import replace

from synthetic.bathroom_ware import (
    make_bathtub,
    make_bottles,
    make_mirror,
    make_shower_curtain,
    make_shower_rail,
    make_toilet,
    make_towel_rail,
    make_vanity,
)
from synthetic.decor import make_rug
from synthetic.furniture import make_small_plant
from synthetic.lamps import make_ceiling_light, make_wall_bar
from synthetic.layout import (
    Plan,
    aim_camera,
    at_wall,
    beside,
    hang,
    on_top,
    start_plan,
    under_ceiling,
)
from synthetic.rooms.brief import Brief, Furnished, window
from synthetic.scene import Opening, Room, Sun, Wall

TUB_DEPTH = 0.78


def furnish_bathroom(brief: Brief) -> Furnished:
    """Furnish a bathroom seen from its front left corner; the tub lies along the back wall."""
    size = (brief.between(2.5, 2.8), brief.between(2.5, 2.65), brief.between(3.4, 3.7))
    width, _, depth = size
    room = _tiled_room(brief, size)
    camera = aim_camera(room, (0.3, depth - 0.15), (width * 0.62, 0.0), 78, 1.38)
    plan = start_plan(room, camera)
    tub = at_wall(
        room,
        "back",
        width / 2,
        make_bathtub("bathtub", width - 0.01, TUB_DEPTH, brief.palette),
        0.003,
    )
    plan = plan.need(tub)
    rail = hang(room, "right", 0.39, 1.0, make_shower_rail("shower", brief.palette))
    plan = plan.add(rail)
    curtain = make_shower_curtain("shower-curtain", width - 0.02, brief.palette)
    hung = replace(curtain, position=(width / 2, 0.42, TUB_DEPTH + 0.08))
    plan = plan.add(hung)
    plan = _basin_wall(plan, brief)
    toilet = make_toilet("toilet", brief.catalogue, brief.palette)
    plan = plan.need(at_wall(room, "right", TUB_DEPTH + 0.4, toilet, 0.02))
    mat = make_rug("bath-mat", 0.85, 0.55, brief.palette, "pile")
    plan = plan.add(beside(mat, tub, 0.0, TUB_DEPTH / 2 + 0.4))
    towel = make_towel_rail("towel", brief.palette.accents[0], brief.palette)
    plan = plan.add(hang(room, "left", depth - TUB_DEPTH - 0.75, 0.85, towel))
    plan = plan.add(
        under_ceiling(room, width / 2, depth * 0.5, make_ceiling_light("ceiling-light"))
    )
    return Furnished(room, plan.items, camera, Sun(150.0, 42.0, 9.0))


def _tiled_room(brief: Brief, size: tuple[float, float, float]) -> Room:
    palette = brief.palette
    width = size[0]
    tiles = palette.metro_tiles if brief.choose(2) else palette.wall_tiles

    def wall(openings: tuple[Opening, ...] = (), up_m: float = 1.2) -> Wall:
        return Wall(palette.walls, openings, tiles, up_m)

    light = (window(width * 0.42, 1.0, 1.3, 2.2),)
    behind = (window(width * 0.5, 1.4, 0.9, 2.25),)
    walls = (wall(light, 2.1), wall(), wall(behind), wall())
    return Room(
        size,
        walls,
        palette.stone_floor,
        palette.ceiling,
        palette.trim,
        cornice=False,
        skirting=False,
    )


def _basin_wall(plan: Plan, brief: Brief) -> Plan:
    room, palette = plan.room, brief.palette
    along = TUB_DEPTH + 1.2
    vanity = at_wall(room, "right", along, make_vanity("washbasin", 0.9, palette), 0.003)
    plan = plan.need(vanity)
    plan = plan.add(hang(room, "right", along, 1.25, make_mirror("mirror", 0.8, 0.85, palette)))
    plan = plan.add(hang(room, "right", along, 2.16, make_wall_bar("mirror-light", 0.6, palette)))
    bottles = on_top(make_bottles("bottles", palette), vanity, 0.34, -0.16)
    plan = plan.add(replace(bottles, position=(bottles.position[0], 0.94, bottles.position[2])))
    plant = make_small_plant("small-plant", brief.catalogue, 0)
    posed = on_top(plant, vanity, -0.34, -0.12)
    return plan.add(replace(posed, position=(posed.position[0], 0.94, posed.position[2])))
