"""Text and brand as pictures: letters, lines, layout, cards."""
