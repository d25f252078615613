"""The history of the searches and trainings: learning curves, progress, Optuna studies."""
