"""The dataset `detection`: photos by room, and who says which things they show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from serving.environment import read, read_settings
from training.data.dataset import Dataset, open_dataset
from training.data.manifest import read_yaml
from training.data.settings import DataSettings
from training.detector.teachers import Teachers, TeachersFile
from training.recipe import Dataset as AnyDataset


@dataclass(frozen=True)
class DetectionDataset(Dataset):
    """Photos whose truth is what two detectors agree on.

    Attributes
    ----------
    teachers : as `teachers.yaml` names them
    """

    teachers: TeachersFile

    @property
    def rules(self) -> str:
        """What is expected of its photos, who teaches and when they agree, as text."""
        return f"{super().rules} {self.teachers.model_dump_json()}"


def open_detection(folder: Path) -> DetectionDataset:
    """Read the folder of a dataset for detection, such as `datasets/detection`.

    Raises
    ------
    BadInput
        If one of its files is missing or wrong; the message names file and field.
    """
    files: dict[str, Any] = vars(open_dataset(folder))
    teachers = read_yaml(folder / "teachers.yaml", TeachersFile)
    return DetectionDataset(**files, teachers=teachers)


def teachers_of(dataset: AnyDataset) -> Teachers:
    """Fetch who teaches on a dataset of `open_detection`; BadInput if they cannot be had."""
    ours = cast("DetectionDataset", dataset)
    return ours.teachers.open(read(DataSettings).studio_data, read_settings().home() / "teacher")
