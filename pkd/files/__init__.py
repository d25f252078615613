"""Files that are read and written whole, or refused with the line."""
