"""The running process: command lines, devices, memory and messages."""
