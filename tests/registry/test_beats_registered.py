"""A model that answers about no photo is registered and answers as any other."""

import io

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient

from registry import bootstrap
from registry.versions import find_alias
from serving.audio.beat_tracker import BEAT_TRACKER
from serving.settings import Settings


def test_a_fresh_machine_promotes_the_beat_tracker_and_mlflow_answers_with_it(
    client: MlflowClient, registry_settings: Settings
) -> None:
    assert BEAT_TRACKER.name in bootstrap.register_starters(client, registry_settings)
    assert find_alias(client, BEAT_TRACKER.name, "champion") is not None
    file = io.BytesIO()
    np.savez(file, features=np.zeros((40, 272), np.float32))
    model = mlflow.pyfunc.load_model(f"models:/{BEAT_TRACKER.name}/1")
    answer = model.predict(pd.DataFrame({"arrays": [file.getvalue()]}))
    assert answer["probabilities"][0]["media_type"] == "application/x-npy+deflate"
