"""Keeps rows and files."""
