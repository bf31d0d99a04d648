"""New surfaces in a photo: a floor, paint and a rug, in the light that was there."""

from serving.staging.surfaces.floor import lay_floor
from serving.staging.surfaces.material import Material
from serving.staging.surfaces.paint import paint_walls
from serving.staging.surfaces.resurface import Resurfaced

__all__ = ("Material", "Resurfaced", "lay_floor", "paint_walls")
