"""Picture files and arrays."""
