"""Run folders that tests write themselves."""
