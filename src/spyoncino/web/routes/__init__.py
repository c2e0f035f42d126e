"""One file per subject; each builds a router over the ``Backend``."""
