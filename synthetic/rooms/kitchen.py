"""A fitted kitchen: hob and oven under a hood, sink under the window, fridge, island."""

from dataclasses import replace

from synthetic.appliances import make_fridge, make_hob, make_hood, make_sink
from synthetic.decor import make_bowl, make_vase
from synthetic.furniture import make_small_plant
from synthetic.kitchen_units import (
    BASE_H,
    DEPTH,
    make_bar_stool,
    make_base_run,
    make_island,
    make_oven,
    make_splashback,
    make_upper_run,
)
from synthetic.lamps import make_pendant
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
from synthetic.models import pick_model
from synthetic.rooms.brief import Brief, Furnished, plain_room, window
from synthetic.scene import Item, Sun

UPPER_M = 1.5


def furnish_kitchen(brief: Brief) -> Furnished:
    """Furnish a kitchen seen from its front right corner; the window is on the left."""
    size = (brief.between(4.0, 4.4), brief.between(2.55, 2.7), brief.between(4.2, 4.8))
    width, _, depth = size
    left = (window(depth - 1.75, 1.5, 1.12, 2.25),)
    front = (window(width * 0.45, 2.0, 0.4, 2.3),)
    floor = brief.palette.stone_floor if brief.choose(2) else brief.palette.planks
    room = plain_room(brief, size, {"left": left, "front": front}, floor=floor)
    camera = aim_camera(room, (width - 0.5, depth - 0.35), (width * 0.38, 0.5), 72, 1.42)
    plan = _back_wall(start_plan(room, camera), brief)
    plan = _left_wall(plan, brief)
    plan = _island(plan, brief)
    return Furnished(room, plan.items, camera, Sun(-60.0, 42.0, 13.0))


def _back_wall(plan: Plan, brief: Brief) -> Plan:
    room, palette = plan.room, brief.palette
    width, height, _ = room.size
    fridge = make_fridge("fridge", palette)
    start, end = DEPTH + 0.02, width - fridge.size[0] - 0.06
    plan = plan.need(at_wall(room, "back", width - fridge.size[0] / 2 - 0.03, fridge, 0.02))
    side = (end - start - 0.6) / 2
    middle = start + side + 0.3
    for number, along in enumerate((start + side / 2, end - side / 2)):
        run = make_base_run(
            f"base-back-{number}", (side / 2, side / 2), ("drawers", "door"), palette
        )
        plan = plan.need(at_wall(room, "back", along, run, 0.0))
        upper = make_upper_run(f"upper-{number}", (side / 2, side / 2), 0.78, palette)
        plan = plan.need(hang(room, "back", along, UPPER_M, upper))
    oven = at_wall(room, "back", middle, make_oven("oven", palette), 0.0)
    plan = plan.need(oven, on_top(make_hob("hob", palette), oven, 0.0, 0.02))
    plan = plan.need(
        hang(
            room,
            "back",
            middle,
            UPPER_M + 0.08,
            make_hood("hood", height - UPPER_M - 0.08, palette),
        )
    )
    tiles = make_splashback("splashback", end - 0.01, UPPER_M - BASE_H - 0.006, palette)
    plan = plan.add(hang(room, "back", end / 2, BASE_H + 0.005, tiles))
    return _counter_things(plan, brief)


def _counter_things(plan: Plan, brief: Brief) -> Plan:
    left, right = plan.find("base-back-0"), plan.find("base-back-1")
    if left is None or right is None:
        return plan
    machine = pick_model(
        brief.catalogue, ("coffeeBrewer", "kitchenaid"), "coffee-machine", "decoration"
    )
    if machine is not None:
        plan = plan.add(on_top(machine, right, right.size[0] * 0.2, -0.02))
    plan = plan.add(
        on_top(
            make_vase("jar", 0.2, (0.86, 0.83, 0.78), 2, twigs=False),
            right,
            -right.size[0] * 0.28,
            -0.12,
        )
    )
    bread = pick_model(brief.catalogue, ("bread",), "bread", "decoration")
    if bread is not None:
        plan = plan.add(on_top(bread, left, 0.05, 0.0))
    return plan


def _left_wall(plan: Plan, brief: Brief) -> Plan:
    """Sink under the window; the run starts in the back corner."""
    room, palette = plan.room, brief.palette
    depth = room.size[2]
    widths = (0.6, 0.6, 0.8, DEPTH)
    run = make_base_run("base-left", widths, ("dishwasher", "drawers", "doors", "door"), palette)
    along = depth - run.size[0] / 2 - 0.005
    run = at_wall(room, "left", along, run, 0.0)
    plan = plan.need(run)
    sink_x = run.size[0] / 2 - DEPTH - 0.4
    plan = plan.need(on_top(make_sink("sink", palette), run, sink_x, 0.03))
    plan = plan.add(
        on_top(make_small_plant("herbs", brief.catalogue, 1), run, -run.size[0] / 2 + 0.28, -0.08)
    )
    tiles = make_splashback("splashback-left", run.size[0], 0.2, palette)
    return plan.add(hang(room, "left", along, BASE_H + 0.005, tiles))


def _island(plan: Plan, brief: Brief) -> Plan:
    room, palette = plan.room, brief.palette
    width, _, depth = room.size
    island = replace(
        make_island("island", 1.7, palette), position=(width * 0.56, 0.0, depth * 0.47)
    )
    if not plan.fits(island):
        return plan
    plan = plan.add(island)
    plan = plan.add(on_top(make_bowl("fruit", 0.17, palette.accents[2]), island, 0.35, 0.1))
    stool = make_bar_stool("stool", palette)
    for number, x in enumerate((-0.45, 0.45)):
        plan = plan.add(
            _named(beside(stool, island, x, island.size[2] / 2 + 0.22), f"stool-{number}")
        )
    for number, x in enumerate((-0.45, 0.45)):
        pendant = make_pendant(f"pendant-{number}", palette, room.size[1] - 1.72, 0.15)
        plan = plan.add(under_ceiling(room, island.position[0] + x, island.position[2], pendant))
    return plan


def _named(item: Item, name: str) -> Item:
    return replace(item, name=name)
