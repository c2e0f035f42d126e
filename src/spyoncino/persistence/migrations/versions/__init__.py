"""One file per migration, numbered in the order they run."""
