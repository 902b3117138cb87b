"""The experiments as YAML files."""
