"""ONNX Runtime as training uses it: named arrays in, named arrays out."""

import onnxruntime as ort

from serving.task import Inputs, Outputs


class OnnxModel:
    """A model on one thread of the CPU.

    Parameters
    ----------
    model : the file's bytes
    """

    def __init__(self, model: bytes) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, inputs: Inputs) -> Outputs:
        """Run a batch."""
        found = self._session.run(self._outputs, dict(inputs))
        return dict(zip(self._outputs, found, strict=True))
