"""Spyoncino: a self-hosted peephole that knows who is at the door.

This file stays empty of imports: spawned children import the package and must stay light.
"""

__version__ = "0.1.0"
