"""What is to be learnt: tasks by name, from task files and from folders."""
