"""What we talk about: frozen values. This room imports nothing of ours, so every other room may import it."""
