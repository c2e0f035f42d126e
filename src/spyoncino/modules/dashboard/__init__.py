"""Shows the system to a person."""
