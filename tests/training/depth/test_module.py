import numpy as np
import pytest
import torch

from serving.card import PhotoInput
from training.depth.config import DepthConfig
from training.depth.module import depth_loss, parts_of
from training.depth.network import build_depth_network
from training.depth.truth import FARTHEST_M

TRUTH = torch.from_numpy(np.random.default_rng(0).uniform(1, 6, (2, 12, 16)).astype(np.float32))


def loss(found: torch.Tensor, metres: torch.Tensor = TRUTH) -> float:
    return float(depth_loss(found.log(), metres, 0.15, 1.0))


def test_the_truth_costs_nothing_and_its_double_only_the_share_of_scale() -> None:
    assert loss(TRUTH) < 1e-6
    assert loss(2 * TRUTH) == pytest.approx(0.15 * np.log(2), rel=1e-4)


def test_unevenness_costs_more_than_the_same_error_everywhere() -> None:
    uneven = TRUTH.clone()
    uneven[:, ::2] *= 2
    assert loss(uneven) > 5 * loss(2 * TRUTH)


def test_how_far_the_sky_is_costs_less_than_how_far_a_wall_is() -> None:
    half = TRUTH.clone()
    half[:, :6] = FARTHEST_M
    sky, wall = half.clone(), half.clone()
    sky[:, :6] /= 2
    wall[:, 6:] /= 2
    assert loss(sky, half) < loss(wall, half)


def test_what_is_served_says_metres_at_the_input_size_and_stays_in_range() -> None:
    net, _ = build_depth_network("tf_efficientnet_lite0", "none", 16, 0)
    config = DepthConfig()
    spec = PhotoInput(height=config.height, width=config.breadth, mean=(127,) * 3, std=(128,) * 3)
    served = parts_of(spec, net).eval()
    with torch.inference_mode():
        found = served(torch.zeros(1, 64, 96, 3, dtype=torch.uint8))
    assert found.shape == (1, 64, 96)
    assert float(found.min()) >= 0.1
    assert float(found.max()) <= FARTHEST_M
