"""The living process: its memory and its doors. Nothing in here decides; it remembers, waits and sends."""
