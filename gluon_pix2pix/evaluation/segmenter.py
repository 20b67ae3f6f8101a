"""A small network that reads label maps off photos, to tell how much of its labels a generated photo shows.

That is the idea of the paper's FCN-score (arXiv 1611.07004, section 4.1), with a network trained on the data set's own
training pairs instead of an FCN-8s that was trained elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, Optional

import numpy as np

from gluon_pix2pix.core.networks import Down, Up, init_weights
from gluon_pix2pix.core.operators import concat_channels
from gluon_pix2pix.evaluation.labelled_photos import rgb8
from gluon_pix2pix.evaluation.segmentation import VOID
from gluon_pix2pix.pairs.loader import epoch_keys
from gluon_pix2pix.pairs.preprocess import Preprocess
from gluon_pix2pix.pictures.arithmetic import resize, to_signed
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.threads import in_threads

autograd, gluon, nn = mx.autograd, mx.gluon, mx.gluon.nn

_READERS = 2  # threads that read ahead
Progress = Callable[[int, int, float], None]  # steps done, steps in all, this step's loss


class SegmentationUNet(gluon.HybridBlock):
    """Score (N, 3, H, W) float32 in [-1, 1] for each class, (N, classes, H, W); H and W are multiples of 2**num_downs.

    The generator's U-Net without dropout and tanh. `width` is the channels of the outermost level, a multiple of 16.
    """

    def __init__(self, classes: int, *, width: int, num_downs: int):
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(num_downs)]
        inner = num_downs - 1
        self._width = width
        with self.name_scope():
            self.down = nn.HybridSequential()
            self.down.add(Down(3, widths[0], bias=True, norm=None, activation=False))
            for level in range(1, num_downs):
                norm = None if level == inner else "batch"
                self.down.add(Down(widths[level - 1], widths[level], bias=False, norm=norm))
            self.up = nn.HybridSequential()  # innermost first
            for level in range(inner, 0, -1):
                in_channels = widths[level] * (1 if level == inner else 2)
                self.up.add(Up(in_channels, widths[level - 1], bias=False, norm="batch", dropout=False))
            self.last = nn.Conv2DTranspose(classes, 4, strides=2, padding=1, in_channels=2 * widths[0])

    def hybrid_forward(self, F, x):
        skips = []
        for down in self.down:
            x = down(x)  # (N, 16, 64, 64) ... (N, 128, 2, 2) for 6 levels of width 16 on 128x128
            skips.append(x)
        skips.pop()
        for up in self.up:
            x = concat_channels(
                F, skips.pop(), up(x), plain=self._width % 16 == 0
            )  # (N, 256, 4, 4) ... (N, 32, 64, 64)
        return self.last(F.relu(x))  # (N, classes, 128, 128)


class Segmenter:
    """A trained network at work: ``segmenter(photo)`` is the photo's label map."""

    def __init__(self, net: gluon.HybridBlock, *, size: int, ctx: mx.Context):
        self.net, self._size, self._ctx = net, size, ctx

    def __call__(self, photo: np.ndarray) -> np.ndarray:
        """Label a photo (H, W, 1 or 3), uint8 or uint16, at the size of training; (H, W) uint8, enlarged again."""
        small = resize(rgb8(photo), self._size, self._size)
        batch = to_signed(small[None])
        scores = self.net(mx.nd.array(batch, ctx=self._ctx)).asnumpy()[0]  # (classes, size, size)
        labels = scores.argmax(axis=0).astype(np.uint8)
        return resize(labels[:, :, None], *photo.shape[:2], nearest=True)[:, :, 0]


def train_segmenter(
    photos: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    classes: int,
    size: int,
    width: int,
    num_downs: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    ctx: mx.Context,
    progress: Optional[Progress] = None,
) -> gluon.HybridBlock:
    """Train a `SegmentationUNet` to give each pixel its class: softmax cross-entropy, Adam, a rate that falls to 0.

    Parameters
    ----------
    photos
        Photos and their labels, as `LabelledPhotos` has them: read ahead in threads, batch by batch, and not kept here.
        Crops of `size` x `size`, mirrored by chance, are learnt.
    seed
        Decides initial weights, order, crops and mirroring, and so, with the number of threads, the result.
    progress
        Called after each step.
    """
    net = SegmentationUNet(classes, width=width, num_downs=num_downs)
    init_weights(net, seed=seed, ctx=[ctx], init_type="kaiming")
    net.hybridize(static_alloc=True)
    adam = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": learning_rate}, update_on_kvstore=False)
    entropy = gluon.loss.SoftmaxCrossEntropyLoss(axis=-1)  # over the last axis, where MXNet's softmax is fastest

    def learn(x: mx.nd.NDArray, y: mx.nd.NDArray, counts: mx.nd.NDArray, rate: float) -> float:
        with autograd.record():
            scores = net(to_signed(x)).transpose((0, 2, 3, 1))  # (N, size, size, classes)
            loss = entropy(scores, y, counts)  # (N,)
        loss.backward()
        adam.set_learning_rate(rate)
        adam.step(len(x))
        return float(loss.mean().asscalar())  # waits for the step

    load_size, step, steps = len(photos[0][0]), 0, epochs * -(-len(photos) // batch_size)
    jitter = Preprocess(load_size=load_size, crop_size=size)

    def read(batch: Sequence) -> tuple[np.ndarray, np.ndarray]:
        """Return (N, size, size, 3) photos and (N, size, size, 1) labels, uint8."""
        pairs = []
        for index, seeds in batch:
            place = jitter.choose_placement(load_size, load_size, seeds)
            pairs.append([place(picture) for picture in photos[index]])
        return tuple(map(np.stack, zip(*pairs)))

    for epoch in range(epochs):
        keys = epoch_keys(len(photos), seed=seed, epoch=epoch)
        batches = [keys[start : start + batch_size] for start in range(0, len(keys), batch_size)]
        for x, y in in_threads(read, batches, workers=_READERS):
            counts = (y != VOID).astype(np.float32)
            data = (mx.nd.array(array, ctx=ctx) for array in (x, np.where(y == VOID, 0, y), counts))
            loss = learn(*data, learning_rate * (1 - step / steps))
            step += 1
            if progress:
                progress(step, steps, loss)
    mx.nd.waitall()
    return net
