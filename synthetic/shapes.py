"""The solids that procedural things are made of, in metres."""

from dataclasses import dataclass, replace

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Box:
    """A box with rounded edges, standing on `base` (middle of its underside)."""

    base: Point
    size: Point
    bevel: float = 0.003
    yaw_deg: float = 0.0


@dataclass(frozen=True)
class Quad:
    """A flat rectangle: a corner and two edges; it faces `along` x `up`."""

    corner: Point
    along: Point
    up: Point
    origin_uv: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Ring:
    """A horizontal superellipse; exponent 2 is an ellipse, 8 nearly a rectangle."""

    y: float
    half_x: float
    half_z: float
    exponent: float = 2.0
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Loft:
    """A skin over `rings` from first to last; a ring given twice makes a sharp edge."""

    rings: tuple[Ring, ...]
    base: Point = (0.0, 0.0, 0.0)
    caps: bool = True
    segments: int = 40


@dataclass(frozen=True)
class Tube:
    """A round rod along `points`."""

    points: tuple[Point, ...]
    radius: float
    segments: int = 16


@dataclass(frozen=True)
class Prism:
    """A polygon (x, y), counter-clockwise, extruded from z = -depth / 2 to depth / 2."""

    outline: tuple[tuple[float, float], ...]
    depth: float
    base: Point = (0.0, 0.0, 0.0)
    yaw_deg: float = 0.0


@dataclass(frozen=True)
class Drape:
    """Hanging cloth in the x-y plane with `folds`; its lower middle is `base`."""

    base: Point
    width: float
    height: float
    folds: int
    depth: float
    seed: int = 0


@dataclass(frozen=True)
class Foliage:
    """`count` leaves strewn through an ellipsoid of `radii` about `center`."""

    center: Point
    radii: Point
    count: int
    leaf: float
    seed: int = 0


Shape = Box | Quad | Loft | Tube | Prism | Drape | Foliage


def move_shape(shape: Shape, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Shape:
    """Return the shape moved by (x, y, z).

    Examples
    --------
    >>> move_shape(Quad((0, 0, 0), (1, 0, 0), (0, 1, 0)), y=2.0).corner
    (0.0, 2.0, 0.0)
    """

    def moved(point: Point) -> Point:
        return point[0] + x, point[1] + y, point[2] + z

    match shape:
        case Quad():
            return replace(shape, corner=moved(shape.corner))
        case Tube():
            return replace(shape, points=tuple(moved(point) for point in shape.points))
        case Foliage():
            return replace(shape, center=moved(shape.center))
        case _:
            return replace(shape, base=moved(shape.base))
