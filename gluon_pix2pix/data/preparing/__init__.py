"""Pictures into data sets: combined, split, resized, drawn as edges, holed, checked. numpy, OpenCV and Pillow."""
