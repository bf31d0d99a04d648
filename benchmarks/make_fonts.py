"""Builds the fonts of titles from Debian's fonts-noto-core and fonts-noto-extra.

Each face is one file with Latin, Greek, Cyrillic, Arabic and Hebrew letters, and the signs that
listings use: one line is one run, so that kerning and the order of letters stay whole.
"""

import argparse
from itertools import chain
from pathlib import Path

from fontTools import merge, subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem

FONTS = Path(__file__).parents[1] / "serving" / "video" / "fonts"
NOTO = Path("/usr/share/fonts/truetype/noto")
_EM = 1000
# the letters' font, those of Arabic and Hebrew, and what fills gaps of the first
_FACES = {
    "sans-regular": ("Sans-Regular", "SansArabic-Regular", "SansHebrew-Regular", "Sans-Regular"),
    "sans-bold": ("Sans-Bold", "SansArabic-Bold", "SansHebrew-Bold", "Sans-Bold"),
    "serif-regular": (
        "Serif-Regular", "NaskhArabic-Regular", "SerifHebrew-Regular", "Serif-Regular",
    ),
    "serif-bold": ("Serif-Bold", "NaskhArabic-Bold", "SerifHebrew-Bold", "Serif-Bold"),
    "display-regular": (
        "SerifDisplay-Regular", "NaskhArabic-Regular", "SerifHebrew-Regular", "Serif-Regular",
    ),
}  # fmt: skip
_SIGN_FONTS = ("SansMath-Regular", "SansSymbols-Regular", "SansSymbols2-Regular")
_LETTERS = (
    (0x20, 0x52F), (0x1C80, 0x1C88), (0x1D00, 0x1DBF), (0x1E00, 0x1FFF), (0x2C60, 0x2C7F),
    (0x2DE0, 0x2DFF), (0xA640, 0xA69F), (0xA720, 0xA7FF), (0xFB00, 0xFB06),
)  # fmt: skip
_RIGHT_TO_LEFT = ((0x590, 0x6FF), (0x750, 0x77F), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFC))
_SIGNS = (
    (0x2000, 0x209F), (0x20A0, 0x20BF), (0x2100, 0x22FF), (0x2300, 0x230B), (0x2460, 0x24FF),
    (0x25A0, 0x2606), (0x260E, 0x2612), (0x2660, 0x2666), (0x266A, 0x266F), (0x2701, 0x27BE),
    (0x27E6, 0x27EF), (0x2A7D, 0x2A7E), (0x2B05, 0x2B0D), (0x2B50, 0x2B52), (0x2E00, 0x2E52),
)  # fmt: skip


def characters(*ranges: tuple[int, int]) -> set[int]:
    """Return the code points of some ranges, their ends among them."""
    return set(chain.from_iterable(range(first, last + 1) for first, last in ranges))


def make_face(face: str, folder: Path) -> TTFont:
    """Return one face, merged from subsets; its name and line metrics stay those of the old one."""
    letters, arabic, hebrew, gaps = _FACES[face]
    old = TTFont(FONTS / f"{face}.ttf")
    wanted = characters(*_LETTERS, *_SIGNS)
    sources = [
        (letters, wanted, True),
        (arabic, characters(*_RIGHT_TO_LEFT), True),
        (hebrew, characters(*_RIGHT_TO_LEFT), True),
        *((name, wanted, False) for name in (gaps, *_SIGN_FONTS)),
    ]
    parts: list[str] = []
    taken: set[int] = set()
    for name, want, with_layout in sources:
        font = TTFont(NOTO / f"Noto{name}.ttf")
        mine = (want & set(font.getBestCmap())) - taken
        if not mine:
            continue
        options = subset.Options(layout_features=["*"] if with_layout else [], hinting=False)
        options.drop_tables += ["MATH"] if with_layout else ["MATH", "GSUB", "GPOS", "GDEF"]
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=mine)
        subsetter.subset(font)
        scale_upem(font, _EM)
        parts.append(str(folder / f"{face}.{len(parts)}.ttf"))
        font.save(parts[-1])
        taken |= mine
    made = merge.Merger().merge(parts)
    made["name"] = old["name"]
    for table, names in (
        ("hhea", ("ascent", "descent", "lineGap")),
        ("OS/2", ("sTypoAscender", "sTypoDescender", "sTypoLineGap", "usWinAscent")),
    ):
        for attribute in names:
            setattr(made[table], attribute, getattr(old[table], attribute))
    return made


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the fonts are written")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for face in _FACES:
        font = make_face(face, folder)
        font.save(folder / f"{face}.ttf")
        print(f"{face}: {len(font.getBestCmap()):,} characters")


if __name__ == "__main__":
    main()
