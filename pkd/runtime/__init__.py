"""What concerns this process: command lines, devices, memory, messages."""
