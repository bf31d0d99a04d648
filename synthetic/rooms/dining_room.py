"""A dining room: a long table with chairs under pendants, a sideboard."""

from dataclasses import replace

from synthetic.decor import make_bowl, make_rug, make_vase
from synthetic.furniture import make_plant, make_sideboard, make_small_plant, make_table
from synthetic.lamps import make_pendant
from synthetic.layout import (
    Plan,
    aim_camera,
    at_wall,
    beside,
    on_top,
    start_plan,
    under_ceiling,
)
from synthetic.models import pick_model
from synthetic.rooms.brief import (
    Brief,
    Furnished,
    door,
    draw_curtains,
    hang_pictures,
    plain_room,
    window,
)
from synthetic.scene import Item, Opening, Side, Sun
from synthetic.seating import make_chair


def furnish_dining_room(brief: Brief) -> Furnished:
    """Furnish a dining room seen from its front right corner."""
    size = (brief.between(4.4, 4.9), brief.between(2.65, 2.8), brief.between(5.0, 5.5))
    width, _, depth = size
    left = (window(depth * 0.52, 2.2, 0.1, 2.3),)
    front = (window(width * 0.4, 1.9, 0.5, 2.3),)
    openings: dict[Side, tuple[Opening, ...]] = {
        "left": left,
        "front": front,
        "right": (door(1.0),),
    }
    room = plain_room(brief, size, openings)
    camera = aim_camera(room, (width - 0.45, depth - 0.3), (width * 0.4, depth * 0.3), 70, 1.4)
    plan = _table_group(start_plan(room, camera), brief)
    board = at_wall(
        room, "back", width * 0.48, make_sideboard("sideboard", 1.8, brief.palette), 0.03
    )
    plan = plan.add(board)
    if plan.find("sideboard") is not None:
        plan = plan.add(on_top(make_vase("vase", 0.55, (0.84, 0.82, 0.78), 3), board, -0.6, 0.0))
        plan = plan.add(
            on_top(make_small_plant("small-plant", brief.catalogue, 1), board, 0.62, 0.0)
        )
    plan = hang_pictures(plan, "back", width * 0.48, 1.2, brief, 2)
    plan = draw_curtains(draw_curtains(plan, "left", brief), "front", brief)
    plant = make_plant("plant", brief.catalogue, brief.palette, brief.choose(2))
    plan = plan.add_somewhere(plant, (0.6, 0.55), (width - 0.6, 0.6))
    return Furnished(room, plan.items, camera, Sun(-65.0, 42.0, 15.0))


def _table_group(plan: Plan, brief: Brief) -> Plan:
    room, palette = plan.room, brief.palette
    x, z = room.size[0] * 0.46, room.size[2] * 0.47
    table = replace(_choose_table(brief), position=(x, 0.0, z), yaw_deg=0.0)
    if table.size[0] > table.size[2]:
        table = replace(table, yaw_deg=90.0)
    plan = plan.need(table)
    rug = make_rug("rug", table.size[0] + 1.2, table.size[2] + 1.4, palette)
    plan = plan.add(beside(rug, table, 0.0, 0.0))
    chair = make_chair("chair", brief.catalogue, palette, brief.choose(3))
    plan = _chairs(plan, table, chair)
    bowl = on_top(make_bowl("bowl", 0.17, palette.accents[0]), table, 0.1, 0.0)
    vase = on_top(make_vase("table-vase", 0.5, palette.accents[2], 8), table, -0.25, 0.04)
    plan = plan.add(bowl).add(vase)
    for number, share in enumerate((-0.25, 0.25)):
        pendant = make_pendant(f"pendant-{number}", palette, room.size[1] - 1.62)
        plan = plan.add(under_ceiling(room, x, z + share * max(table.size), pendant))
    return plan


def _choose_table(brief: Brief) -> Item:
    wood = (("TableFeet", brief.palette.wood), ("TableTop", brief.palette.wood))
    model = pick_model(brief.catalogue, ("table",), "table", "table", wood)
    if model is not None and brief.choose(2):
        return model
    return make_table("table", 2.0, 0.95, brief.palette)


def _chairs(plan: Plan, table: Item, chair: Item) -> Plan:
    """Three chairs on each long side, one at each head, drawn back just clear of the table."""
    along = table.size[0] * 0.29
    away = table.size[2] / 2 + chair.size[2] / 2 + 0.01
    spots = [
        (k * along, side * away, 180.0 if side > 0 else 0.0) for side in (-1, 1) for k in (-1, 0, 1)
    ]
    head = table.size[0] / 2 + chair.size[2] / 2 + 0.04
    spots += [(-head, 0.0, 90.0), (head, 0.0, -90.0)]
    for number, (x, z, turn) in enumerate(spots):
        plan = plan.add(replace(beside(chair, table, x, z, turn), name=f"chair-{number}"))
    return plan
