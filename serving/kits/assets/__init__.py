"""Files that clients send for their design kits, checked and brought into one form."""
