"""The exit codes of every command."""

COMPLETE, INCOMPLETE, WRONG_USAGE, HUNG_UP, INTERRUPTED, TERMINATED = 0, 1, 2, 129, 130, 143
EXPLAINED = (
    "exit codes: 0 complete, 1 incomplete or failed, 2 wrong usage, 129 the terminal was closed, "
    "130 interrupted, 143 terminated"
)
