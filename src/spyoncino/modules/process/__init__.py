"""Modules that look: motion, objects, tracks, news, zones; each stage reads the one before it."""
