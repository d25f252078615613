"""Prepares, plans and checks a study before anything runs."""
