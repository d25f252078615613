"""The demo's generated tasks and encoder."""
