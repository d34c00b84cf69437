"""Principal components of pixels: the feature space that knows nothing of what images show.

Not whitened: distances stay in proportion to differences of pixels, within the components. Whitening would give the
weakest component, mostly noise and badly known from few images, the weight of the strongest. One factor for all brings
the mean square to 1, which the cubic kernel of KID is made for.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from genimg_core.imaging.representation import to_float
from genimg_core.metrics.pixels import MOST_SIDE_PX, averaged

COMPONENTS = 64
"""At most; fewer where images or pixels are fewer."""
MOST_IMAGES = 4096
"""Components are found from at most so many images, evenly spread over those given."""


class PixelPca(nn.Module):
    """Images => their components, on a scale on which the images it was fitted to have a mean square of 1.

    Args:
        size: side S of the images in pixels; over MOST_SIDE_PX they are averaged down to that first.
        channels: 1, 3 or 4.
        components: how many.
    """

    def __init__(self, size: int, channels: int, components: int) -> None:
        super().__init__()
        self.side = min(size, MOST_SIDE_PX)
        pixels = channels * self.side**2
        self.register_buffer("mean", torch.zeros(pixels, dtype=torch.float64))
        self.register_buffer("axes", torch.zeros(components, pixels, dtype=torch.float64))

    def features(self, images: Tensor) -> Tensor:
        """(B, C, S, S) in [-1, 1] => float64 (B, components)."""
        return (averaged(images.double(), self.side) - self.mean) @ self.axes.T


@threadpool_limits.wrap(limits=1, user_api="blas")
def fit_pixel_pca(images: np.ndarray) -> PixelPca:
    """Find the components.

    Args:
        images: uint8 (N, S, S, C), N at least 1.
    """
    size, channels = images.shape[2:]
    side = min(size, MOST_SIDE_PX)
    step = -(-len(images) // MOST_IMAGES)
    rows = averaged(to_float(np.array(images[::step])).double(), side).numpy()
    mean = rows.mean(axis=0)
    variances, directions = _principal(rows - mean, COMPONENTS)
    fitted = PixelPca(size, channels, len(variances))
    total = variances.sum()
    fitted.mean.copy_(torch.from_numpy(mean))
    if total > 0:
        fitted.axes.copy_(torch.from_numpy(directions * np.sqrt(len(variances) / total)))
    return fitted.eval()


def _principal(centred: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Variances (c,), greatest first, and unit directions (c, pixels), each with its greatest entry positive."""
    count, pixels = centred.shape
    small = min(count, pixels)
    gram = centred @ centred.T if count < pixels else centred.T @ centred
    squares, vectors = scipy.linalg.eigh(gram, subset_by_index=(small - min(most, small), small - 1))
    squares, vectors = squares[::-1], vectors[:, ::-1].T
    real = np.maximum(1, int((squares > squares[0] * 1e-10).sum()))
    squares, vectors = np.maximum(squares[:real], 0), vectors[:real]
    if count < pixels:
        vectors = vectors @ centred / np.sqrt(np.where(squares > 0, squares, 1))[:, None]
    sign = np.sign(vectors[np.arange(real), np.abs(vectors).argmax(axis=1)])
    return squares / count, vectors * np.where(sign == 0, 1, sign)[:, None]
