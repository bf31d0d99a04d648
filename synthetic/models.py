"""Catalogue models as items."""

from synthetic.catalogue import Catalogue
from synthetic.scene import Item, Material

Recolor = tuple[tuple[str, Material], ...]


def pick_model(
    catalogue: Catalogue, names: tuple[str, ...], name: str, category: str, recolor: Recolor = ()
) -> Item | None:
    """Return the first of the models `names` that the catalogue has, called `name`."""
    found = next((catalogue[model] for model in names if model in catalogue), None)
    if found is None:
        return None
    return Item(name, category, found.size, model=found.name, recolor=recolor)
