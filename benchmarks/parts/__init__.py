"""One question of the benchmark a file: each `run` starts what it measures and gives rows of the table."""
