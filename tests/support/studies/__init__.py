"""Tiny studies, in this process and through the real command."""
