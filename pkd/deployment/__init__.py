"""Measuring and shipping the students of a study."""
