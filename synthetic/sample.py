"""The sample listing: one made-up home in six pictures."""

import logging
from dataclasses import dataclass
from pathlib import Path

import yaml

from synthetic.build import build_scene
from synthetic.catalogue import Catalogue
from synthetic.files import MARK, write_photo
from synthetic.palette import choose_palette
from synthetic.render import render
from synthetic.scene import Scene

log = logging.getLogger(__name__)

HOME_SEED = 1
SIZE = (1536, 1024)
SAMPLES = 4


@dataclass(frozen=True)
class Shot:
    """One picture of the listing."""

    file: str
    room_type: str
    seed: int


SHOTS = (
    Shot("01-exterior.jpg", "exterior", 1),
    Shot("02-living_room.jpg", "living_room", 1),
    Shot("03-kitchen.jpg", "kitchen", 5),
    Shot("04-dining_room.jpg", "dining_room", 1),
    Shot("05-bedroom.jpg", "bedroom", 1),
    Shot("06-bathroom.jpg", "bathroom", 1),
)


def design_listing(catalogue: Catalogue) -> dict[Shot, Scene]:
    """Build the scenes of all shots in the materials of one home."""
    palette = choose_palette(HOME_SEED)
    return {shot: build_scene(shot.room_type, shot.seed, catalogue, palette) for shot in SHOTS}


def write_listing(
    catalogue: Catalogue, folder: Path, samples: int = SAMPLES, only: str = ""
) -> None:
    """Render the listing into a folder, with `listing.yaml` and the data card.

    Parameters
    ----------
    catalogue : the furniture
    folder : made if missing; pictures are overwritten
    samples : light paths per pixel
    only : if given, a room type: the other pictures are left as they are
    """
    folder.mkdir(parents=True, exist_ok=True)
    scenes = design_listing(catalogue)
    for number, (shot, scene) in enumerate(scenes.items(), start=1):
        if only in ("", shot.room_type):
            log.info("%d of %d: %s", number, len(scenes), shot.file)
            write_photo(folder / shot.file, render(scene, catalogue, SIZE, samples).photo)
    (folder / "listing.yaml").write_text(describe_listing())
    (folder / "README.md").write_text(write_card(list(scenes.values()), catalogue))


def describe_listing() -> str:
    """Return `listing.yaml`: what each file shows and the seed it was made from."""
    photos = [{"file": s.file, "room_type": s.room_type, "seed": s.seed} for s in SHOTS]
    listing = {
        "listing_id": "sample",
        "license": "CC0-1.0",
        "home_seed": HOME_SEED,
        "photos": photos,
    }
    return yaml.safe_dump(listing, sort_keys=False)


def credit_models(scenes: list[Scene], catalogue: Catalogue) -> list[tuple[str, str, str, str]]:
    """List the models used: name, title, author, licence; by name."""
    used = {item.model for scene in scenes for item in scene.items if item.model is not None}
    models = (catalogue[name] for name in sorted(used))
    return [(model.name, model.title, model.creator, model.license) for model in models]


def write_card(scenes: list[Scene], catalogue: Catalogue) -> str:
    """Return the data card, in Markdown."""
    files = "\n".join(f"| `{s.file}` | {s.room_type} | {s.seed} |" for s in SHOTS)
    credits = "\n".join("| " + " | ".join(row) + " |" for row in credit_models(scenes, catalogue))
    return CARD.format(
        files=files, credits=credits, mark=MARK, width=SIZE[0], height=SIZE[1], samples=SAMPLES
    )


CARD = """# Sample listing

Six pictures of a home that does not exist: path-traced by `synthetic`, for trying out
the service, for tests and for demonstrations. They are not photographs and none went into them.

| file | room type | seed |
|---|---|---|
{files}

`listing.yaml` says the same to programs.

- **Format.** JPEG, {width}x{height}, sRGB. Each says in its EXIF, XMP and comment: "{mark}".
- **Licence.** [CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/): no conditions.
- **Not good for** judging a model: they are cleaner, better lit and more alike than the photos
  people upload. What works on them has shown that it runs, no more.

## How they were made

Rooms are designed from a room type and a seed, in the materials of one home. The building, its
kitchen, bathroom, stairs, textures and garden are procedural; the furniture named below comes from
the library "Blend Swap CC-0" as packed in Debian's `sweethome3d-furniture`. Mitsuba 3 traces
{samples} paths per pixel, a few more for the sun and for the garden behind the windows, and Open
Image Denoise takes out the grain.

    apt-get install libllvm19 sweethome3d-furniture
    unzip /usr/share/sweethome3d/furniture/BlendSwap-CC-0.sh3f -d FURNITURE
    python -m synthetic sample --furniture FURNITURE --out datasets/sample_listing

Another machine or version of Mitsuba gives the same pictures up to noise.

## Furniture

Every model is in the public domain (CC0); its author need not be named, and is gladly.

| model | what | author | licence |
|---|---|---|---|
{credits}
"""
