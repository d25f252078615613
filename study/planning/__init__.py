"""What a study will do, checked before anything runs."""
