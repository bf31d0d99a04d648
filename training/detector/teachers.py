"""Two detectors that were trained elsewhere: each photo is asked once, and the answer kept."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from serving.card import ModelCard
from serving.image import PhotoFile
from serving.models.session import OnnxSession
from serving.perception.detect import DETECTOR, DetectAnswer
from training.detector.agreement import Taught, agree
from training.detector.outside import CONTRACTS, Contract
from training.loop.fetch import NamedWeights


class TeacherFile(NamedWeights):
    """One of the two.

    Attributes
    ----------
    contract : one of `training.detector.outside.CONTRACTS`: how it takes a photo and says its boxes
    doubtful : the least confidence of what it says at all
    """

    contract: str
    doubtful: float = Field(gt=0, lt=1)

    @field_validator("contract")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in CONTRACTS:
            raise ValueError(f"'{value}' is none of {', '.join(sorted(CONTRACTS))}")
        return value


class TeachersFile(BaseModel):
    """`teachers.yaml` of the dataset.

    Attributes
    ----------
    overlap : of two boxes' union, from which they are about the same thing
    sure : the least mean confidence of what both found
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    teachers: tuple[TeacherFile, TeacherFile]
    overlap: float = Field(0.5, gt=0, le=1)
    sure: float = Field(gt=0, lt=1)

    def open(self, data: str | None, folder: Path) -> "Teachers":
        """Fetch both networks.

        Parameters
        ----------
        data : STUDIO_DATA
        folder : keeps their answers

        Raises
        ------
        BadInput
            If a file cannot be had, or is another one.
        """
        asked = [
            Asked(one.fetch(data), CONTRACTS[one.contract], one.doubtful) for one in self.teachers
        ]
        return Teachers(self, asked, folder)


class Asked:
    """A detector from outside, behind a card as serving has one."""

    def __init__(self, model: bytes, contract: Contract, score_above: float) -> None:
        given = contract.given.model_copy(update={"score_above": score_above})
        self.card = ModelCard(
            task=DETECTOR.name,
            input=contract.taken,
            output=given,
            licence="none of ours",
            backbone=contract.name,
            precision="fp32",
            data_version="COCO",
        )
        self._session = OnnxSession(model)

    def __call__(self, photo: PhotoFile) -> DetectAnswer:
        """Return what it finds in a photo."""
        outputs = self._session(DETECTOR.prepare(photo, self.card))
        return DETECTOR.read(outputs, self.card, photo.size)


class Teachers:
    """Two detectors, and what they said of photos so far.

    Parameters
    ----------
    folder : keeps what they agreed on, by the photo's SHA-256; other teachers or other rules have
        another folder within
    """

    def __init__(self, rules: TeachersFile, asked: list[Asked], folder: Path) -> None:
        self._rules, self._asked = rules, asked
        digest = hashlib.sha256(rules.model_dump_json().encode()).hexdigest()
        self._folder = folder / f"boxes-{digest[:16]}"
        self._folder.mkdir(parents=True, exist_ok=True)

    def ask(self, row: Mapping[str, Any]) -> Taught:
        """Return what they say of a row's photo."""
        file = self._folder / f"{row['sha256']}.json"
        if file.is_file():
            return Taught.model_validate_json(file.read_bytes())
        from training.loop.loaders import read_source  # it imports torch, and Dagster reads this

        taught = self.look(read_source(row))
        writing = file.with_suffix(".writing")
        writing.write_text(taught.model_dump_json(), "utf-8")
        writing.replace(file)
        return taught

    def look(self, photo: PhotoFile) -> Taught:
        """Ask both now."""
        some, others = (teacher(photo).boxes for teacher in self._asked)
        agreed, unsure = agree(some, others, self._rules.overlap, self._rules.sure)
        return Taught(size=photo.size, agreed=agreed, unsure=unsure)
