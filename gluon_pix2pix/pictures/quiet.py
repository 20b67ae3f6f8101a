"""Libraries that print what is wrong with a picture file, where a line that names the file says it already."""

from __future__ import annotations

import logging
import os
import warnings


def quiet_libraries() -> None:
    """Let OpenCV, Pillow, tifffile and imagecodecs print nothing, in the whole process: for commands, at their door.

    OpenCV reads its level when it is imported; one that the user has set stays.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    # Files are read in threads, and to change the filters there for a while would change them for all.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    for library in ("tifffile", "imagecodecs"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
