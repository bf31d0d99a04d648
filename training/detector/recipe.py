"""The recipes of the detector: trained here, or taken in as others trained it."""

from dataclasses import replace

from serving.perception.detect import DETECTOR, DetectAnswer
from training.detector.config import SMOKE, SPACE, DetectorConfig
from training.detector.dataset import open_detection
from training.detector.outside import NANODET, YOLOX_NANO
from training.recipe import Evaluation, Headline, OutsideWeights, Recipe, Training, TrainingPlan


def _training() -> Training[DetectorConfig]:
    from training.detector.training import DetectorTraining

    return DetectorTraining()


def _evaluation() -> Evaluation:
    from training.detector.evaluation import DetectorEvaluation

    return DetectorEvaluation()


DETECTION: Recipe[DetectAnswer] = Recipe(
    task=DETECTOR,
    dataset="detection",
    headline=Headline("map50", most_lost=0.01),
    evaluation=_evaluation,
    made_by=TrainingPlan(DetectorConfig(), SMOKE, SPACE, _training, quantised=False),
    open=open_detection,
)

NANODET_WEIGHTS = OutsideWeights(
    location="../models/nanodet_plus_m_416.onnx",
    sha256="1021848d709a16cc8e6288d111f3d65d03e6eb311e9b2a7b60eb16ce7b106e35",
    licence="Apache-2.0",
    architecture=NANODET.name,
    input=NANODET.taken,
)
YOLOX_WEIGHTS = OutsideWeights(
    location="../models/yolox_nano_coco_416.onnx",
    sha256="e8af074932d4ed7e232278e3055cefcdea3edf178874a3694ae292649fb464dd",
    licence="Apache-2.0",
    architecture=YOLOX_NANO.name,
    input=YOLOX_NANO.taken,
)
# One of these in the place of DETECTION in `training/recipes.py`: the same gates, nothing trained.
DETECTION_NANODET = replace(DETECTION, made_by=NANODET_WEIGHTS)
DETECTION_YOLOX = replace(DETECTION, made_by=YOLOX_WEIGHTS)
