"""Triangles of shapes, with normals for shading and texture coordinates in metres."""

import math
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from synthetic.shapes import Box, Drape, Foliage, Loft, Prism, Quad, Shape, Tube

Floats = NDArray[np.float64]
Faces = NDArray[np.int64]


@dataclass(frozen=True)
class Mesh:
    """Vertices (n, 3), normals (n, 3), texture coordinates (n, 2), faces (m, 3)."""

    vertices: Floats
    normals: Floats
    uvs: Floats
    faces: Faces


def join_meshes(meshes: list[Mesh]) -> Mesh:
    """Return one mesh with the faces of all."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.uvs for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]),
    )


def transform_mesh(mesh: Mesh, matrix: Floats) -> Mesh:
    """Return the mesh moved by a 4x4 matrix (which may stretch it)."""
    vertices = mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3]
    normals = mesh.normals @ np.linalg.inv(matrix[:3, :3])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return Mesh(vertices, normals / np.maximum(lengths, 1e-12), mesh.uvs, mesh.faces)


def vertex_normals(vertices: Floats, faces: Faces) -> Floats:
    """Average the normals of the faces at each vertex, weighted by area."""
    corners = vertices[faces]
    crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(sums, faces[:, corner], crosses)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(lengths > 1e-15, sums / np.maximum(lengths, 1e-15), (0.0, 1.0, 0.0))


def project_uvs(vertices: Floats, normals: Floats) -> Floats:
    """Texture coordinates in metres by projecting along the axis each normal is closest to."""
    axis = np.abs(normals).argmax(axis=1)
    across = np.array([[2, 1], [0, 2], [0, 1]])[axis]
    return np.take_along_axis(vertices, across, axis=1)


@singledispatch
def mesh_shape(shape: Shape) -> Mesh:
    """Return the triangles of a shape, faces counter-clockwise from outside."""
    raise TypeError(f"no mesh for {type(shape).__name__}")


def _turn(points: Floats, yaw_deg: float) -> Floats:
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    turned: Floats = points @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return turned


@mesh_shape.register
def _(shape: Quad) -> Mesh:
    corner, along, up = (np.array(v, float) for v in (shape.corner, shape.along, shape.up))
    width, height = float(np.linalg.norm(along)), float(np.linalg.norm(up))
    vertices = np.array([corner, corner + along, corner + along + up, corner + up])
    normal = np.cross(along, up) / (width * height)
    uvs = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + shape.origin_uv
    return Mesh(vertices, np.tile(normal, (4, 1)), uvs, np.array([[0, 1, 2], [0, 2, 3]]))


@mesh_shape.register
def _(shape: Box) -> Mesh:
    half = np.array(shape.size, float) / 2
    bevel = min(shape.bevel, float(half.min()) * 0.9)
    signs = np.array([[(i >> a & 1) * 2 - 1 for a in range(3)] for i in range(8)], float)
    points, normals = [], []
    for axis in range(3):
        inset = np.full(3, bevel)
        inset[axis] = 0
        points.append(signs * (half - inset))
        normals.append(np.eye(3)[axis] * signs[:, axis : axis + 1])
    vertices, normal = np.concatenate(points), np.concatenate(normals)
    faces = _outward(vertices, normal, _box_faces(bevel > 0))
    uvs = _grain_uvs(vertices, normal, half)
    vertices = _turn(vertices, shape.yaw_deg) + np.add(shape.base, (0, half[1], 0))
    uvs = uvs + np.array(shape.base)[[0, 1]] * (3.7, 5.3)
    return Mesh(vertices, _turn(normal, shape.yaw_deg), uvs, faces)


def _box_faces(rounded: bool) -> Faces:
    """Faces over 24 vertices, numbered axis * 8 + corner; corner bits are the signs."""
    faces: list[tuple[int, int, int]] = []
    for axis in range(3):
        b, c = (1 << a for a in range(3) if a != axis)
        for side in (0, 1 << axis):
            q = [axis * 8 + side + k for k in (0, b, b + c, c)]
            faces += [(q[0], q[1], q[2]), (q[0], q[2], q[3])]
    if not rounded:
        return np.array(faces)
    for axis in range(3):
        a, b = (k for k in range(3) if k != axis)
        for corner in (k for k in range(8) if not k >> axis & 1):
            q = [a * 8 + corner, a * 8 + corner + (1 << axis)]
            r = [b * 8 + corner, b * 8 + corner + (1 << axis)]
            faces += [(q[0], q[1], r[1]), (q[0], r[1], r[0])]
    faces += [(k, 8 + k, 16 + k) for k in range(8)]
    return np.array(faces)


def _outward(vertices: Floats, normals: Floats, faces: Faces) -> Faces:
    """Turn faces round whose winding disagrees with their vertices' normals."""
    p = vertices[faces]
    crosses = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    wrong = (crosses * normals[faces].sum(axis=1)).sum(axis=1) < 0
    return np.where(wrong[:, None], faces[:, ::-1], faces)


def _grain_uvs(vertices: Floats, normals: Floats, half: Floats) -> Floats:
    """Box-projected coordinates, turned so that u runs along the longer edge of each face."""
    uvs = project_uvs(vertices, normals)
    across = np.array([[2, 1], [0, 2], [0, 1]])[np.abs(normals).argmax(axis=1)]
    upright = half[across[:, 0]] < half[across[:, 1]]
    return np.where(upright[:, None], uvs[:, ::-1], uvs)


@mesh_shape.register
def _(shape: Loft) -> Mesh:
    angles = np.linspace(0, 2 * math.pi, shape.segments + 1)
    c, s = np.cos(angles), np.sin(angles)
    rows = []
    for ring in shape.rings:
        power = 2 / ring.exponent
        x = np.sign(c) * np.abs(c) ** power * ring.half_x + ring.shift[0]
        z = -np.sign(s) * np.abs(s) ** power * ring.half_z + ring.shift[1]
        rows.append(np.stack([x, np.full_like(x, ring.y), z], axis=1))
    grid = np.array(rows)
    mesh = _mesh_grid(grid)
    normals = mesh.normals.reshape(grid.shape)
    seam = normals[:, 0] + normals[:, -1]
    seam /= np.maximum(np.linalg.norm(seam, axis=1, keepdims=True), 1e-12)
    normals[:, 0] = normals[:, -1] = seam
    body = Mesh(mesh.vertices, normals.reshape(-1, 3), mesh.uvs, mesh.faces)
    ends = [_cap(grid[0][::-1]), _cap(grid[-1])] if shape.caps else []
    whole = join_meshes([body, *ends])
    return Mesh(whole.vertices + np.array(shape.base), whole.normals, whole.uvs, whole.faces)


def _mesh_grid(grid: Floats) -> Mesh:
    """Join a grid (rows, columns, 3) of points into a smooth skin."""
    rows, columns = grid.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (
        k.ravel() for k in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1])
    )
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    flat = grid.reshape(-1, 3)
    u = np.cumsum(np.linalg.norm(np.diff(grid, axis=1, prepend=grid[:, :1]), axis=2), axis=1)
    v = np.cumsum(np.linalg.norm(np.diff(grid, axis=0, prepend=grid[:1]), axis=2), axis=0)
    return Mesh(flat, vertex_normals(flat, faces), np.stack([u, v], 2).reshape(-1, 2), faces)


def _cap(rim: Floats) -> Mesh:
    """Close a ring with a fan about its middle."""
    count = len(rim) - 1
    vertices = np.concatenate([rim[:-1], rim[:-1].mean(axis=0, keepdims=True)])
    around = np.arange(count)
    faces = np.stack([around, (around + 1) % count, np.full(count, count)], axis=1)
    normals = np.tile(vertex_normals(vertices, faces)[-1], (count + 1, 1))
    return Mesh(vertices, normals, vertices[:, [0, 2]], faces)


@mesh_shape.register
def _(shape: Tube) -> Mesh:
    points = np.array(shape.points, float)
    steps = np.gradient(points, axis=0)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    side = _carry_normal(steps)
    other = np.cross(steps, side)
    angles = np.linspace(0, 2 * math.pi, shape.segments + 1)[None, :, None]
    circle = np.cos(angles) * side[:, None] + np.sin(angles) * other[:, None]
    grid = points[:, None] + shape.radius * circle
    skin = _mesh_grid(grid)
    smooth = Mesh(skin.vertices, circle.reshape(-1, 3), skin.uvs, skin.faces)
    return join_meshes([smooth, _cap(grid[0][::-1]), _cap(grid[-1])])


def _carry_normal(steps: Floats) -> Floats:
    """Return a vector across each step of a path, turning as little as it can."""
    side = np.cross(steps[0], np.eye(3)[np.abs(steps[0]).argmin()])
    sides = []
    for step in steps:
        side = side - step * (side @ step)
        side = side / np.linalg.norm(side)
        sides.append(side)
    return np.array(sides)


@mesh_shape.register
def _(shape: Prism) -> Mesh:
    outline = np.array(shape.outline, float)
    half = shape.depth / 2
    sides = []
    for start, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        edge = end - start
        corner = (start[0], start[1], half)
        sides.append(mesh_shape(Quad(corner, (0.0, 0.0, -shape.depth), (edge[0], edge[1], 0.0))))
    front = _fill_polygon(outline, half)
    back = Mesh(front.vertices * (1, 1, -1), -front.normals, front.uvs, front.faces[:, ::-1])
    whole = join_meshes([*sides, front, back])
    vertices = _turn(whole.vertices, shape.yaw_deg) + np.array(shape.base)
    return Mesh(vertices, _turn(whole.normals, shape.yaw_deg), whole.uvs, whole.faces)


def _fill_polygon(outline: Floats, z: float) -> Mesh:
    """Triangulate a simple counter-clockwise polygon by clipping ears (Meisters, 1975)."""
    left = list(range(len(outline)))
    faces = []
    while len(left) > 3:
        ear = next((i for i in range(len(left)) if _is_ear(outline, left, i)), 0)
        faces.append((left[ear - 1], left[ear], left[(ear + 1) % len(left)]))
        del left[ear]
    faces.append((left[0], left[1], left[2]))
    vertices = np.column_stack([outline, np.full(len(outline), z)])
    normals = np.tile((0.0, 0.0, 1.0), (len(outline), 1))
    return Mesh(vertices, normals, outline.copy(), np.array(faces))


def _is_ear(outline: Floats, left: list[int], i: int) -> bool:
    a, b, c = outline[left[i - 1]], outline[left[i]], outline[left[(i + 1) % len(left)]]
    if _turns(a, b, c) <= 1e-12:
        return False
    others = (
        outline[k] for k in left if k not in (left[i - 1], left[i], left[(i + 1) % len(left)])
    )
    return not any(min(_turns(a, b, p), _turns(b, c, p), _turns(c, a, p)) >= 0 for p in others)


def _turns(a: Floats, b: Floats, c: Floats) -> float:
    """Twice the area of the triangle a, b, c; positive if it turns left."""
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


@mesh_shape.register
def _(shape: Drape) -> Mesh:
    rng = np.random.default_rng(shape.seed)
    along = np.linspace(0, 1, shape.folds * 14 + 1)
    phases = 2 * math.pi * shape.folds * along
    wobble = np.interp(along, np.linspace(0, 1, 9), rng.normal(0, 0.6, 9))
    rows = []
    for share in np.linspace(0, 1, 16):
        swing = np.sin(phases + wobble * (1.2 - share)) * shape.depth / 2 * (1.15 - 0.35 * share)
        x = (along - 0.5) * shape.width * (1.0 + 0.04 * (1 - share)) / 1.04
        rows.append(np.stack([x, np.full_like(x, share * shape.height), swing], axis=1))
    mesh = _mesh_grid(np.array(rows))
    return Mesh(mesh.vertices + np.array(shape.base), mesh.normals, mesh.uvs, mesh.faces)


@mesh_shape.register
def _(shape: Foliage) -> Mesh:
    rng = np.random.default_rng(shape.seed)
    ways = rng.normal(size=(shape.count, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    lumps = 1 + 0.22 * np.sin(ways @ rng.normal(0, 4, (3, 5))).mean(axis=1, keepdims=True) * 2
    reach = rng.uniform(0.35, 1, (shape.count, 1)) ** (1 / 3) * lumps
    middles = np.array(shape.center) + ways * reach * np.array(shape.radii)
    sides = rng.normal(size=(shape.count, 3)) + ways * 0.2
    sides /= np.linalg.norm(sides, axis=1, keepdims=True)
    tips = np.cross(sides, ways + rng.normal(0, 0.5, ways.shape))
    tips /= np.linalg.norm(tips, axis=1, keepdims=True)
    scale = shape.leaf * rng.uniform(0.6, 1.2, (shape.count, 1))
    corners = [middles - tips * scale, middles + sides * scale * 0.45]
    corners += [middles + tips * scale, middles - sides * scale * 0.45]
    vertices = np.stack(corners, axis=1).reshape(-1, 3)
    faces = (np.arange(shape.count) * 4)[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    outward = np.repeat(ways * 0.7 + np.cross(sides, tips) * 0.5 + (0, 0.3, 0), 4, axis=0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    uvs = np.tile(rng.uniform(0, 1, (shape.count, 1, 2)), (1, 4, 1)).reshape(-1, 2)
    return Mesh(vertices, outward, uvs, faces.reshape(-1, 3))
