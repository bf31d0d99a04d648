import numpy as np
import pytest

from serving.errors import BadInput
from serving.video.draw.grade import Lut, apply_lut, identity_lut, parse_cube, read_cube
from tests.serving.video.pictures import texture


def cube(lut: Lut, head: str = "") -> str:
    rows = lut.table.transpose(2, 1, 0, 3).reshape(-1, 3)
    lines = (" ".join(f"{value:.6f}" for value in row) for row in rows)
    return "\n".join([f'TITLE "x"\n# a comment\n{head}LUT_3D_SIZE {len(lut.table)}', *lines])


def invert(size: int = 5) -> Lut:
    return Lut(1 - identity_lut(size).table)


def test_identity_changes_nothing() -> None:
    photo = texture(20, 30)
    assert np.abs(apply_lut(photo, identity_lut(17)).astype(int) - photo).max() <= 1


def test_a_cube_file_is_read_with_red_fastest() -> None:
    swapped = Lut(np.ascontiguousarray(identity_lut(4).table[..., [2, 0, 1]]))
    assert np.allclose(parse_cube(cube(swapped)).table, swapped.table)


def test_a_cube_whose_title_is_in_an_older_charset_is_read() -> None:
    data = cube(identity_lut(), 'TITLE "Kühles Blau"\n# für Räume\n').encode("latin-1")
    assert np.allclose(read_cube(data).table, identity_lut().table)
    with pytest.raises(BadInput, match="not text"):
        read_cube(b"\x89PNG\r\n\x1a\n\0\0")


def test_strength_goes_from_the_photo_to_the_grade() -> None:
    photo = np.full((4, 4, 3), 50, np.uint8)
    assert apply_lut(photo, invert(), 0.0)[0, 0, 0] == 50
    assert apply_lut(photo, invert(), 1.0)[0, 0, 0] == 205
    assert apply_lut(photo, invert(), 0.5)[0, 0, 0] in (127, 128)


def test_another_domain_is_brought_to_ours() -> None:
    wide = parse_cube(cube(identity_lut(9), "DOMAIN_MIN 0 0 0\nDOMAIN_MAX 2 2 2\n"))
    assert apply_lut(np.full((2, 2, 3), 200, np.uint8), wide)[0, 0, 0] == 100


@pytest.mark.slow
def test_a_larger_table_than_pillow_takes_is_resampled() -> None:
    steps = np.linspace(0, 1, 66)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    lines = "\n".join(" ".join(map(str, row)) for row in grid.transpose(2, 1, 0, 3).reshape(-1, 3))
    assert len(parse_cube(f"LUT_3D_SIZE 66\n{lines}").table) == 65


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LUT_1D_SIZE 2\n0 0 0\n1 1 1",
        "LUT_3D_SIZE 2\n0 0 0",
        "LUT_3D_SIZE x\n0 0 0",
        "LUT_3D_SIZE 2\n" + "\n".join(["0 0 nan"] * 8),
        "LUT_3D_SIZE 2\n" + "\n".join(["0 0"] * 8),
        cube(identity_lut(2), "DOMAIN_MIN 1 1 1\nDOMAIN_MAX 0 0 0\n"),
        "<html>",
    ],
)
def test_what_is_no_cube_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_cube(text)


def test_a_table_of_another_shape_is_refused() -> None:
    with pytest.raises(BadInput):
        Lut(np.zeros((4, 4, 3, 3), np.float32))
