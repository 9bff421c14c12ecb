from __future__ import annotations

import numpy as np

from al_loop.descriptors import DIMENSIONS, projected, spread_out


def test_a_projection_keeps_distances() -> None:
    points = np.random.default_rng(1).standard_normal((200, 800)) * np.geomspace(0.1, 10, 800)
    small = projected(points)
    assert small.shape == (200, DIMENSIONS)
    i, j = np.triu_indices(200, 1)
    before = np.linalg.norm(points[i] - points[j], axis=1)
    after = np.linalg.norm(small[i].astype(float) - small[j], axis=1)
    ratio = after / before
    assert abs(ratio.mean() - 1) < 0.1
    assert ratio.std() < 0.2
    np.testing.assert_array_equal(small[:3], projected(points[:3]))


def test_few_features_stay_as_they_are() -> None:
    points = np.random.default_rng(2).random((5, DIMENSIONS))
    np.testing.assert_array_equal(projected(points), points.astype(np.float32))


def test_points_that_are_kept_cover_the_others() -> None:
    rng = np.random.default_rng(3)
    centres = rng.random((20, 4)) * 100
    points = (centres[np.repeat(np.arange(20), 50)] + rng.normal(0, 0.1, (1000, 4))).astype("f4")
    kept = spread_out(points, 20)
    assert sorted(set(kept // 50)) == list(range(20))  # one of each cluster
    assert spread_out(points[:7], 20).tolist() == list(range(7))
