"""The driver side of Ray Tune."""
