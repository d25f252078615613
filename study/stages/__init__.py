"""The five stages of a study."""
