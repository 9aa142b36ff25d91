"""The way to an endpoint: sending requests, how many at once, and what to do when one fails."""
