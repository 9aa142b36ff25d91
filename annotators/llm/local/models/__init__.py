"""The cards of the bundled models, one YAML file each."""
