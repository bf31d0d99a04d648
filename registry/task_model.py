"""A version as `mlflow models serve` answers with it: photos in, the task's answers out.

MLflow runs this file ("models from code", no pickle) beside the ONNX file, its card and a copy of
`serving`, whose task prepares what goes in and reads what comes out: the answers are serving's.
"""

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class TaskModel(PythonModel):
    """Answers for each photo in the column `photo`, which holds JPEG, PNG or WebP bytes.

    In JSON the bytes are base64: `{"dataframe_records": [{"photo": "/9j/4AAQ…"}]}`. A model of
    other arrays than a photo's takes them as `.npz` in the column `arrays`.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Open the version's ONNX file and card."""
        from pathlib import Path

        from serving.models.standalone import StandaloneModel

        files = {name: Path(path).read_bytes() for name, path in context.artifacts.items()}
        self._model = StandaloneModel(files["model"], files["card"])

    def predict(  # type: ignore[no-untyped-def] # MLflow would take a type for the schema
        self, context, model_input, params=None
    ):
        """Return a row per file: the fields of the task's answer."""
        del context, params
        (column,) = model_input.columns
        return pd.DataFrame([self._model.answer(bytes(file)) for file in model_input[column]])


mlflow.models.set_model(TaskModel())
