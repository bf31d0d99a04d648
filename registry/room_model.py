"""A version as `mlflow models serve` answers with it: photos in, rooms with calibrated scores out.

MLflow runs this file ("models from code", no pickle) beside the ONNX file, its card and a copy of
`serving`, whose decoding, resizing and reading of scores it uses: the answers are serving's.
"""

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

_MAX_PIXELS = 200_000_000


class RoomModel(PythonModel):
    """Names the room in each photo of the column `photo`, which holds JPEG, PNG or WebP bytes.

    In JSON the bytes are base64: `{"dataframe_records": [{"photo": "/9j/4AAQ…"}]}`.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Open the version's ONNX file and card."""
        from pathlib import Path

        from serving.card import ModelCard
        from serving.models.session import OnnxSession

        files = {name: Path(path).read_bytes() for name, path in context.artifacts.items()}
        self._card = ModelCard.model_validate_json(files["card"])
        self._session = OnnxSession(files["model"])

    def predict(  # type: ignore[no-untyped-def] # MLflow would take a type for the schema
        self, context, model_input, params=None
    ):
        """Return room_type, confidence, confident, scene and the score of every label."""
        from serving.image import PhotoFile
        from serving.photos.classify import ROOM_CLASSIFIER

        del context, params
        rows = []
        for photo in model_input["photo"]:
            file = PhotoFile(bytes(photo), _MAX_PIXELS)
            inputs = ROOM_CLASSIFIER.prepare(file, self._card)
            outputs = self._session({name: array[None] for name, array in inputs.items()})
            first = {name: array[0] for name, array in outputs.items()}
            answer = ROOM_CLASSIFIER.read(first, self._card, file.size)
            rows.append(
                {
                    "room_type": answer.room_type,
                    "confidence": float(answer.confidence),
                    "confident": bool(answer.confident),
                    "scene": answer.scene,
                    "scores": {name: float(score) for name, score in answer.scores.items()},
                }
            )
        return pd.DataFrame(rows)


mlflow.models.set_model(RoomModel())
