"""A study: a desk with a screen, a swivel chair, bookshelves."""

from synthetic.decor import make_books, make_rug
from synthetic.furniture import make_bookshelf, make_plant, make_small_plant
from synthetic.lamps import make_desk_lamp, make_drum_pendant
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
from synthetic.seating import make_office_chair
from synthetic.workplace import make_desk, make_keyboard, make_monitor


def furnish_office(brief: Brief) -> Furnished:
    """Furnish a study seen from its front right corner."""
    size = (brief.between(3.7, 4.2), brief.between(2.6, 2.75), brief.between(3.9, 4.4))
    width, _, depth = size
    left = (window(depth * 0.5, 1.5, 0.85, 2.25),)
    front = (window(width * 0.5, 1.6, 0.6, 2.3),)
    room = plain_room(brief, size, {"left": left, "front": front}, accent="back")
    camera = aim_camera(room, (width - 0.4, depth - 0.3), (width * 0.42, depth * 0.15), 70)
    plan = _desk_group(start_plan(room, camera), brief)
    shelf = make_bookshelf("bookshelf", 0.9, 2.0, brief.palette, brief.choose(999))
    plan = plan.add(at_wall(room, "back", width - 0.48, shelf, 0.02))
    other = make_bookshelf("low-shelf", 1.3, 0.82, brief.palette, brief.choose(999))
    low = at_wall(room, "right", depth * 0.42, other, 0.02)
    plan = plan.add(low)
    if plan.find("low-shelf") is not None:
        plan = plan.add(on_top(make_small_plant("small-plant", brief.catalogue, 0), low, 0.4, 0.0))
        plan = plan.add(on_top(make_books("books", 4, brief.choose(99)), low, -0.35, 0.0))
    plan = draw_curtains(draw_curtains(plan, "left", brief), "front", brief)
    plant = make_plant("plant", brief.catalogue, brief.palette, brief.choose(2))
    plan = plan.add_somewhere(plant, (0.5, 0.5), (0.6, 0.8))
    plan = plan.add(
        under_ceiling(
            room, width * 0.5, depth * 0.5, make_drum_pendant("pendant", brief.palette, 0.45)
        )
    )
    return Furnished(room, plan.items, camera, Sun(-68.0, 40.0, 14.0))


def _desk_group(plan: Plan, brief: Brief) -> Plan:
    room, palette = plan.room, brief.palette
    desk = at_wall(room, "back", room.size[0] * 0.45, make_desk("desk", palette), 0.03)
    plan = plan.need(desk)
    plan = plan.need(
        on_top(make_monitor("monitor", palette, brief.choose(99)), desk, 0.05, -0.18, 4)
    )
    plan = plan.add(on_top(make_keyboard("keyboard"), desk, 0.08, 0.14))
    plan = plan.add(on_top(make_desk_lamp("desk-lamp", palette), desk, -0.53, -0.2, 20))
    plan = plan.add(on_top(make_books("desk-books", 3, brief.choose(99)), desk, 0.58, -0.08, 15))
    rug = make_rug("rug", 2.0, 1.4, palette)
    plan = plan.add(beside(rug, desk, 0.1, 1.0))
    chair = beside(
        make_office_chair("office-chair", palette), desk, 0.12, desk.size[2] / 2 + 0.52, 152
    )
    plan = plan.need(chair)
    return hang_pictures(plan, "back", desk.position[0], 1.42, brief, 2)
