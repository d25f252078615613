"""Faster code for the same training steps."""
