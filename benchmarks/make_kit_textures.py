"""Draws the textures of the design kits: woods, cloths, rugs and prints, ours and CC0.

    python benchmarks/make_kit_textures.py OUT

OUT is `serving/kits/textures`. Woods and cloths are grey: a finish gives them their colour.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from synthetic.scene import RGB, Pattern
from synthetic.textures import draw_texture

GREYS: tuple[RGB, RGB] = ((0.5, 0.5, 0.5), (0.68, 0.68, 0.68))
DEEP: tuple[RGB, RGB] = ((0.38, 0.38, 0.38), (0.66, 0.66, 0.66))
PATTERNS: dict[str, tuple[Pattern, int]] = {
    "wood": (Pattern("wood", (1.6, 0.8), DEEP, 4), 768),
    "planks": (Pattern("planks", (4.0, 3.96), (*DEEP, (0.6, 0.6, 0.6)), 6), 1024),
    "weave": (Pattern("fabric", (0.25, 0.25), GREYS, 1), 256),
    "pile": (Pattern("pile", (0.5, 0.5), GREYS, 2), 384),
    "leather": (Pattern("plaster", (0.6, 0.6), (GREYS[1],), 3), 256),
}
# Ground, shade and lines of the rugs; the colours of the prints.
RUGS = {
    "rug_pale": "#dbd4c4 #ccc4b5 #999185",
    "rug_grey": "#999c9e #878a8f #d1cfc7",
    "rug_red": "#803830 #6e2e29 #ccad80",
    "rug_dark": "#54524f #454242 #998c7a",
    "rug_blue": "#b8c4c9 #a3b5bf #476680",
}
PRINTS = {
    "print_modern": "#33404c #d6804c #8c9499 #ede8de #bfa88c",
    "print_scandinavian": "#73857a #dbb880 #b2bab2 #f2f0e8 #d4c7b2",
    "print_traditional": "#4c402e #cc9e59 #666b4c #d9c7a6 #8c6647",
    "print_industrial": "#2e2e30 #b2592e #736e66 #d6d1c7 #99806b",
    "print_coastal": "#386685 #f2cc99 #739eb2 #ebf0f0 #d9c9ad",
}


def colours(told: str) -> tuple[RGB, ...]:
    """Return colours written `#rrggbb #rrggbb`, 0..1."""
    values = ([int(one[at : at + 2], 16) / 255 for at in (1, 3, 5)] for one in told.split())
    return tuple((red, green, blue) for red, green, blue in values)


def main() -> None:
    """Draw every texture."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("out", type=Path)
    out = reader.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    drawn = {name: draw_texture(*what).color for name, what in PATTERNS.items()}
    for seed, (name, told) in enumerate(RUGS.items(), 1):
        drawn[name] = draw_texture(Pattern("rug", (2.4, 1.7), colours(told), seed), 768).color
    for seed, (name, told) in enumerate(PRINTS.items(), 11):
        drawn[name] = draw_texture(Pattern("art", (1.0, 0.72), colours(told), seed), 512).color
    for name, picture in sorted(drawn.items()):
        path = out / f"{name}.jpg"
        bgr = np.ascontiguousarray(picture[..., ::-1])
        cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])
        print(
            f"{name:20} {path.stat().st_size // 1024:4} KiB {picture.shape[1]}x{picture.shape[0]}"
        )


if __name__ == "__main__":
    main()
