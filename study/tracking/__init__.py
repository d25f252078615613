"""Shows how trials are doing: in the terminal and in experiment trackers."""
