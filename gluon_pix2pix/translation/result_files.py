"""The files that are written of each picture: NAME_fake and what it is shown beside."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gluon_pix2pix.pairs.coding import Coding, OneHot
from gluon_pix2pix.pairs.holes import blank_hole, split_hole
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.files import save_picture
from gluon_pix2pix.translation.examples import Example
from gluon_pix2pix.translation.options import FORMATS, ResultOptions

PARTS = ("fake", "source", "target", "side")


@dataclass(frozen=True)
class ResultFiles:
    """The files of results, and how they are written.

    Parameters
    ----------
    folder
        Mirrors the folder of the inputs.
    coding
        The task's: it knows how its pictures are looked at.
    options
        Pictures that are neither gray nor RGB are written as TIFF, whatever the format asked for.
    """

    folder: Path
    coding: Coding
    options: ResultOptions

    def path_of(self, name: str, part: str = "fake") -> Path:
        """Return the path of a result, one of `PARTS`; `name` is the path below the folder, without an extension."""
        coder = self.coding.source if part == "source" else self.coding.target
        usual = coder.channels in (1, 3) or self.coding.task == "colorization" or part == "side"
        suffix = FORMATS[self.options.format] if usual or isinstance(coder, OneHot) else ".tiff"
        return self.folder / f"{name}_{part}{suffix}"

    def are_there(self, name: str, *, target: bool) -> bool:
        """Tell whether all that would be written of a picture is there; `target` is whether its true answer is known.

        Its fake is written last.
        """
        parts = ["fake", "source", *(["target"] if target else []), *(["side"] if self.options.side_by_side else [])]
        return all(os.path.exists(self.path_of(name, part)) for part in parts)  # False if a name is too long

    def write(self, name: str, example: Example, fake: np.ndarray) -> None:
        """Write a picture's results.

        Parameters
        ----------
        name
            The path below the folder, without an extension.
        example
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
        given, hole = example.source, None
        if self.coding.task == "inpainting":
            given, hole = split_hole(given, source.channels)
        given = given if hole is None else blank_hole(given, hole)
        parts = {"source": source.show(resize(given, height, width, nearest=source.nearest))}
        if example.target is not None:
            parts["target"] = resize(example.target, height, width, nearest=target.nearest)
        parts["fake"] = fake  # the last: that it is there says that the others are
        stretched = {part: self.stretch(picture, part) for part, picture in parts.items()}
        if self.options.side_by_side:
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

    def stretch(self, picture: np.ndarray, part: str = "fake") -> np.ndarray:
        """Undo what training has done to the proportions."""
        (height, width), ratio = picture.shape[:2], self.options.aspect_ratio
        size = (height, max(1, round(width * ratio))) if ratio >= 1 else (max(1, round(height / ratio)), width)
        coder = self.coding.source if part == "source" else self.coding.target
        return resize(picture, *size, nearest=coder.nearest)

    def _save(self, name: str, part: str, picture: np.ndarray) -> None:
        save_picture(self.path_of(name, part), picture, quality=self.options.quality)
