"""What answers come to: plain text read loosely, several samples made into one vote, and how sure the model was."""
