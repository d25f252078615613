"""One search for each cell, and the dispatch of their trials."""
