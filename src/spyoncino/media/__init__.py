"""Pixels and packets: demux, decode, keep, encode, cut. Knows no bus, no process, no camera."""
