"""AI Gateway: one address between a company's applications and every LLM provider."""

__version__ = "0.1.0"
