"""pix2pix, image-to-image translation with conditional GANs (arXiv 1611.07004), on Apache MXNet Gluon."""

__version__ = "0.1.0"
