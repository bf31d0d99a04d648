"""Stand-ins that behave: a real tiny ONNX model, pictures made here, sessions told what to do."""

import io
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image as Pillow
from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as Database

from registry.bootstrap import STARTERS
from serving.audio.beat_tracker import BEAT_TRACKER
from serving.card import Label, ModelCard, PhotoInput
from serving.db.tables import Slot
from serving.errors import ModelFailed, ModelUnavailable
from serving.image import Image, PhotoFile
from serving.models.local import Loaded, Pin, load_baked
from serving.models.routing import CHAMPION
from serving.models.session import Session
from serving.models.slots import CHANNEL, Published
from serving.photos.classify import ROOM_CLASSIFIER
from serving.storage.objects import Storage, write_by_sha256
from serving.storage.prefixes import MODELS
from serving.task import Inputs, Outputs

TASK = ROOM_CLASSIFIER.name
SIDE = 16
RED, GREEN, BLUE = (220, 30, 30), (30, 200, 30), (30, 30, 220)
COLOURS = (
    Label(name="red", scene="interior"),
    Label(name="green", scene="exterior"),
    Label(name="blue", scene="interior"),
)


def colour_model(gain: float = 8.0, side: int = SIDE) -> bytes:
    """Return an ONNX model whose logits are the mean of each channel, 0..1, times `gain`."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("Mul", ["means", "gain"], ["logits"]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("gain", TensorProto.FLOAT, [], [gain / 255]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", side, side, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        initializer=constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def colour_card(**changes: object) -> ModelCard:
    """Return the card of `colour_model`; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "task": TASK,
        "input": PhotoInput(height=SIDE, width=SIDE, mean=(0, 0, 0), std=(255, 255, 255)),
        "licence": "Apache-2.0",
        "backbone": "mean",
        "precision": "fp32",
        "data_version": "colours-1",
    }
    classes = {"labels": COLOURS, "temperature": 1.0, "confident_above": 0.8}
    classes |= {name: changes.pop(name) for name in list(changes) if name in classes}
    return ModelCard.model_validate(fields | {"output": {"kind": "classes"} | classes} | changes)


def picture(
    colour: tuple[int, int, int] = RED, height: int = 40, width: int = 60, noise: int = 10
) -> Image:
    """Return a picture of mostly one colour, the same every time; `noise` either way."""
    random = np.random.default_rng([*colour, height, width])
    grain = random.integers(-noise, noise + 1, (height, width, 3))
    return (np.array(colour) + grain).clip(0, 255).astype(np.uint8)


def encode(image: Image, kind: str, **options: object) -> bytes:
    """Return `image` as a file of Pillow's format `kind`."""
    file = io.BytesIO()
    Pillow.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def jpeg(
    colour: tuple[int, int, int] = RED, height: int = 40, width: int = 60, **options: object
) -> bytes:
    """Return a JPEG of mostly one colour."""
    return encode(picture(colour, height, width), "JPEG", **options)


def png(
    colour: tuple[int, int, int] = RED, height: int = 40, width: int = 60, **options: object
) -> bytes:
    """Return a PNG of mostly one colour."""
    return encode(picture(colour, height, width), "PNG", **options)


def photo(
    colour: tuple[int, int, int] = RED, height: int = 40, width: int = 60, noise: int = 10
) -> PhotoFile:
    """Return a photo of mostly one colour, as models are asked about it."""
    return PhotoFile(encode(picture(colour, height, width, noise), "JPEG", quality=95), 10**6)


class StubSession:
    """Answers as `colour_model` would, after a time that is known.

    Parameters
    ----------
    fixed_ms, per_item_ms : how long a batch takes
    poison : a batch in which an item's first pixel has this value in all channels breaks
    """

    def __init__(
        self, fixed_ms: float = 20.0, per_item_ms: float = 1.0, poison: int | None = None
    ) -> None:
        self._fixed_ms, self._per_item_ms, self._poison = fixed_ms, per_item_ms, poison
        self.batches: list[int] = []

    def __call__(self, inputs: Inputs) -> Outputs:
        """Sleep, then answer; ModelFailed if any item is poisoned."""
        pixels = inputs["pixels"]
        self.batches.append(len(pixels))
        time.sleep((self._fixed_ms + self._per_item_ms * len(pixels)) / 1e3)
        if self._poison is not None and (pixels[:, 0, 0] == self._poison).all(axis=-1).any():
            raise ModelFailed("a poisoned photo")
        return {"logits": (pixels.mean(axis=(1, 2)) * (8 / 255)).astype(np.float32)}


@cache
def starter_beats() -> Loaded:
    """Return the beat tracker that a fresh machine has."""
    return load_baked(STARTERS, tasks={BEAT_TRACKER.name: BEAT_TRACKER})[BEAT_TRACKER.name]


def hearing() -> dict[str, Loaded]:
    """Return the beat tracker as a bento has it baked in."""
    return {BEAT_TRACKER.name: starter_beats()}


class FixedModels:
    """One model for `room-classifier`, or none; `serving.models.local.Models`."""

    def __init__(
        self, session: Session | None, card: ModelCard | None = None, version: str = "1"
    ) -> None:
        self._session, self._card, self._version = session, card or colour_card(), version
        self.slot = CHAMPION

    def get(self, task: str) -> Loaded:
        """Return the model; the starter that hears beats; ModelUnavailable if there is none."""
        if task == BEAT_TRACKER.name:
            return starter_beats()
        if self._session is None or task != TASK:
            raise ModelUnavailable(task, "this fake has none")
        return Loaded(self._card, self._version, self.slot, session=self._session)

    def pinned(self, task: str, pin: Pin) -> Loaded:
        """Return the model, whichever was pinned."""
        del pin
        return self.get(task)

    def all(self) -> dict[str, Loaded]:
        """Return every model that answers, by task."""
        return {TASK: self.get(TASK)} if self._session else {}


def publish(
    engine: Engine,
    storage: Storage,
    version: str = "1",
    model: bytes | None = None,
    card: ModelCard | None = None,
    notify: bool = True,
    slot: str = CHAMPION,
    **traffic: object,
) -> Published:
    """Put a version into storage and slots as `registry.publish` does; return the row.

    `traffic` is what the row says beside the version: `mode`, `weight`, `salt`, `stopped`.
    """
    card = card or colour_card()
    row = {
        "version": version,
        "model_sha256": write_by_sha256(storage, MODELS, model or colour_model()),
        "card_sha256": write_by_sha256(storage, MODELS, card.model_dump_json().encode()),
    }
    values = row | traffic
    new = insert(Slot).values(task=card.task, slot=slot, **values)
    with Database(engine) as database, database.begin():
        database.execute(new.on_conflict_do_update(index_elements=["task", "slot"], set_=values))
        if notify:
            database.execute(select(func.pg_notify(CHANNEL, card.task)))
    return Published(card.task, slot, **values)  # type: ignore[arg-type]


def publish_beats(engine: Engine, storage: Storage) -> Published:
    """Publish the beat tracker that a fresh machine has."""
    return publish_starter(engine, storage, BEAT_TRACKER.name)


def publish_starter(engine: Engine, storage: Storage, task: str) -> Published:
    """Publish the model of a task that a fresh machine has."""
    folder = STARTERS / task
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    return publish(engine, storage, "1", (folder / "model.onnx").read_bytes(), card)


def bake(folder: Path, version: str = "7", card: ModelCard | None = None) -> Path:
    """Write the colour model below `folder` as a bento carries it; return `folder`."""
    into = folder / TASK
    into.mkdir(parents=True)
    (into / "model.onnx").write_bytes(colour_model())
    (into / "card.json").write_text((card or colour_card()).model_dump_json())
    (into / "VERSION").write_text(f"{version}\n")
    return folder
