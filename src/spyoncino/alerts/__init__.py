"""What is told and what is not: rules, restraint, words; pure, no bus and no clock."""
