"""The line: how a request travels from the caller to a provider and back. Read line.py first."""
