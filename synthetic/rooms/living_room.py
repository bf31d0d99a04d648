"""A living room: sofa, table and easy chair on a rug, a sideboard opposite the windows."""

from dataclasses import replace

from synthetic.decor import make_books, make_bowl, make_cushion, make_rug, make_vase
from synthetic.furniture import (
    make_bookshelf,
    make_coffee_table,
    make_plant,
    make_sideboard,
    make_television,
)
from synthetic.lamps import make_drum_pendant, make_floor_lamp
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
from synthetic.scene import Item, Sun
from synthetic.seating import make_armchair, make_sofa


def furnish_living_room(brief: Brief) -> Furnished:
    """Furnish a living room seen from its front right corner."""
    size = (brief.between(5.2, 5.8), brief.between(2.62, 2.8), brief.between(5.0, 5.6))
    width, _, depth = size
    left = (window(depth * 0.26, 1.2, 0.35, 2.3), window(depth * 0.66, 1.3, 0.35, 2.3))
    front = (window(width * 0.6, 2.6, 0.4, 2.35),)
    room = plain_room(brief, size, {"left": left, "front": front}, accent="back")
    camera = aim_camera(room, (width - 0.5, depth - 0.4), (width * 0.4, depth * 0.18), 72)
    plan = _seat_group(start_plan(room, camera), brief)
    plan = _right_wall(plan, brief)
    plan = draw_curtains(draw_curtains(plan, "left", brief), "front", brief)
    plant = make_plant("plant", brief.catalogue, brief.palette, brief.choose(2))
    plan = plan.add_somewhere(plant, (0.6, 0.6), (width - 1.5, 0.55), (width - 0.6, 1.3))
    plan = plan.add(
        under_ceiling(room, width * 0.48, depth * 0.42, make_drum_pendant("pendant", brief.palette))
    )
    return Furnished(room, plan.items, camera, Sun(-62.0, 40.0, 16.0))


def _seat_group(plan: Plan, brief: Brief) -> Plan:
    room, palette = plan.room, brief.palette
    sofa = at_wall(
        room,
        "back",
        room.size[0] * 0.47,
        make_sofa("sofa", brief.catalogue, palette, brief.choose(3)),
        0.06,
    )
    plan = plan.need(sofa)
    reach = sofa.size[2] / 2
    rug = beside(make_rug("rug", 2.7, 1.9, palette), sofa, 0.0, reach + 0.72)
    table = beside(make_coffee_table("coffee-table", palette), sofa, 0.0, reach + 0.78)
    plan = plan.add(rug).need(table)
    books = on_top(make_books("books", 3, brief.choose(99)), table, -0.14, 0.06, 12)
    vase = on_top(make_vase("vase", 0.42, (0.86, 0.84, 0.8), brief.choose(99)), table, 0.13, -0.1)
    plan = plan.add(books).add(vase)
    chair = make_armchair("armchair", brief.catalogue, palette, brief.choose(2))
    plan = plan.add(beside(chair, sofa, -1.55, reach + 1.15, 62))
    lamp = make_floor_lamp("floor-lamp", palette)
    plan = plan.add(beside(lamp, sofa, -sofa.size[0] / 2 - 0.3, -0.12))
    plan = _cushions(plan, sofa, brief)
    up = max(1.15, sofa.size[1] + 0.32)
    return hang_pictures(plan, "back", sofa.position[0], up, brief, 3)


def _cushions(plan: Plan, sofa: Item, brief: Brief) -> Plan:
    """Lean cushions into the corners of the sofa, on its seat."""
    for number, share in enumerate((-0.3, 0.3)):
        color = brief.palette.accents[number % 2]
        cushion = on_top(
            make_cushion(f"cushion-{number}", 0.42, color),
            sofa,
            share * sofa.size[0],
            -0.1,
            10 - 20 * number,
        )
        x, _, z = cushion.position
        plan = plan.add(replace(cushion, position=(x, 0.42, z)))
    return plan


def _right_wall(plan: Plan, brief: Brief) -> Plan:
    room, palette = plan.room, brief.palette
    board = at_wall(
        room, "right", room.size[2] * 0.5, make_sideboard("sideboard", 1.7, palette), 0.03
    )
    plan = plan.add(board)
    if plan.find("sideboard") is not None:
        screen = on_top(make_television("television", 1.15, palette), board, 0.0, -0.03)
        bowl = on_top(make_bowl("bowl", 0.13, palette.accents[1]), board, 0.7, 0.02)
        plan = plan.add(screen).add(bowl)
    shelf = make_bookshelf("bookshelf", 0.9, 1.9, palette, brief.choose(99))
    return plan.add(at_wall(room, "back", room.size[0] - 0.5, shelf, 0.02))
