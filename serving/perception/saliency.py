"""What of a photo draws the eye: the task `saliency`."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from serving.card import BATCH, ArraySpec, Map, ModelCard, PhotoInput
from serving.encoded import Encoded
from serving.errors import ModelUnavailable
from serving.image import PhotoFile
from serving.perception.pixels import squeeze_photo
from serving.task import Inputs, Outputs, Size, check_arrays, embedding_spec

UNIT = "saliency, 0..255"


@dataclass(frozen=True)
class SaliencyAnswer:
    """What of a photo draws the eye.

    Attributes
    ----------
    map : uint8, 0: nothing does, 255: all does; of the whole photo squeezed to the model's
        rectangle
    size : of the upright photo, (height, width), that the map stands for
    """

    map: Encoded
    size: tuple[int, ...]


class Saliency:
    """The task: the whole photo, squeezed to a rectangle; how salient each of its pixels is."""

    name = "saliency"
    answer = TypeAdapter(SaliencyAnswer)

    def prepare(self, source: PhotoFile, card: ModelCard) -> Inputs:
        """Return `pixels`, uint8 (height, width, 3) of the card's size."""
        return squeeze_photo(source, card)

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> SaliencyAnswer:
        """Read `saliency`, uint8 (height, width)."""
        del card
        return SaliencyAnswer(Encoded.of_map(outputs["saliency"]), size)

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge the shape of the map, and that it is one of measures, not of classes."""
        if card.output_as(Map).labels:
            raise ModelUnavailable(self.name, "its map is one of classes")
        size = card.input_as(PhotoInput)
        shape = (BATCH, size.height, size.width)
        found = ArraySpec(name="saliency", dtype="uint8", shape=shape)
        check_arrays(outputs, (found, *embedding_spec(card)), self.name)


SALIENCY = Saliency()
