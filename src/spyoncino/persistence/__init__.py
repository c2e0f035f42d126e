"""The database: tables, numbered migrations, one file per subject. Knows no bus and no module."""
