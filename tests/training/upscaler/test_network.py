"""What is trained, what is exported, and what serving makes of a photo with it."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from serving.card import ModelCard, Picture
from serving.image import Image
from serving.models.session import OnnxSession
from serving.perception.tiles import Tiling, by_tiles
from serving.perception.upscale import UPSCALER, Tile, upscale
from serving.task import example_inputs
from training.loop.export import export_onnx
from training.upscaler.config import SMOKE, UpscalerConfig
from training.upscaler.module import OUTPUTS, UpscalerModule
from training.upscaler.network import LinearBlock, Served, build_chain
from training.upscaler.training import pixels_spec

CONFIG = SMOKE.model_copy(update={"depth": 2})


@pytest.fixture(scope="module")
def served() -> Served:
    torch.manual_seed(3)
    net = Served(build_chain(CONFIG.channels, CONFIG.depth, CONFIG.expansion))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return net.eval()


@pytest.fixture(scope="module")
def model(served: Served) -> bytes:
    module = UpscalerModule(served, pixels_spec(), CONFIG)
    return export_onnx(module.to_serve(), pixels_spec(), OUTPUTS)


def card_of(reach: int) -> ModelCard:
    return ModelCard(
        task=UPSCALER.name,
        input=pixels_spec(),
        output=Picture(scale=2),
        parameters={"reach": float(reach)},
        licence="research",
        backbone="-",
        precision="fp32",
        data_version="1",
    )


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def test_all_branches_of_a_block_are_one_convolution() -> None:
    block = LinearBlock(4, 4, 3)
    planes = torch.randn(2, 4, 9, 7)
    torch.testing.assert_close(block.merged()(planes), block(planes))


def test_what_is_exported_is_the_merged_network_and_gives_what_was_trained(
    served: Served, model: bytes
) -> None:
    import onnx

    kinds = [node.op_type for node in onnx.load_from_string(model).graph.node]
    assert kinds.count("Conv") == CONFIG.depth + 2
    assert not {"Einsum", "MatMul"} & set(kinds), "branches are summed before, not in the graph"
    pixels = noise(40, 31)[None]
    with torch.inference_mode():
        expected = served(torch.from_numpy(pixels)).numpy()
    found = OnnxSession(model)({"pixels": pixels})["upscaled"]
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_the_network_that_is_shipped_is_small() -> None:
    config = UpscalerConfig()
    chain = build_chain(config.channels, config.depth, config.expansion).merged()
    assert sum(parameter.numel() for parameter in chain.parameters()) <= 100_000


def test_tiles_give_what_the_whole_photo_gives_up_to_rounding(model: bytes) -> None:
    session, reach = OnnxSession(model), CONFIG.depth + 2
    card = card_of(reach)

    class Held:
        card = card_of(reach)

        def __call__(self, tiles: Sequence[Tile]) -> list[Image]:
            batch = np.stack([tile.pixels for tile in tiles])
            return list(np.asarray(session({"pixels": batch})["upscaled"], np.uint8))

    def at_once(tiles: Sequence[Image]) -> list[Image]:
        return Held()([Tile(tile) for tile in tiles])

    photo = noise(230, 331)
    whole = by_tiles(photo, 2, Tiling(1024, 1024, reach), at_once)
    apart = np.abs(upscale(photo, 2, Held()).astype(int) - whole)
    assert apart.max() <= 1
    assert (apart > 0).mean() < 1e-3
    UPSCALER.check(session(example_inputs(card, 3)), card)
