"""The plots of the report. The numbers that they show come from `results` and `search_history`."""
