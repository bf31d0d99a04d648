"""How the network learns: severities by Huber's loss, and people's scores of the whole."""

import torch
from torch import Tensor, nn

from serving.photos.quality.parts import CAUSES
from serving.photos.quality.task import quality_input
from training.module import TaskModule
from training.photo_quality.config import QualityConfig
from training.photo_quality.head import LIGHT, TEXTURE, QualityHead

OUTPUTS = ("score", "parts", "details", "view")  # a name cannot be an input's too
_SPREAD = {"red": 0.12, "blue": 0.12}  # by which an error is measured; severities: 0.2
_BEND = 0.5  # spreads, from which on an error counts linearly

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class QualityModule(TaskModule):
    """The head around which the loop trains.

    A batch is features, causes, whether texture counts, a person's score (NaN: none) and what is
    known, as `QualityHead.forward` takes it.
    """

    _spread: Tensor

    def __init__(self, head: QualityHead, config: QualityConfig) -> None:
        super().__init__(head, quality_input(), config, OUTPUTS)
        self.head, self._human_weight = head, config.human_weight
        spread = torch.tensor([_SPREAD.get(name, 0.2) for name in CAUSES])
        self.register_buffer("_spread", spread, persistent=False)
        self._light = [CAUSES.index(name) for name in LIGHT]
        self._texture = [CAUSES.index(name) for name in TEXTURE]

    def training_step(self, batch: Batch, _: int) -> Tensor:
        loss = self._loss(batch)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        self.log("val/loss", self._loss(batch), prog_bar=True)

    def _loss(self, batch: Batch) -> Tensor:
        features, causes, whole, human, known = batch
        found = self.head.predict(features)
        known_causes = torch.isfinite(causes)
        aim = torch.where(known_causes, causes, found.detach())
        error = nn.functional.smooth_l1_loss(
            found / self._spread, aim / self._spread, beta=_BEND, reduction="none"
        )
        loss = error[:, self._light].mean()
        loss = loss + (error[:, self._texture].mean(dim=1) * whole).sum() / whole.sum().clamp(min=1)
        scored = torch.isfinite(human)
        if self._human_weight and bool(scored.any()):
            score = self.head.whole(self.head.severities(found[scored], known[scored]))[:, 0]
            loss = loss + self._human_weight * ((score - human[scored]) / 20).square().mean()
        return loss
