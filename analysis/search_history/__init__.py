"""The search of a study as Optuna studies."""
