"""Upscalers that others trained: what each takes, by how much it enlarges, and how far it sees."""

from dataclasses import dataclass

from serving.card import BATCH, ArrayInput, ArraySpec


@dataclass(frozen=True)
class Contract:
    """What the card of an upscaler from outside says.

    Attributes
    ----------
    name : of the architecture
    scale : pixels per pixel of the photo, along a side
    reach : how many pixels around one have a say in it; of those that see all of a tile, how many
        are cut off on every side
    """

    name: str
    taken: ArrayInput
    scale: int
    reach: int


def _takes(name: str, shape: tuple[int | str, ...]) -> ArrayInput:
    return ArrayInput(arrays=(ArraySpec(name=name, dtype="float32", shape=shape),))


# B. Lim et al., "Enhanced deep residual networks for single image super-resolution", CVPRW 2017, as
# MLPerf Mobile packs it
EDSR = Contract("edsr-x2", _takes("input_1", (BATCH, 540, 960, 3)), scale=2, reach=12)


def contract_of(scale: int) -> Contract:
    """Return what is said of a network of the Real-ESRGAN family by its scale.

    X. Wang et al., "Real-ESRGAN: training real-world blind super-resolution with pure synthetic
    data", ICCVW 2021; `training.upscaler.family` brings them into ONNX.
    """
    taken = _takes("photo", (BATCH, 3, "height", "width"))
    return Contract(f"real-esrgan-x{scale}", taken, scale, reach=24)


CONTRACTS = {one.name: one for one in (EDSR, contract_of(2), contract_of(4))}
