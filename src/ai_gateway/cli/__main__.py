"""`python -m ai_gateway.cli`, where the `ai-gateway` script is not installed."""

from ai_gateway.cli import main

main()
