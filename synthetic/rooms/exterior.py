"""The house from the street: lawn, drive, garage, trees, a summer sky."""

from dataclasses import replace

from synthetic.garden import bush, garden_items
from synthetic.house import (
    CONCRETE,
    make_front_door,
    make_front_window,
    make_gable_block,
    make_garage_door,
    siding,
)
from synthetic.rooms.brief import Brief, Furnished
from synthetic.scene import RGB, Camera, Item, Material, Part, Pattern, Sun
from synthetic.shapes import Box

WALLS: tuple[RGB, ...] = ((0.87, 0.87, 0.85), (0.6, 0.66, 0.68), (0.8, 0.76, 0.68))
DOORS: tuple[RGB, ...] = ((0.24, 0.36, 0.33), (0.5, 0.17, 0.14), (0.2, 0.28, 0.4))
BRICKS = Material(
    roughness=0.85,
    pattern=Pattern(
        "bricks",
        (2.4, 2.4),
        ((0.56, 0.3, 0.23), (0.62, 0.36, 0.28), (0.49, 0.27, 0.22), (0.74, 0.71, 0.67)),
        5,
    ),
)


def furnish_exterior(brief: Brief) -> Furnished:
    """Build a two-storey house with a garage wing, its front towards +z at z = 0."""
    walls = BRICKS if brief.choose(3) == 0 else siding(WALLS[brief.choose(len(WALLS))])
    width = brief.between(8.2, 9.4)
    trim = brief.palette.trim
    main = make_gable_block(
        "main-house", (width, 5.3, 7.0), brief.between(0.6, 0.75), walls, trim, True
    )
    main = replace(main, position=(0.0, 0.0, -3.5))
    wing = make_gable_block("garage", (5.6, 2.75, 6.4), 0.62, walls, trim, False)
    garage_x = width / 2 + 2.7
    wing = replace(wing, position=(garage_x, 0.0, -2.6))
    items = [main, wing, *_openings(width, garage_x, brief), *_grounds(width, garage_x, brief)]
    items += _planting(width, brief)
    camera = Camera((-2.6, 1.65, 15.5), 163.0, 66.0, rise=0.1)
    return Furnished(None, tuple(items), camera, Sun(-38.0, 44.0, 0.0))


def _openings(width: float, garage_x: float, brief: Brief) -> list[Item]:
    palette = brief.palette
    door = make_front_door(
        "front-door", (0.3, 0.36, 0.01), DOORS[brief.choose(len(DOORS))], palette
    )
    items = [door, make_garage_door("garage-door", (garage_x, 0.05, 0.615), 4.4, palette)]
    places = [(-width * 0.31, 1.05, 1.9, 1.5), (width * 0.29, 1.05, 1.4, 1.5)]
    places += [
        (-width * 0.31, 3.5, 1.5, 1.35),
        (0.3, 3.5, 1.1, 1.35),
        (width * 0.3, 3.5, 1.5, 1.35),
    ]
    for number, (x, y, wide, tall) in enumerate(places):
        items.append(make_front_window(f"window-{number}", (x, y, 0.015), wide, tall, palette))
    return items


def _grounds(width: float, garage_x: float, brief: Brief) -> list[Item]:
    drive = Part(Box((0, -0.05, 0), (5.2, 0.07, 19.0), 0.01), CONCRETE)
    path = Part(Box((0, -0.05, 0), (1.5, 0.075, 5.0), 0.01), CONCRETE)
    across = Part(Box((0, -0.05, 0), (garage_x - 0.3, 0.072, 1.5), 0.01), CONCRETE)
    soil = Part(
        Box((0, 0, 0), (width * 0.42, 0.06, 1.3), 0.02), Material((0.3, 0.24, 0.2), roughness=1.0)
    )
    return [
        Item("drive", "road", (5.2, 0.02, 19.0), (garage_x, 0.0, 10.1), parts=(drive,), fixed=True),
        Item("path", "road", (1.5, 0.02, 5.0), (0.3, 0.0, 3.9), parts=(path,), fixed=True),
        Item(
            "path-across",
            "road",
            (garage_x, 0.02, 1.5),
            (garage_x / 2 + 0.3, 0.0, 5.7),
            parts=(across,),
            fixed=True,
        ),
        Item(
            "bed",
            "ground",
            (width * 0.42, 0.06, 1.3),
            (-width * 0.29, 0.0, 0.7),
            parts=(soil,),
            fixed=True,
        ),
        garden_items((0.0, -4.0), 0.0, brief.choose(1000))[0],
    ]


def _planting(width: float, brief: Brief) -> list[Item]:
    """Shrubs along the front, trees beside and behind the house, a hedge towards the street."""
    items = []
    count = 5
    for number in range(count):
        x = -width / 2 + 0.5 + number * (width * 0.4 / (count - 1))
        size = (brief.between(0.75, 1.05), brief.between(0.6, 0.85), brief.between(0.7, 0.9))
        items.append(bush(f"bush-{number}", (x, 0.04, 0.75), size, brief.choose(9999)))
    items.append(bush("bush-right", (width * 0.29, 0.0, 0.7), (1.5, 0.75, 0.9), brief.choose(9999)))
    behind = garden_items((0.0, -6.0), 0.0, brief.choose(1000))
    trees = [item for item in behind if item.name.startswith("tree")]
    return items + [tree for tree in trees if not _in_view(tree, width)]


def _in_view(tree: Item, width: float) -> bool:
    """Whether a tree would stand between the camera and the house."""
    x, _, z = tree.position
    return z > -8.0 and -width < x < width + 9.0
