"""The memory probe: does a model know a corpus, or its labels, by heart? `asking` puts the questions, `figures` says
what the answers come to."""
