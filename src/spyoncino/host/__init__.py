"""The computer this runs on: what it has, how fast it is, how it keeps the program running."""
