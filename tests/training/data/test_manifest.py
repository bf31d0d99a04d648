from pathlib import Path

import pytest
import yaml

from serving.errors import BadInput
from training.data.manifest import Manifest, read_manifest, read_taxonomy

SPLITS = {"salt": "a", "validation": 0.1, "test": 0.1}


def test_read_taxonomy_keeps_the_order_of_the_logits(dataset_folder: Path) -> None:
    taxonomy = read_taxonomy(dataset_folder)
    assert taxonomy.names == ("bathroom", "kitchen", "pool")
    assert taxonomy.labels[2].scene == "exterior"


def test_read_taxonomy_refuses_a_label_that_stands_there_twice(tmp_path: Path) -> None:
    label = {"name": "pool", "scene": "exterior"}
    (tmp_path / "taxonomy.yaml").write_text(yaml.safe_dump({"labels": [label, label]}))
    with pytest.raises(BadInput, match="twice"):
        read_taxonomy(tmp_path)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"name": "a", "kind": "ftp", "location": "x"}, r"sources\.0\.kind"),
        ({"name": "A b", "kind": "folder", "location": "x"}, r"sources\.0\.name"),
        ({"name": "a", "kind": "folder"}, r"sources\.0\.location"),
        ({"name": "a", "kind": "s3", "location": "photos"}, "must start with s3://"),
        ({"name": "a", "kind": "folder", "location": "x", "lable": {}}, r"sources\.0\.lable"),
    ],
)
def test_read_manifest_names_the_field_that_is_wrong(
    tmp_path: Path, source: dict[str, object], said: str
) -> None:
    content = yaml.safe_dump({"sources": [source], "splits": SPLITS})
    (tmp_path / "manifest.yaml").write_text(content)
    with pytest.raises(BadInput, match=said):
        read_manifest(tmp_path)


def test_read_manifest_says_that_the_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no .*manifest\.yaml"):
        read_manifest(tmp_path)


def test_read_manifest_says_that_it_is_not_yaml(tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").write_text("sources: [")
    with pytest.raises(BadInput, match="not YAML"):
        read_manifest(tmp_path)


def test_manifest_refuses_two_sources_of_one_name() -> None:
    source = {"name": "a", "kind": "folder", "location": "x"}
    with pytest.raises(ValueError, match="same name"):
        Manifest.model_validate({"sources": [source, source], "splits": SPLITS})
