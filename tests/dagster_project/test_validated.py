from dataclasses import replace

import pandas as pd
import pytest

from dagster_project.models.validated import is_validated, remember
from serving.storage.objects import Storage
from training.data.dataset import Dataset, open_dataset
from training.data.settings import DataSettings

TABLE = pd.DataFrame({"sha256": ["a", "b"], "label": ["pool", "yard"], "split": ["train", "test"]})


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return open_dataset(DataSettings().dataset_folder())


def test_photos_that_nobody_validated_are_not_validated(storage: Storage, dataset: Dataset) -> None:
    """Leaving the check out in the launchpad must not open the gate «data/validated»."""
    assert not is_validated(storage, dataset, TABLE)
    remember(storage, dataset, TABLE, success=True)
    assert is_validated(storage, dataset, TABLE)
    remember(storage, dataset, TABLE, success=False)
    assert not is_validated(storage, dataset, TABLE)


def test_other_photos_or_other_expectations_have_to_be_validated_anew(
    storage: Storage, dataset: Dataset
) -> None:
    remember(storage, dataset, TABLE, success=True)
    relabelled = TABLE.assign(label=["pool", "pool"])
    assert not is_validated(storage, dataset, relabelled)
    photos = dataset.expectations.photos
    lax = photos.model_copy(update={"usable": photos.usable.model_copy(update={"share": 0.1})})
    expectations = dataset.expectations.model_copy(update={"photos": lax})
    other = replace(dataset, expectations=expectations)
    assert not is_validated(storage, other, TABLE)
