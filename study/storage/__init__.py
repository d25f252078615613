"""The files of a study: where they are and who may write them."""
