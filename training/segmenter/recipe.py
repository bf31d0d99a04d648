"""The recipe of the segmenter."""

from serving.perception.segment import SEGMENTER, SegmentAnswer
from training.recipe import Evaluation, Headline, Recipe, Training, TrainingPlan
from training.segmenter.config import SMOKE, SPACE, SegmenterConfig
from training.segmenter.dataset import open_segmentation


def _training() -> Training[SegmenterConfig]:
    from training.segmenter.training import SegmenterTraining

    return SegmenterTraining()


def _evaluation() -> Evaluation:
    from training.segmenter.evaluation import SegmenterEvaluation

    return SegmenterEvaluation()


SEGMENTATION: Recipe[SegmentAnswer] = Recipe(
    task=SEGMENTER,
    dataset="segmentation",
    headline=Headline("agreement"),
    evaluation=_evaluation,
    made_by=TrainingPlan(SegmenterConfig(), SMOKE, SPACE, _training),
    open=open_segmentation,
)
