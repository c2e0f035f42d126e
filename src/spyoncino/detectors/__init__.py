"""Strategies that find things in pictures: array in, results out; no bus, no camera, no process."""
