"""A trained generator at work: pictures in, pictures out, of any size and number. MXNet only where a model needs it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional, Union

import numpy as np

from gluon_pix2pix.pairs.coding import Coding
from gluon_pix2pix.pairs.holes import blank_hole, fill_hole, split_hole
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.translation.loading import load_network
from gluon_pix2pix.translation.network import Network, Size
from gluon_pix2pix.translation.tiling import blend_tiles, pad_to_multiple, padded_side


class _Job(NamedTuple):
    name: str
    given: np.ndarray
    prepared: np.ndarray  # at the size that the network gets
    source: np.ndarray  # (1, C, H, W), padded
    hole: Optional[np.ndarray] = None  # (H, W) of the given one


class Translator:
    """Translate pictures.

    Unless statistics are the batch's, no answer depends on which pictures are translated together: MXNet on a CPU and
    ONNX Runtime give a picture the same bits alone and in a batch.

    Parameters
    ----------
    network
        What computes: a `Network`, or a Gluon generator together with its `coding` and the `ctx` that it is on.
    size
        Pixels, or (height, width): pictures are resized to it first, as in training. None keeps their own size, padded
        by reflection to what the network takes and cropped back.
    tile
        Pixels, rounded up to the network's multiple: larger pictures are translated in squares of that side, which
        overlap by a quarter and fade into each other, so that memory is needed for one row of them. With statistics of
        the picture, each square is normalised by its own.
    batch_size
        The most pictures that go through the network together: neighbours that take the same size there. With dropout
        each goes alone, unless statistics are the batch's: then each batch is normalised, and drops out, as one.
    seed
        For dropout: it and a picture's name decide what is dropped.

    Raises
    ------
    ValueError
        If a number is below 1.
    """

    def __init__(
        self,
        network: Any,
        *,
        coding: Optional[Coding] = None,
        size: Optional[Size] = None,
        tile: Optional[int] = None,
        batch_size: int = 1,
        seed: int = 0,
        ctx: Any = None,
    ):
        if not isinstance(network, Network):
            from gluon_pix2pix.translation.gluon_network import of_block  # here: it imports MXNet

            network = of_block(network, coding=coding, ctx=ctx)
        self.network, self._seed = network, seed
        self._size = (size, size) if isinstance(size, int) else size
        for word, value in (("size", min(self._size or (1,))), ("tile", tile or 1), ("batch size", batch_size)):
            if value < 1:
                raise ValueError(f"a {word} is 1 or more, not {value}")
        self._tile = padded_side(tile, network.multiple) if tile else None
        alone = network.dropout and network.statistics != "batch"
        self._batch_size = 1 if alone else batch_size

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        epoch: str = "latest",
        statistics: Optional[str] = None,
        dropout: Optional[bool] = None,
        backend: Optional[str] = None,
        size: Union[Size, str, None] = "trained",
        tile: Optional[int] = None,
        batch_size: int = 1,
        seed: int = 0,
        ctx: Any = None,
        provider: Optional[str] = None,
    ) -> Translator:
        """Load a model in the box by its name, the folder of a run, the folder of an export, or an .onnx file.

        `load_network` explains the arguments before `size`, and the errors; the class explains the others. Size
        "trained" is that of the pictures in training.
        """
        where = {"backend": backend, "ctx": ctx, "provider": provider}
        network = load_network(path, epoch=epoch, statistics=statistics, dropout=dropout, **where)
        size = network.trained_at if size == "trained" else size
        return cls(network, size=size, tile=tile, batch_size=batch_size, seed=seed)

    @property
    def size(self) -> Optional[Size]:
        """The (height, width) that pictures are resized to; None if they keep their own."""
        return self._size

    @property
    def settings(self) -> dict:
        """What answers depend on beside the picture and its name, for a record in JSON."""
        modes = {"statistics": self.network.statistics, "dropout": self.network.dropout, "seed": self._seed}
        sizes = {"size": list(self._size) if self._size else None, "tile": self._tile}
        together = {"batch_size": self._batch_size} if self.network.statistics == "batch" else {}
        return {**self.network.identity, **modes, **sizes, **together}

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Bring (H, W, C) to the size that the network gets, as a source or target is shown beside the result."""
        if self._size is None:
            return image
        return resize(image, *self._size, nearest=self.network.coding.source.nearest)

    def __call__(
        self, images: Union[np.ndarray, Sequence[np.ndarray]], *, name: Union[str, Sequence[str]] = ""
    ) -> Union[np.ndarray, list[np.ndarray]]:
        """Translate one picture, or several.

        Parameters
        ----------
        images
            (H, W, C) uint8 or uint16, RGB; or (N, H, W, C), or a list of pictures of any sizes. For inpainting, alpha
            below half marks what is to be painted; the answer then has the picture's own size and known pixels.
        name
            Seeds dropout, together with the translator's seed: a file's path relative to its folder. One for all, or a
            list with each picture's own.

        Returns
        -------
        numpy.ndarray or list of numpy.ndarray
            (H', W', channels of the target), or (N, ...) for an array of several, or a list for a list, in the dtype
            of each picture.

        Raises
        ------
        ValueError
            If a picture is not of that kind, or its channels or labels are not the network's.
        """
        if isinstance(images, np.ndarray) and images.ndim == 3:
            return next(self.stream([(name, images)]))[1]
        names = [name] * len(images) if isinstance(name, str) else name
        if len(names) != len(images):
            raise ValueError(f"there are {len(names)} names for {len(images)} pictures")
        answers = [answer for _, answer in self.stream(zip(names, images))]
        return np.stack(answers) if isinstance(images, np.ndarray) else answers

    def stream(
        self,
        items: Iterable[tuple[str, np.ndarray]],
        *,
        on_error: Optional[Callable[[str, ValueError], None]] = None,
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Translate named pictures as they come, and yield (name, answer) in the same order.

        No more than `batch_size` pictures are taken ahead of the answers.

        Parameters
        ----------
        on_error
            Called with the name and the error of a picture that cannot be translated, which is then left out. Without,
            the error is raised.
        """
        waiting: list[_Job] = []
        for name, image in items:
            try:
                job, answer = self._begin(name, image)
            except ValueError as error:
                if on_error is None:
                    raise
                on_error(name, error)
                continue
            if waiting and (job is None or job.source.shape != waiting[0].source.shape):
                yield from self._finish(waiting)
                waiting = []
            if job is None:
                yield name, answer
                continue
            waiting.append(job)
            if len(waiting) == self._batch_size:
                yield from self._finish(waiting)
                waiting = []
        if waiting:
            yield from self._finish(waiting)

    def _begin(self, name: str, image: np.ndarray) -> tuple[Optional[_Job], Optional[np.ndarray]]:
        """Make a picture ready for the network; or translate it, in tiles, and return the answer."""
        if image.ndim != 3 or image.dtype not in (np.uint8, np.uint16) or 0 in image.shape:
            raise ValueError(f"pictures are (H, W, C) uint8 or uint16, not {image.shape} {image.dtype}")
        hole = None
        if self.network.coding.task == "inpainting":
            image, hole = split_hole(image, self.network.coding.source.channels)
        prepared = self.prepare(image)
        if hole is not None:
            prepared = blank_hole(prepared, hole)
        if self._tile and max(prepared.shape[:2]) > self._tile:
            answer = self._translate_tiles(name, image, prepared)
            return None, answer if hole is None else fill_hole(image, hole, answer)
        return _Job(name, image, prepared, self._encode(prepared), hole), None

    def _encode(self, prepared: np.ndarray) -> np.ndarray:
        return pad_to_multiple(self.network.coding.encode(prepared), self.network.multiple)

    def _finish(self, jobs: Sequence[_Job]) -> Iterator[tuple[str, np.ndarray]]:
        signed = self._compute(np.concatenate([job.source for job in jobs]), "/".join(job.name for job in jobs))
        for job, answer in zip(jobs, signed):
            height, width = job.prepared.shape[:2]
            picture = self.network.coding.decode(answer[:, :height, :width], job.given)
            yield job.name, picture if job.hole is None else fill_hole(job.given, job.hole, picture)

    def _compute(self, batch: np.ndarray, name: str) -> np.ndarray:
        seed = None
        if self.network.dropout:
            text = f"{self._seed}/{name}".encode(errors="surrogateescape")  # names may be no UTF-8
            seed = int.from_bytes(hashlib.sha256(text).digest()[:4], "big") >> 1
        return self.network.compute(batch, seed)

    def _translate_tiles(self, name: str, image: np.ndarray, prepared: np.ndarray) -> np.ndarray:
        def compute(top: int, left: int, height: int, width: int) -> np.ndarray:
            source = self._encode(prepared[top : top + height, left : left + width])
            return self._compute(source, f"{name}/{top},{left}")[0, :, :height, :width]

        bands = blend_tiles(compute, *prepared.shape[:2], tile=self._tile, overlap=self._tile // 4)
        coding = self.network.coding
        if coding.task == "colorization":  # answers at the given picture's size, which bands of a resized one have not
            return coding.decode(np.concatenate([band for _, band in bands], axis=1), image)
        rows = [coding.decode(band, prepared[top : top + band.shape[1]]) for top, band in bands]
        return np.concatenate(rows)
