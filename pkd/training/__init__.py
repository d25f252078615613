"""One training that can be interrupted and resumed."""
