"""The files of a run folder, and the published numbers, as tables."""
