"""Who is it: alignment, quality, matching, open-set decision; pure, no bus and no files."""
