"""Modules that make events of tracks and presses, and pictures, clips and previews of events."""
