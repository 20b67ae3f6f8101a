"""What options of pairs may say, told without the libraries that read pictures, which --help does not wait for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

TASKS = ("pairs", "colorization", "inpainting")
MASKS = ("center", "random")
PREPROCESS = ("resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none")


@dataclass(frozen=True)
class PreprocessOptions:
    """What is done to a pair of pictures, in upstream's words."""

    load_size: int = field(default=286, metadata={"least": 1})
    """Pictures are enlarged to this many pixels a side..."""
    crop_size: int = field(default=256, metadata={"least": 1})
    """...and cropped to this many."""
    preprocess: Literal[PREPROCESS] = "resize_and_crop"
    """Other ways: crop at the pictures' own size, scale them to the width --load-size (and crop), or take them as they
    are; without a crop, to the nearest size that the generator can halve."""
    aspect_ratio: float = 1.0
    """Width by height of what is loaded and cropped; --load-size and --crop-size are the heights."""
    flip: bool = True
    """Mirror half of the pairs."""

    @property
    def crops(self) -> bool:
        """Whether a window is cut out, so that all results have one size."""
        return self.preprocess.endswith("crop")

    def check(self) -> None:
        """Raise ValueError if the options do not go together."""
        word = self.preprocess
        if word not in PREPROCESS:
            raise ValueError(f"preprocess is one of {', '.join(PREPROCESS)}, not {word!r}")
        if self.crop_size < 1 or self.load_size < 1:
            raise ValueError(
                f"crop_size {self.crop_size} does not fit into load_size {self.load_size}: both are above 0"
            )
        if self.aspect_ratio > 1e3 or 0 < self.aspect_ratio < 1e-3:  # a whole number of a JSON file may be no float
            raise ValueError(
                f"aspect_ratio {str(self.aspect_ratio)[:20]} is no width by height: 0.001 to 1000 are taken"
            )
        if not self.aspect_ratio > 0:
            raise ValueError(f"aspect_ratio {self.aspect_ratio:g} is no width by height: it is above 0")
        if self.aspect_ratio != 1 and not self.crops:
            raise ValueError(f"aspect_ratio {self.aspect_ratio:g} shapes a crop, and preprocess {word} crops nothing")
        if self.crop_size > self.load_size and word in ("resize_and_crop", "scale_width_and_crop"):
            raise ValueError(f"crop_size {self.crop_size} does not fit into load_size {self.load_size}")
