"""Tiny encoders, data and reference loops."""
