"""The recipe of the beat tracker: BeatNet's weights, which are taken in and not trained here."""

from serving.audio.beat_tracker import BEAT_TRACKER, BeatAnswer, input_spec
from serving.card import ArrayInput
from training.beat_tracker.dataset import open_music
from training.recipe import Evaluation, Headline, OutsideWeights, Recipe


def _evaluation() -> Evaluation:
    from training.beat_tracker.evaluation import BeatEvaluation

    return BeatEvaluation()


# `python -m training.beat_tracker.network` packs the file of the package BeatNet's weights.
BEATNET = OutsideWeights(
    location="registry/starter/beat-tracker/model.onnx",
    sha256="6e1493878f38896405cd333479756176c03967ad58056058b3c2c444ed30b190",
    licence="CC-BY-4.0",
    architecture="beatnet-1.1.3-mean-of-3",
    input=ArrayInput(arrays=(input_spec(),)),
)

BEATS: Recipe[BeatAnswer] = Recipe(
    task=BEAT_TRACKER,
    dataset="music",
    headline=Headline("f"),
    evaluation=_evaluation,
    made_by=BEATNET,
    open=open_music,
)
