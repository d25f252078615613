"""Who is shown how trials are doing: the terminal and experiment trackers."""
