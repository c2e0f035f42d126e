"""Brings frames and presses in."""
