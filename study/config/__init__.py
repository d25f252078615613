"""The configuration of a study and its search space."""
