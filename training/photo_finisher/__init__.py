"""The photo finisher: curves that give a photo back its light and its colours."""
