"""Boxes and polygons in the coordinates of a picture; pure, standard library and NumPy only."""
