"""Clear a room: what stood in it is replaced by the room's own floor, walls and ceiling."""

from serving.staging.clear.clear import Cleared, Gone, clear_room
from serving.staging.clear.inpainter import Inpainter

__all__ = ("Cleared", "Gone", "Inpainter", "clear_room")
