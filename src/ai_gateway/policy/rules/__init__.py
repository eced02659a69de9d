"""Rules as people write them, made into values that can be done: one kind a file, and the table of kinds."""
