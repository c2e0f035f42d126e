"""From tracks to happenings: pure rules without bus, clock, files or pixels."""
