"""For programs that embed the system, and for code written against the doorbell's old classes."""
