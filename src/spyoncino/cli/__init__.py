"""The command line: one file per command; prints for people or as JSON, decides nothing."""
