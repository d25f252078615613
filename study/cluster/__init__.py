"""Starting Ray, joining a cluster, running the driver on one."""
