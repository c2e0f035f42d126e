"""Modules that tell somebody."""
