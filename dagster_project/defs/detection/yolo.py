"""The photos and boxes of the detector's dataset in YOLO's format, for trainers that want it."""

import dagster as dg
import pandas as pd

from dagster_project.defs.models.data import open_recipe_dataset, table_of
from dagster_project.studio import Studio
from training.detector.recipe import DETECTION


@dg.asset(
    key_prefix=DETECTION.key,
    group_name="yolo",
    kinds={"python"},
    ins=table_of(DETECTION) | {"data_splits": dg.AssetIn(key_prefix=DETECTION.key)},
)
def yolo_dataset(
    studio: Studio, data_table: pd.DataFrame, data_splits: str
) -> dg.MaterializeResult[str]:
    """Photos to learn from, with the boxes on which both teachers agree; none of the test set."""
    from training.detector.dataset import teachers_of
    from training.detector.yolo import write_yolo

    dataset = open_recipe_dataset(DETECTION, studio)
    folder = studio.folder("yolo", data_splits)
    counts = write_yolo(dataset.training_rows(data_table), teachers_of(dataset), folder)
    return dg.MaterializeResult(
        value=str(folder),
        metadata={"folder": dg.MetadataValue.path(folder), **counts},
    )


write_yolo_dataset = dg.define_asset_job(
    "write_yolo_dataset",
    selection=dg.AssetSelection.assets(yolo_dataset.key).upstream(),
    description="Writes the detector's photos and boxes in YOLO's format.",
)
