"""The recipes of the upscaler: trained here, or taken in as others trained it."""

from dataclasses import replace

from serving.perception.upscale import UPSCALER, UpscaleAnswer
from training.recipe import Evaluation, Headline, OutsideWeights, Recipe, Training, TrainingPlan
from training.upscaler.config import SMOKE, SPACE, UpscalerConfig
from training.upscaler.outside import EDSR


def _training() -> Training[UpscalerConfig]:
    from training.upscaler.training import UpscalerTraining

    return UpscalerTraining()


def _evaluation() -> Evaluation:
    from training.upscaler.evaluation import UpscalerEvaluation

    return UpscalerEvaluation()


UPSCALING: Recipe[UpscaleAnswer] = Recipe(
    task=UPSCALER,
    dataset="photo_quality",  # listings at their original size, and none that is tested on
    headline=Headline("psnr", most_lost=0.05),
    evaluation=_evaluation,
    # int8 took 1.4 times as long without VNNI, and lost 0.04 dB
    made_by=TrainingPlan(UpscalerConfig(), SMOKE, SPACE, _training, quantised=False),
)

EDSR_WEIGHTS = OutsideWeights(
    location="../models/edsr_x2_540x960.onnx",
    sha256="e36d24fab0df6f84b24d75f1ae4bd407d302547ddcd90bd882c1f09c592c23d0",
    licence="Apache-2.0",
    architecture=EDSR.name,
    input=EDSR.taken,
)
# In the place of UPSCALING in `training/recipes.py`: the same gates, nothing trained. Networks of
# the Real-ESRGAN family likewise, once `python -m training.upscaler.family` made ONNX of them.
UPSCALING_EDSR = replace(UPSCALING, made_by=EDSR_WEIGHTS)
