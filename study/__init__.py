"""The study: teachers, signals, search, confirmation and predictions, scheduled by Ray Tune."""
