"""Where pictures come from: files, cameras, the drawn front door. Knows no bus and no process."""
