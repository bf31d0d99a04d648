"""The recipe of photo quality."""

from serving.photos.quality.task import PHOTO_QUALITY, QualityAnswer
from training.photo_quality.config import SMOKE, SPACE, QualityConfig
from training.recipe import Evaluation, Headline, Recipe, Training, TrainingPlan


def _training() -> Training[QualityConfig]:
    from training.photo_quality.training import QualityTraining

    return QualityTraining()


def _evaluation() -> Evaluation:
    from training.photo_quality.evaluation import QualityEvaluation

    return QualityEvaluation()


QUALITY: Recipe[QualityAnswer] = Recipe(
    task=PHOTO_QUALITY,
    dataset="photo_quality",
    headline=Headline("spearman"),
    evaluation=_evaluation,
    made_by=TrainingPlan(
        QualityConfig(), SMOKE, SPACE, _training, quantised=False, embeds="details"
    ),
)
