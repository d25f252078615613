"""From rows to tokens to batches."""
