"""How the network learns: from boxes that two teachers agree on, and from true ones."""

from torch import Tensor
from torchmetrics import MeanMetric

from serving.card import FramedInput
from training.detector.config import DetectorConfig
from training.detector.loss import detection_loss
from training.detector.network import Served, cell_middles
from training.detector.samples import Sample, unpack
from training.module import TaskModule

OUTPUTS = ("boxes",)


class DetectorModule(TaskModule):
    """A network behind its preprocessing; a batch is what `training.detector.samples` makes."""

    served: Served
    config: DetectorConfig

    def __init__(self, served: Served, spec: FramedInput, config: DetectorConfig) -> None:
        super().__init__(served, spec, config, OUTPUTS)
        self.loss = MeanMetric()

    def training_step(self, batch: Sample, _: int) -> Tensor:
        labels, boxes = self._losses(batch)
        self.log("train/labels", labels, prog_bar=True)
        self.log("train/boxes", boxes, prog_bar=True)
        return labels + self.config.box_weight * boxes

    def validation_step(self, batch: Sample, _: int) -> None:
        labels, boxes = self._losses(batch)
        self.loss(labels + self.config.box_weight * boxes)
        self.log("val/loss", self.loss, prog_bar=True)

    def _losses(self, batch: Sample) -> tuple[Tensor, Tensor]:
        pixels, rows, known = batch
        middles = cell_middles(pixels.shape[1]).to(pixels.device)
        logits, corners = self.served.look(pixels, middles)
        truths = [unpack(one, labels) for one, labels in zip(rows, known, strict=True)]
        return detection_loss(logits, corners, middles, truths, self.config.candidates)
