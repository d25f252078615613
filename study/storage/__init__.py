"""The files of a study: where they lie and who may write them."""
