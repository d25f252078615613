"""Data of a task: rows, tokens and batches."""
