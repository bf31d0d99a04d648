"""What a kit has to bring so that it can be put into rooms: each mesh and texture that it names."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from serving.db.tables import Json
from serving.errors import BadInput
from serving.kits.assets.packing import MeshFacts
from serving.kits.assets.prepare import Asset, Kind
from serving.staging.kit import Kit, Piece

SET_BY_US = ("id", "version")
# how much longer one side of a piece may be, against the others, than its mesh: a rug becomes a
# runner, a round table a stand. Axes that were exchanged, and wrong meshes, go further
_STRETCHED = 2.5
_ALL_OTHERS = "*"
_SHOWN = 5


@dataclass(frozen=True)
class Document:
    """A version of a kit as it is kept.

    Attributes
    ----------
    assets : all meshes and pictures that the kit is made of, by their names
    """

    kit: Kit
    assets: Mapping[str, Asset]

    def as_json(self) -> Json:
        """Return what is stored: without name and version, which the row has."""
        kit = self.kit.model_dump(mode="json", exclude=set(SET_BY_US))
        assets = {name: asset.model_dump(mode="json") for name, asset in self.assets.items()}
        return {"kit": kit, "assets": assets}

    def sha256(self) -> str:
        """Return what the content hashes to, whatever its version."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


def read_document(document: Json, kit_id: str, version: int) -> Document:
    """Return a version of a kit as it was stored."""
    kit = read_kit(document["kit"], kit_id, version)
    assets = {name: Asset.model_validate(asset) for name, asset in document["assets"].items()}
    return Document(kit, assets)


def read_kit(body: Mapping[str, object], kit_id: str, version: int = 1) -> Kit:
    """Return a kit; BadInput says what does not fit together."""
    try:
        return Kit.model_validate({**body, "id": kit_id, "version": version})
    except ValidationError as error:
        said = "; ".join(f"{_place(item['loc'])}{item['msg']}" for item in error.errors()[:_SHOWN])
        raise BadInput(said) from error


def _place(steps: tuple[int | str, ...]) -> str:
    return f"{'.'.join(str(step) for step in steps)}: " if steps else ""


def named_assets(kit: Kit) -> Iterator[tuple[str, Kind]]:
    """Yield the meshes and textures that a kit names, each once."""
    meshes = dict.fromkeys(piece.mesh for piece in kit.pieces.values())
    textures = dict.fromkeys(
        finish.texture for finish in kit.finishes.values() if finish.texture is not None
    )
    yield from ((name, "mesh") for name in meshes)
    yield from ((name, "picture") for name in textures)


def check_kit(kit: Kit, assets: Mapping[str, Asset]) -> None:
    """Raise BadInput unless the kit's pieces and textures are what its assets are.

    A piece has its mesh's licence and nearly its proportions, and a finish for each of its parts.
    """
    wrong = [said for name, kind in named_assets(kit) for said in _of_kind(name, kind, assets)]
    if not wrong:
        for sku, piece in kit.pieces.items():
            wrong += [f"{sku}: {said}" for said in _check_piece(piece, assets[piece.mesh])]
    if wrong:
        more = f"; {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise BadInput("; ".join(wrong[:_SHOWN]) + more)


def _of_kind(name: str, kind: Kind, assets: Mapping[str, Asset]) -> Iterator[str]:
    if name not in assets:
        yield f"there is no {kind} '{name}': send it as an asset first"
    elif assets[name].kind != kind:
        yield f"'{name}' is a {assets[name].kind}, not a {kind}"


def _check_piece(piece: Piece, asset: Asset) -> Iterator[str]:
    facts = MeshFacts.model_validate(asset.facts)
    bare = sorted(facts.parts.keys() - piece.finishes.keys())
    unknown = sorted(piece.finishes.keys() - facts.parts.keys() - {_ALL_OTHERS})
    if unknown:
        yield f"the mesh '{piece.mesh}' has no part {', '.join(unknown)}"
    if bare and _ALL_OTHERS not in piece.finishes:
        yield f"no finish for {', '.join(bare)} of the mesh '{piece.mesh}', and none for '*'"
    if piece.licence != asset.licence:
        yield f"its licence is {piece.licence}, and that of its mesh {asset.licence}"
    scales = [side / own for side, own in zip(piece.size_cm, facts.size_cm, strict=True)]
    if max(scales) > _STRETCHED * min(scales):
        said, own = (
            " x ".join(f"{s:.0f}" for s in size) for size in (piece.size_cm, facts.size_cm)
        )
        yield f"{said} cm would stretch its mesh of {own} cm"
