"""The building around a room: floor, ceiling, walls with their openings, windows and doors."""

from itertools import pairwise

from synthetic.scene import SIDES, Item, Material, Opening, Part, Room, Side
from synthetic.shapes import Box, Prism, Quad, Tube

REVEAL_M = 0.16
FRAME_M = 0.055
SASH_M = 0.8
CASING_M = 0.075
SKIRTING_M = 0.1
SKY = Material((0, 0, 0), finish="sky")
STEEL = Material((0.78, 0.77, 0.75), roughness=0.28, metallic=1.0)


def shell_items(room: Room) -> tuple[Item, ...]:
    """Return what the room is built of; all of it is fixed."""
    width, height, depth = room.size
    flat = (width, 0.0, depth)
    floor = Part(Quad((0, 0, depth), (width, 0, 0), (0, 0, -depth)), room.floor)
    ceiling = Part(Quad((0, height, 0), (width, 0, 0), (0, 0, depth)), room.ceiling)
    items = [
        Item("floor", "floor", flat, parts=(floor,), fixed=True),
        Item("ceiling", "ceiling", flat, parts=(ceiling,), support="wall", fixed=True),
    ]
    for side in SIDES:
        length = wall_length(room, side)
        size = (length, height, REVEAL_M)
        items.append(_on_wall(room, side, f"wall-{side}", "wall", size, _wall_parts(room, side)))
        for number, opening in enumerate(room.wall(side).openings):
            parts = _window_parts(opening, room) if opening.kind == "window" else ()
            parts = _door_parts(opening, room) if opening.kind == "door" else parts
            if parts:
                name = f"{opening.kind}-{side}-{number}"
                items.append(_on_wall(room, side, name, opening.kind, size, parts))
    return tuple(items)


def wall_length(room: Room, side: Side) -> float:
    """Length of a wall in metres."""
    return room.size[0] if side in ("back", "front") else room.size[2]


def wall_pose(room: Room, side: Side) -> tuple[tuple[float, float, float], float]:
    """Where a wall's left lower corner is and how far it is turned; its front looks inward."""
    width, _, depth = room.size
    corners = {
        "back": (0.0, 0.0, 0.0),
        "right": (width, 0.0, 0.0),
        "front": (width, 0.0, depth),
        "left": (0.0, 0.0, depth),
    }
    return corners[side], {"back": 0.0, "right": -90.0, "front": 180.0, "left": 90.0}[side]


def _on_wall(
    room: Room,
    side: Side,
    name: str,
    category: str,
    size: tuple[float, float, float],
    parts: tuple[Part, ...],
) -> Item:
    corner, yaw_deg = wall_pose(room, side)
    return Item(name, category, size, corner, yaw_deg, parts, support="wall", fixed=True)


def _wall_parts(room: Room, side: Side) -> tuple[Part, ...]:
    wall, length, height = room.wall(side), wall_length(room, side), room.size[1]
    columns = {0.0, length}
    rows = {0.0, height} | ({wall.lower_m} if wall.lower else set())
    for hole in wall.openings:
        columns |= {hole.along_m, hole.along_m + hole.width_m}
        rows |= {hole.sill_m, hole.sill_m + hole.height_m}
    parts = []
    across, up = sorted(columns), sorted(rows)
    for left, right in pairwise(across):
        for low, high in pairwise(up):
            if not any(
                _covers(hole, (left + right) / 2, (low + high) / 2) for hole in wall.openings
            ):
                tiled = wall.lower is not None and high <= wall.lower_m + 1e-9
                quad = Quad((left, low, 0), (right - left, 0, 0), (0, high - low, 0), (left, low))
                parts.append(Part(quad, wall.lower if tiled and wall.lower else wall.material))
    for hole in wall.openings:
        parts += _reveal_parts(
            hole, wall.lower if wall.lower_m >= hole.sill_m + 0.5 and wall.lower else wall.material
        )
    return (*parts, *_trim_parts(room, side))


def _covers(hole: Opening, along: float, up: float) -> bool:
    return (
        hole.along_m < along < hole.along_m + hole.width_m
        and hole.sill_m < up < hole.sill_m + hole.height_m
    )


def _reveal_parts(hole: Opening, material: Material) -> list[Part]:
    """Line the hole, from the wall's face to its outside."""
    left, low, wide, high, deep = hole.along_m, hole.sill_m, hole.width_m, hole.height_m, REVEAL_M
    quads = [
        Quad((left, low, -deep), (0, 0, deep), (0, high, 0)),
        Quad((left + wide, low, 0), (0, 0, -deep), (0, high, 0)),
        Quad((left, low + high, 0), (wide, 0, 0), (0, 0, -deep)),
        Quad((left, low, -deep), (wide, 0, 0), (0, 0, deep)),
    ]
    return [Part(_face_inward(quad, hole), material) for quad in quads]


def _face_inward(quad: Quad, hole: Opening) -> Quad:
    """Swap a quad's edges if it looks away from the middle of the hole."""
    a, u = quad.along, quad.up
    normal = (a[1] * u[2] - a[2] * u[1], a[2] * u[0] - a[0] * u[2], a[0] * u[1] - a[1] * u[0])
    middle = (hole.along_m + hole.width_m / 2, hole.sill_m + hole.height_m / 2, -REVEAL_M / 2)
    towards = sum(n * (m - c) for n, m, c in zip(normal, middle, quad.corner, strict=True))
    return quad if towards > 0 else Quad(quad.corner, quad.up, quad.along)


def _trim_parts(room: Room, side: Side) -> list[Part]:
    """Skirting board (broken at doors) and cornice."""
    length, height = wall_length(room, side), room.size[1]
    parts = []
    if room.skirting and room.wall(side).lower is None:
        cuts = [0.0]
        for hole in sorted(room.wall(side).openings, key=lambda hole: hole.along_m):
            if hole.sill_m < SKIRTING_M:
                cuts += [hole.along_m - CASING_M, hole.along_m + hole.width_m + CASING_M]
        cuts.append(length)
        for left, right in zip(cuts[::2], cuts[1::2], strict=True):
            if right - left > 0.01:
                board = Box(
                    ((left + right) / 2, 0, 0.008), (right - left, SKIRTING_M, 0.016), 0.006
                )
                parts.append(Part(board, room.trim))
    if room.cornice:
        profile = (
            (0.0, 0.0),
            (0.012, 0.0),
            (0.02, 0.03),
            (0.055, 0.065),
            (0.06, 0.08),
            (0.0, 0.08),
        )
        base = (length / 2, height - 0.08, 0.0)
        parts.append(Part(Prism(profile, length, base, -90.0), room.trim))
    return parts


def _frame(hole: Opening, bar: float, deep: float, z: float, material: Material) -> list[Part]:
    """Four bars around a rectangle, inside it."""
    left, low, wide, high = hole.along_m, hole.sill_m, hole.width_m, hole.height_m
    x = left + wide / 2
    return [
        Part(Box((x, low, z), (wide, bar, deep)), material),
        Part(Box((x, low + high - bar, z), (wide, bar, deep)), material),
        Part(Box((left + bar / 2, low + bar, z), (bar, high - 2 * bar, deep)), material),
        Part(Box((left + wide - bar / 2, low + bar, z), (bar, high - 2 * bar, deep)), material),
    ]


def _window_parts(hole: Opening, room: Room) -> tuple[Part, ...]:
    left, low, wide, high = hole.along_m, hole.sill_m, hole.width_m, hole.height_m
    glass = Quad((left - 0.02, low - 0.02, -REVEAL_M), (wide + 0.04, 0, 0), (0, high + 0.04, 0))
    parts = [Part(glass, SKY), *_frame(hole, FRAME_M, 0.06, -0.11, room.trim)]
    parts += _sash_parts(hole, room.trim)
    casing = _casing_parts(left, low, wide, high, room.trim)
    if low <= 0.05:
        return (*parts, *casing)
    board = Box(
        (left + wide / 2, low - 0.03, 0.02), (wide + 2 * CASING_M + 0.04, 0.035, 0.12), 0.008
    )
    inner = Box((left + wide / 2, low - 0.02, -0.07), (wide, 0.022, 0.14), 0.002)
    return (*parts, *casing, Part(board, room.trim), Part(inner, room.trim))


def _sash_parts(hole: Opening, trim: Material) -> list[Part]:
    """Return the wings of a window, about 80 cm each, with their handles."""
    wide, high = hole.width_m - 2 * FRAME_M, hole.height_m - 2 * FRAME_M
    count = max(1, round(wide / SASH_M))
    each = wide / count
    parts = []
    for number in range(count):
        start = hole.along_m + FRAME_M + number * each
        wing = Opening("window", start + 0.002, hole.sill_m + FRAME_M, each - 0.004, high)
        parts += _frame(wing, 0.05, 0.05, -0.095, trim)
        if number:
            lever = (start + 0.03, hole.sill_m + hole.height_m / 2 - 0.05, -0.062)
            parts.append(Part(Box(lever, (0.018, 0.1, 0.02), 0.006), STEEL))
    return parts


def _casing_parts(left: float, low: float, wide: float, high: float, trim: Material) -> list[Part]:
    """Return the mouldings on the wall around a hole: left, right, top."""
    thick = 0.018
    return [
        Part(Box((left - CASING_M / 2, low, thick / 2), (CASING_M, high, thick), 0.006), trim),
        Part(
            Box((left + wide + CASING_M / 2, low, thick / 2), (CASING_M, high, thick), 0.006), trim
        ),
        Part(
            Box(
                (left + wide / 2, low + high, thick / 2),
                (wide + 2 * CASING_M, CASING_M, thick),
                0.006,
            ),
            trim,
        ),
    ]


def _door_parts(hole: Opening, room: Room) -> tuple[Part, ...]:
    """Return a closed door with four panels, its frame and its handle."""
    left, wide, high = hole.along_m, hole.width_m, hole.height_m
    z = -0.06
    parts = _casing_parts(left, 0.0, wide, high, room.trim)
    parts.append(
        Part(Box((left + wide / 2, 0.005, z - 0.008), (wide, high - 0.005, 0.02), 0.001), room.trim)
    )
    middle, bar = left + wide / 2, 0.11
    for x in (left + bar / 2, middle, left + wide - bar / 2):
        parts.append(Part(Box((x, 0.005, z), (bar, high - 0.005, 0.036), 0.005), room.trim))
    for y, tall in ((0.005, 0.2), (0.9, 0.16), (high - 0.13, 0.13)):
        for x in (left + (wide + bar) / 4, left + wide - (wide + bar) / 4):
            span = (wide - 3 * bar) / 2 + 0.01
            parts.append(Part(Box((x, y, z), (span, tall, 0.036), 0.005), room.trim))
            parts.append(Part(Box((x, y + tall, z), (span, 0.012, 0.03), 0.005), room.trim))
    x, y = left + 0.06, 1.02
    plate = Box((x, y - 0.08, z + 0.02), (0.045, 0.2, 0.008), 0.003)
    lever = Tube(
        ((x, y, z + 0.02), (x, y, z + 0.07), (x + 0.02, y, z + 0.075), (x + 0.12, y, z + 0.075)),
        0.009,
    )
    return (*parts, Part(plate, STEEL), Part(lever, STEEL))
