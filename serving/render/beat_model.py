"""The network that hears beats, read from the file beside this one.

`beat_model.onnx` is the mean of the three networks of BeatNet 1.1.3 by Mojtaba Heydari, Frank
Cwitkowitz and Zhiyao Duan ("BeatNet: CRNN and particle filtering for online joint beat, downbeat
and meter tracking", ISMIR 2021), licensed CC-BY-4.0 and converted to ONNX without other change.
"""

from pathlib import Path

import numpy as np
import onnxruntime as ort

from serving.audio.features import BeatModel
from serving.audio.samples import Samples

FILE = Path(__file__).with_name("beat_model.onnx")


def open_beat_model() -> BeatModel:
    """Load the network, to run on one thread; it is pure, and any number may share it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(FILE), options, ["CPUExecutionProvider"])

    def hear(features: Samples) -> Samples:
        (probabilities,) = session.run(None, {"features": features})
        return np.asarray(probabilities, np.float32)

    return hear
