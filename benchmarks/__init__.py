"""How much of a core the gateway costs, measured against its peers on this machine. See README.md for the method."""
