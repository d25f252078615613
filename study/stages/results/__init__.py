"""The results of stages: kept, checked, and set aside where they are outdated."""
