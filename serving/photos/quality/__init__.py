"""How good a photo is: what is measured on its pixels, the scores made of it, and plain hints."""
