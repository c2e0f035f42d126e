"""Bus-facing modules, one file each; ``builtin`` is the table of those that ship."""
