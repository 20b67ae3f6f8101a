"""The files that translating writes: NAME_fake and what it is shown beside, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gluon_pix2pix.pairs.coding import Coding, OneHot
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.files import save_picture
from gluon_pix2pix.translation.given import Given

FORMATS = {"png": ".png", "jpg": ".jpg", "tiff": ".tiff"}


@dataclass(frozen=True)
class Results:
    """Where and how results are written.

    Parameters
    ----------
    folder
        Mirrors the folder of the inputs.
    coding
        The task's: it knows how its pictures are looked at.
    format
        One of `FORMATS`; pictures that are neither gray nor RGB are written as TIFF whatever it says.
    quality
        Of JPEG, 1 to 100.
    aspect_ratio
        Results are stretched to be this much wider, or, below 1, higher: for pictures that training has squeezed.
    side_by_side
        Whether NAME_side shows the given, the answer and the true picture in a row.
    """

    folder: Path
    coding: Coding
    format: str = "png"
    quality: int = 95
    aspect_ratio: float = 1.0
    side_by_side: bool = False

    def path_of(self, name: str, part: str = "fake") -> Path:
        """Return the path of a result: part "fake", "source", "target" or "side"."""
        coder = self.coding.source if part == "source" else self.coding.target
        usual = coder.channels in (1, 3) or self.coding.task == "colorization" or part == "side"
        suffix = FORMATS[self.format] if usual or isinstance(coder, OneHot) else ".tiff"
        return self.folder / f"{name}_{part}{suffix}"

    def is_there(self, name: str) -> bool:
        """Tell whether a picture has been translated: its fake is written last."""
        return self.path_of(name).exists()

    def write(self, name: str, given: Given, fake: np.ndarray) -> None:
        """Write a picture's results.

        Parameters
        ----------
        name
            The path below the folder, without an extension.
        given
            What was translated, of any size: it is shown in the size of the answer.
        fake
            (H, W, C) uint8 or uint16.

        Raises
        ------
        OSError, ValueError
            If a file cannot be written, or the format cannot hold it.
        """
        height, width = fake.shape[:2]
        source, target = self.coding.source, self.coding.target
        parts = {"source": source.show(resize(given.picture, height, width, nearest=source.nearest))}
        if given.true is not None:
            parts["target"] = resize(given.true, height, width, nearest=target.nearest)
        parts["fake"] = fake  # the last: that it is there says that the others are
        stretched = {part: self.stretch(picture) for part, picture in parts.items()}
        if self.side_by_side:
            self._save(name, "side", self.beside(stretched))
        for part, picture in stretched.items():
            self._save(name, part, picture)

    def beside(self, parts: dict[str, np.ndarray]) -> np.ndarray:
        """Lay the parts that there are out in a row: source, fake, target; (H, 3 W, 3)."""
        shown = []
        for part in ("source", "fake", "target"):
            if part in parts:
                coder = self.coding.target
                picture = parts[part] if part == "source" else coder.show(parts[part])
                shown.append(np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture[:, :, :3])
        depth = {picture.dtype for picture in shown}
        if len(depth) > 1:
            shown = [(p >> 8).astype(np.uint8) if p.dtype == np.uint16 else p for p in shown]
        return np.concatenate(shown, axis=1)

    def stretch(self, picture: np.ndarray) -> np.ndarray:
        """Undo what training has done to the proportions."""
        height, width = picture.shape[:2]
        if self.aspect_ratio >= 1:
            size = height, max(1, round(width * self.aspect_ratio))
        else:
            size = max(1, round(height / self.aspect_ratio)), width
        return resize(picture, *size, nearest=self.coding.target.nearest)

    def _save(self, name: str, part: str, picture: np.ndarray) -> None:
        save_picture(self.path_of(name, part), picture, quality=self.quality)
