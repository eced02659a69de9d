"""Loops beside the line, one a file: what keeps memory and database in step. A loop that fails says so and goes on;
what it could not do now stays to be done."""
