"""What of a photo is taken away when a room is cleared, and what never is."""

from serving.staging.masks.find import Removal, find_removal
from serving.staging.masks.kinds import movable_in

__all__ = ("Removal", "find_removal", "movable_in")
