"""What a data set is made of: its labels, its sources, and how it is split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from serving.card import Label
from serving.errors import BadInput


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Taxonomy(_Described):
    """The labels in the order of the model's logits."""

    labels: tuple[Label, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _names_differ(self) -> "Taxonomy":
        if len(set(self.names)) < len(self.labels):
            raise ValueError("a label stands there twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The labels' names, in order."""
        return tuple(label.name for label in self.labels)


class Source(_Described):
    """Where photos come from.

    Attributes
    ----------
    name : short, for ever: listing ids and so the splits hang on it
    kind : `folder` and `s3` hold one folder per class; `csv` is a table `uri,label[,listing]`
    location : relative to STUDIO_DATA, absolute, or `s3://bucket/prefix`
    listing : of folders: `photo` (each its own), `stem` (the file's name without its ending, the
        same in every class), `folder` (class/LISTING/photo) or `first` (LISTING/class.jpg)
    classes : what the source calls a class → label; a class not named keeps its own name
    """

    name: str = Field(pattern=r"^[a-z0-9_-]+$")
    kind: Literal["folder", "csv", "s3"]
    location: str = Field(min_length=1)
    listing: Literal["photo", "stem", "folder", "first"] = "photo"
    classes: Mapping[str, str] = Field(default_factory=dict)
    licence: str = "unknown"

    @model_validator(mode="after")
    def _kind_fits(self) -> "Source":
        if (self.kind == "s3") > self.location.startswith("s3://"):
            raise ValueError(f"the location of the s3 source '{self.name}' must start with s3://")
        return self


class SplitRule(_Described):
    """Which share of the listings is held back; another `salt` is another split of everything."""

    salt: str = Field(min_length=1)
    validation: float = Field(ge=0, lt=0.5)
    test: float = Field(ge=0, lt=0.5)


class Manifest(_Described):
    """All sources of the data set, in their order, and how it is split."""

    sources: tuple[Source, ...] = Field(min_length=1)
    splits: SplitRule

    @model_validator(mode="after")
    def _names_differ(self) -> "Manifest":
        if len({source.name for source in self.sources}) < len(self.sources):
            raise ValueError("two sources have the same name")
        return self


_Model = TypeVar("_Model", bound=BaseModel)


def read_yaml(path: Path, model: type[_Model]) -> _Model:
    """Read a YAML file as `model` describes it.

    Raises
    ------
    BadInput
        If the file is not there, is not YAML, or does not fit; the message names every field.
    """
    try:
        return model.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise BadInput(f"there is no '{path}'") from error
    except yaml.YAMLError as error:
        raise BadInput(f"'{path}' is not YAML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, part['loc'])) or 'the file'}: {part['msg']}"
            for part in error.errors()
        )
        raise BadInput(f"'{path}' is not as it should be: {wrong}") from error


def read_taxonomy(folder: Path) -> Taxonomy:
    """Read `taxonomy.yaml` of a dataset's folder."""
    return read_yaml(folder / "taxonomy.yaml", Taxonomy)


def read_manifest(folder: Path) -> Manifest:
    """Read `manifest.yaml` of a dataset's folder."""
    return read_yaml(folder / "manifest.yaml", Manifest)
