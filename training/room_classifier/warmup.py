"""Frozen-feature warm-up: the best linear head on the backbone as it came."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from training.loop.loaders import Batch
from training.loop.photos import Normalised


def extract_features(served: Normalised, photos: DataLoader[Batch]) -> tuple[Tensor, Tensor]:
    """Return pooled features (n, channels) and labels (n,) of a timm backbone."""
    net: Any = served.net  # timm's interface, which nn.Module does not know
    features, labels = [], []
    served.eval()
    with torch.inference_mode():
        for pixels, batch_labels in photos:
            maps = net.forward_features(served.normalise(pixels))
            features.append(net.forward_head(maps, pre_logits=True))
            labels.append(batch_labels)
    return torch.cat(features).clone(), torch.cat(labels).clone()


def fit_head(features: Tensor, labels: Tensor, count: int, penalty: float) -> tuple[Tensor, Tensor]:
    """Fit multinomial logistic regression; return weight (count, channels) and bias (count,).

    Features are standardised and the weights on that scale penalised by `penalty * |w|^2`; what
    is returned applies to the features as they are. Full-batch L-BFGS.
    """
    mean, spread = features.mean(dim=0), features.std(dim=0) + 1e-3
    standard = (features - mean) / spread
    weight = torch.zeros((count, features.shape[1]), requires_grad=True)
    bias = torch.zeros(count, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=80, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(standard @ weight.T + bias, labels)
        loss = loss + penalty * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    scaled = (weight / spread).detach()
    return scaled, (bias - scaled @ mean).detach()


def warm_up(served: Normalised, photos: DataLoader[Batch], count: int, penalty: float) -> None:
    """Set the network's classifier to the best head on its frozen features."""
    weight, bias = fit_head(*extract_features(served, photos), count, penalty)
    net: Any = served.net
    head = net.get_classifier()
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
