"""The network: what was measured of a photo, to how bad each part is, to scores of 0-100."""

import torch
from torch import Tensor, nn

from serving.photos.quality.parts import CAUSES
from training.photo_quality.severity import CAST

LIGHT = ("under", "over", "contrast", "red", "blue")  # seen in levels and colours alone
TEXTURE = ("blur", "motion", "noise", "compression", "upscale")
_SOFTNESS = 0.02  # of the bend at no severity at all: better than clean is still better
_SHARPEST_NORM = 6.0
_LARGEST_SIDE, _DOUBLINGS = 2048.0, 3.5  # px that leave nothing to wish; times it may be halved
_LEVEL_DEG, _TILT_DEG = 1.0, 3.0  # what few see; what costs 63 % beyond it
# How much each part weighs in the whole, in the order of PARTS, until people's scores say better:
# a photo stays of use when it leans or is small, not when it is blurred or dark.
_WEIGHTS = (1.0, 1.0, 0.9, 0.9, 0.9, 0.8, 0.5, 0.5)
_NORM = 3.0


class Perceptron(nn.Module):
    """Two hidden layers over standardised features.

    Parameters
    ----------
    mean, deviation : of each feature in training, shape (features,)
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, mean: Tensor, deviation: Tensor, outputs: int, hidden: int, drop: float
    ) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.layers = nn.Sequential(
            nn.Linear(len(mean), hidden), nn.SiLU(), nn.Dropout(drop),
            nn.Linear(hidden, hidden), nn.SiLU(), nn.Dropout(drop),
            nn.Linear(hidden, outputs),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        """Return the outputs, shape (n, outputs)."""
        raw: Tensor = self.layers(((features - self.mean) / self.deviation).clamp(-5, 5))
        return raw


class QualityHead(nn.Module):
    """Features to severities by two perceptrons, and on to scores by formulas that only fall.

    Parameters
    ----------
    mean, deviation : of each feature in training, shape (features,)
    light_from : the first feature of `measure_light`; those before are of `measure_texture`
    """

    order: Tensor

    def __init__(
        self, mean: Tensor, deviation: Tensor, light_from: int, hidden: int = 96, drop: float = 0.1
    ) -> None:
        super().__init__()
        self.light_from = light_from
        self.light = Perceptron(mean[light_from:], deviation[light_from:], len(LIGHT), hidden, drop)
        self.texture = Perceptron(mean, deviation, len(TEXTURE), hidden, drop)
        order = [(*LIGHT, *TEXTURE).index(name) for name in CAUSES]
        self.register_buffer("order", torch.tensor(order))
        self.weights = nn.Parameter(torch.tensor(_WEIGHTS))

    def predict(self, features: Tensor) -> Tensor:
        """Return severities and log ratios in the order of CAUSES; shape (n, causes)."""
        both = torch.cat(
            [self.light(features[:, self.light_from :]), self.texture(features)], dim=1
        )
        return both[:, self.order]

    def forward(
        self, features: Tensor, known: Tensor, fingerprint: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Score photos.

        Parameters
        ----------
        features : float32 (n, features)
        known : float32 (n, 3): the long side in px, the lean in degrees, and the severity of
            compression that the file's header admits
        fingerprint : uint8 (n, bytes), handed on

        Returns
        -------
        score : (n, 1), 0..100
        parts : (n, len(PARTS)), 0..100
        details : (n, len(DETAILS)): the severities and what was known, for hints
        fingerprint : as given
        """
        causes = self.predict(features)
        severities = self.severities(causes, known)
        parts = 100 * (1 - severities)
        return self.whole(severities), parts, torch.cat([causes, known], dim=1), fingerprint.clone()

    def severities(self, causes: Tensor, known: Tensor) -> Tensor:
        """Return how bad each of PARTS is, 0..1; shape (n, len(PARTS))."""
        by_name = {name: _bend(causes[:, n]) for n, name in enumerate(CAUSES)}
        red, blue = causes[:, CAUSES.index("red")], causes[:, CAUSES.index("blue")]
        strength = (red.square() + blue.square() + 1e-8).sqrt()
        side, lean, header = known[:, 0], known[:, 1].abs(), known[:, 2]
        true_side = side * (1 - by_name["upscale"]).clamp(min=0.05)
        return torch.stack([
            by_name["blur"],
            torch.maximum(by_name["under"], by_name["over"]),
            by_name["contrast"],
            by_name["noise"],
            torch.maximum(by_name["compression"], header),
            1 - torch.exp(-strength / CAST),
            1 - torch.exp(-(lean - _LEVEL_DEG).clamp(min=0) / _TILT_DEG),
            ((_LARGEST_SIDE / true_side).log2() / _DOUBLINGS).clamp(0, 1),
        ], dim=1)  # fmt: skip

    def whole(self, severities: Tensor) -> Tensor:
        """Return the score: the worst part counts most, and every other still counts."""
        weighted = severities.clamp(min=1e-4) * self.weights.clamp(min=0)
        loss = weighted.pow(_NORM).sum(dim=1, keepdim=True).pow(1 / _NORM)
        soft = loss / (1 + loss.pow(_SHARPEST_NORM)).pow(1 / _SHARPEST_NORM)  # never quite 1
        return 100 * (1 - soft)


def _bend(raw: Tensor) -> Tensor:
    """Keep a severity within 0..1 and strictly rising below and above."""
    above = nn.functional.softplus(raw / _SOFTNESS) * _SOFTNESS
    return 1 - nn.functional.softplus((1 - above) / _SOFTNESS) * _SOFTNESS
