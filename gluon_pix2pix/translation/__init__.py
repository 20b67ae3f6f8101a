"""A trained generator at work on arrays and files, and handed on."""
