"""What is installed and whether it works, and a device's numbers against the CPU's. The main job needs none of it."""
