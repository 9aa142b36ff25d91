"""What answers cost: prices, estimates, and a budget that holds."""
