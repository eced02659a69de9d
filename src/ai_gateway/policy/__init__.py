"""Decisions: synchronous and pure, or tiny state machines. The time and the dice are arguments, so every decision can
be asked again in a test with the same answer."""
