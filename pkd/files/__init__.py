"""Reading and writing files: data, YAML, caches, and writes that survive a crash."""
