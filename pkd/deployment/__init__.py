"""Export, use and latency of the students of a study."""
