"""The numbers of the report: from the files of a run to data frames."""
