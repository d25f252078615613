"""Reading the ledger of a study: every event, trial and folder is checked against its place."""
