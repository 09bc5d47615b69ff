"""Where requests come from and verdicts go, besides the API."""
