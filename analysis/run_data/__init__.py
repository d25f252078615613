"""A run's files as tables."""
