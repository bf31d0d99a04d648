"""A bedroom: a made bed between bedside tables, a wardrobe, curtains."""

from synthetic.bedding import build_bed, make_bed, make_bedside_table, make_wardrobe
from synthetic.decor import make_books, make_rug, make_vase
from synthetic.furniture import make_plant
from synthetic.lamps import make_drum_pendant, make_table_lamp
from synthetic.layout import (
    Plan,
    aim_camera,
    at_wall,
    beside,
    on_top,
    start_plan,
    under_ceiling,
)
from synthetic.rooms.brief import (
    Brief,
    Furnished,
    draw_curtains,
    hang_pictures,
    plain_room,
    window,
)
from synthetic.scene import Sun


def furnish_bedroom(brief: Brief) -> Furnished:
    """Furnish a bedroom seen from its front right corner."""
    size = (brief.between(4.3, 4.8), brief.between(2.6, 2.75), brief.between(4.4, 4.9))
    width, _, depth = size
    left = (window(depth * 0.45, 1.7, 0.75, 2.25),)
    front = (window(width * 0.45, 1.8, 0.6, 2.3),)
    room = plain_room(brief, size, {"left": left, "front": front}, accent="back")
    camera = aim_camera(room, (width - 0.95, depth - 0.25), (width * 0.36, depth * 0.1), 72)
    plan = _bed_group(start_plan(room, camera), brief)
    plan = draw_curtains(draw_curtains(plan, "left", brief), "front", brief)
    wardrobe = make_wardrobe("wardrobe", 1.5, 2.2, brief.palette)
    plan = plan.add(at_wall(room, "right", 0.82, wardrobe, 0.02))
    plant = make_plant("plant", brief.catalogue, brief.palette, brief.choose(2))
    plan = plan.add_somewhere(plant, (0.5, 0.5), (0.6, 1.0))
    lamp = make_drum_pendant("pendant", brief.palette, drop=0.45)
    plan = plan.add(under_ceiling(room, width * 0.45, depth * 0.55, lamp))
    return Furnished(room, plan.items, camera, Sun(-70.0, 38.0, 14.0))


def _bed_group(plan: Plan, brief: Brief) -> Plan:
    room, palette = plan.room, brief.palette
    bed = (
        make_bed("bed", brief.catalogue, palette)
        if brief.choose(3) == 0
        else build_bed("bed", palette)
    )
    bed = at_wall(room, "back", room.size[0] * 0.44, bed, 0.02)
    plan = plan.need(bed)
    rug = make_rug("rug", bed.size[0] + 1.1, 1.7, palette)
    plan = plan.add(beside(rug, bed, 0.0, 0.55))
    for number, side in enumerate((-1, 1)):
        table = make_bedside_table(f"bedside-table-{number}", brief.catalogue, palette)
        along = bed.position[0] + side * (bed.size[0] / 2 + table.size[0] / 2 + 0.06)
        table = at_wall(room, "back", along, table, 0.02)
        lamp = on_top(make_table_lamp(f"table-lamp-{number}", palette), table, side * 0.05, -0.04)
        plan = plan.add(table, lamp)
        if number:
            plan = plan.add(
                on_top(make_vase("vase", 0.3, (0.88, 0.86, 0.82), 5), table, -0.15, 0.1)
            )
        else:
            plan = plan.add(on_top(make_books("books", 2, brief.choose(99)), table, 0.1, 0.1, 80))
    return hang_pictures(plan, "back", bed.position[0], 1.45, brief, 2)
