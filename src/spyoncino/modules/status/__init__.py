"""Modules that watch the others."""
