"""Where pictures come from: files and the drawn front door. Knows no bus and no process."""
