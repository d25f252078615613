"""Predictions, scores and inference times of models."""
