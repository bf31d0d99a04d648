"""Curves as the network proposes them, applied as serving applies them."""

import numpy as np
import pytest
import torch

from serving.photos.enhance.finish import finish
from training.photo_finisher.config import SMOKE
from training.photo_finisher.network import FinisherNet, Served, follow
from training.photo_finisher.samples import FAULTS, spoil
from training.photo_finisher.training import FinisherTraining


def test_a_network_that_has_learned_nothing_changes_nothing() -> None:
    served = Served(FinisherNet(8, 17)).eval()
    pixels = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    still = torch.linspace(0, 1, 17)[None, :, None].expand(2, 17, 3)
    torch.testing.assert_close(served(pixels), still, atol=1e-4, rtol=0)


def test_training_follows_curves_as_serving_does() -> None:
    rng = np.random.default_rng(0)
    curves = np.sort(rng.random((9, 3)), axis=0).astype(np.float32)
    photo = rng.integers(0, 256, (80, 90, 3), np.uint8)
    levels = torch.from_numpy(photo.reshape(1, -1, 3).astype(np.float32) / 255)
    learned = follow(torch.from_numpy(curves)[None], levels)[0].numpy().reshape(photo.shape)
    assert np.abs(255 * learned - finish(photo, curves)).max() <= 0.51


def test_it_learns_that_dark_photos_were_brighter() -> None:
    torch.manual_seed(0)
    module = FinisherTraining().make_module(None, SMOKE, fresh=True)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    clean = rng.integers(60, 256, (8, 32, 32, 3), np.uint8)
    batch = torch.from_numpy((clean * 0.5).astype(np.uint8)), torch.from_numpy(clean)
    optimizer = torch.optim.AdamW(module.parameters(), lr=3e-3)
    before = float(module._errors(batch).mean().detach())
    for _ in range(40):
        loss = module._errors(batch).sqrt().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert float(module._errors(batch).mean().detach()) < before / 10


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_the_same_for_the_same_seed_and_leaves_its_photo_alone(fault: str) -> None:
    photo = np.random.default_rng(1).integers(40, 220, (48, 64, 3), np.uint8)
    kept = photo.copy()
    first, again = (spoil(photo, fault, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(photo, kept)
    assert (first != photo).any()
