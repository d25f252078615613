"""Starts Ray, joins a cluster, and runs the driver on one."""
