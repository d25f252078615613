"""What runs in a worker process of Ray."""
