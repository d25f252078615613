"""Tasks: GLUE's by name, and users' from task files and folders."""
