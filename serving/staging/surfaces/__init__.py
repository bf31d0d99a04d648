"""New surfaces in a photo: a floor, paint and a rug, in the light that was there."""

from serving.staging.surfaces.floor import Rug, lay_floor, lay_rug
from serving.staging.surfaces.material import Material
from serving.staging.surfaces.paint import paint_walls
from serving.staging.surfaces.resurface import Resurfaced

__all__ = ("Material", "Resurfaced", "Rug", "lay_floor", "lay_rug", "paint_walls")
