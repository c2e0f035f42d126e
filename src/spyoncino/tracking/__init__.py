"""Follows objects over frames: pure, deterministic, no clock, no bus, no pixels."""
