"""The kinds of nodes that recipes turn into."""
