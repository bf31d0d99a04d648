"""All looks of a room in one picture: each part still shows its own."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from serving.render.rooms.atlas import SIDE, draw_atlas
from serving.staging.linear import to_coded
from serving.staging.things import Look, Part

_NORMALS = np.tile(np.array([0, 1, 0], np.float32), (3, 1))


def part(look: Look, uvs: NDArray[np.float32]) -> Part:
    corners = np.zeros((len(uvs), 3), np.float32)
    faces = np.array([[0, 1, 2]], np.uint32)
    return Part(corners, _NORMALS[: len(uvs)], uvs, faces, look)


def texture(seed: int, rows: int = 64, columns: int = 64) -> Look:
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3))
    return Look((0.5, 0.5, 0.5), texture=pixels.astype(np.uint8))


def shown(picture: NDArray[np.uint8], uvs: NDArray[np.float32]) -> NDArray[np.uint8]:
    places = (uvs * SIDE).astype(int)
    found: NDArray[np.uint8] = picture[places[:, 1], places[:, 0]]
    return found


def test_a_plain_look_keeps_its_colour() -> None:
    looks = [Look((0.1 * n, 0.2, 0.9 - 0.1 * n)) for n in range(6)]
    picture, parts = draw_atlas([part(look, np.zeros((3, 2), np.float32)) for look in looks])
    for look, one in zip(looks, parts, strict=True):
        expected = np.rint(to_coded(np.array(look.rgb, np.float32))).astype(int)
        assert np.abs(shown(picture, one.uvs).astype(int) - expected).max() == 0


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    st.tuples(st.floats(0.05, 4), st.floats(0.05, 4)),
    st.integers(0, 5),
)
def test_a_texture_repeats_wherever_its_coordinates_lie(
    start: tuple[float, float], extent: tuple[float, float], seed: int
) -> None:
    look = texture(seed)
    assert look.texture is not None
    corners = np.array([start, np.add(start, extent), (start[0], start[1] + extent[1])])
    uvs = corners.astype(np.float32)
    picture, (one,) = draw_atlas([part(look, uvs)])
    # from the middle of a texel to the middle of a texel, so that rounding plays no part
    texel = np.floor(uvs * (1, -1) * 64) + 0.5
    at = one.uvs + (texel - uvs * (1, -1) * 64) / SIDE
    expected = look.texture[(texel[:, 1] % 64).astype(int), (texel[:, 0] % 64).astype(int)]
    assert (shown(picture, at.astype(np.float32)) == expected).all()


def test_more_than_has_room_is_made_smaller_and_not_left_out() -> None:
    uvs = np.array([[0, 0], [3, 3], [0, 3]], np.float32)
    looks = [texture(seed, 300, 300) for seed in range(12)]
    picture, parts = draw_atlas([part(look, uvs) for look in looks])
    corners = [one.uvs.min(axis=0) for one in parts]
    assert len({tuple(corner) for corner in corners}) == len(looks)
    assert all(one.uvs.min() >= 0 and one.uvs.max() <= 1 for one in parts)
    for look, one in zip(looks, parts, strict=True):
        ends = one.uvs.min(axis=0), one.uvs.max(axis=0)
        low, high = ((end * SIDE).astype(int) for end in ends)
        field = picture[low[1] : high[1], low[0] : high[0]]
        assert look.texture is not None
        assert np.abs(field.mean(axis=(0, 1)) - look.texture.mean(axis=(0, 1))).max() < 3


def test_a_texture_that_repeats_without_end_shows_its_mean_and_ends() -> None:
    uvs = np.array([[0, 0], [1e5, 3e5], [0, 3e5]], np.float32)
    look = Look((0.2, 0.4, 0.6), texture=np.full((8, 8, 3), 90, np.uint8))
    picture, (one,) = draw_atlas([part(look, uvs)])
    expected = np.rint(to_coded(np.array(look.rgb, np.float32)))
    assert (shown(picture, one.uvs) == expected).all()


def test_however_many_textures_there_are_each_has_a_place() -> None:
    uvs = np.array([[0, 0], [100, 100], [0, 100]], np.float32)
    looks = [texture(seed, 16, 16) for seed in range(400)]
    _, parts = draw_atlas([part(look, uvs) for look in looks])
    assert len({tuple(one.uvs[0]) for one in parts}) == len(looks)
