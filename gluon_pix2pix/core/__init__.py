"""pix2pix itself: networks, losses, the step and the loop."""
