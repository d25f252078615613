"""Teachers and students, as models of transformers."""
