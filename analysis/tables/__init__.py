"""The tables of the report: layout of the numbers, and the notes below them."""
