"""The dataset `segmentation`: photos by room, and who says what their pixels show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from serving.environment import read, read_settings
from training.data.dataset import Dataset, open_dataset
from training.data.manifest import read_yaml
from training.data.settings import DataSettings
from training.recipe import Dataset as AnyDataset
from training.segmenter.teacher import Teacher, TeacherFile


@dataclass(frozen=True)
class SegmentationDataset(Dataset):
    """Photos whose truth is what a teacher says.

    Attributes
    ----------
    teacher : the network, as `teacher.yaml` names it
    """

    teacher: TeacherFile

    @property
    def rules(self) -> str:
        """What is expected of its photos, and who teaches, as text."""
        return f"{super().rules} {self.teacher.model_dump_json()}"

    def open_teacher(self) -> Teacher:
        """Fetch the teacher; its answers are kept in STUDIO_HOME.

        Raises
        ------
        BadInput
            If its file cannot be had, or is another one than `teacher.yaml` names.
        """
        return self.teacher.open(read(DataSettings).studio_data, read_settings().home() / "teacher")


def open_segmentation(folder: Path) -> SegmentationDataset:
    """Read the folder of a dataset for segmentation, such as `datasets/segmentation`.

    Raises
    ------
    BadInput
        If one of its files is missing or wrong; the message names file and field.
    """
    files: dict[str, Any] = vars(open_dataset(folder))
    return SegmentationDataset(**files, teacher=read_yaml(folder / "teacher.yaml", TeacherFile))


def teacher_of(dataset: AnyDataset) -> Teacher:
    """Return who teaches on a dataset of `open_segmentation`."""
    return cast("SegmentationDataset", dataset).open_teacher()
