from pathlib import Path

import pytest

from synthetic.catalogue import Catalogue, read_catalogue

PROPERTIES = """# a comment
license=Public domain
id#1=x#stool
name#1=Stool
model#1=/pack/stool/stool.obj
width#1=40
depth#1=30
height#1=60.5
creator#1=Ann
id#2=x#gone
name#2=Gone
model#2=/pack/gone/gone.obj
width#2=1
depth#2=1
height#2=1
"""


@pytest.mark.parametrize("inside", ["pack/stool", "stool"])
def test_read_catalogue_finds_models_one_level_down_or_directly(
    tmp_path: Path, inside: str
) -> None:
    (tmp_path / "PluginFurnitureCatalog.properties").write_text(PROPERTIES)
    folder = tmp_path / inside
    folder.mkdir(parents=True)
    (folder / "stool.obj").write_text("")
    models = read_catalogue(tmp_path)
    assert list(models) == ["stool"], "models without a file are left out"
    stool = models["stool"]
    assert stool.size == (0.4, 0.605, 0.3)
    assert (stool.title, stool.creator, stool.license) == ("Stool", "Ann", "Public domain")


def test_read_catalogue_refuses_a_folder_without_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_catalogue(tmp_path)


@pytest.mark.data
def test_read_catalogue_reads_the_shared_furniture(furniture: Catalogue) -> None:
    assert len(furniture) == 41
    assert all(0.01 < side < 4 for model in furniture.values() for side in model.size)
