"""Order and batches: functions of (seed, epoch) alone, whoever reads the files."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from gluon_pix2pix.pairs.loader import epoch_keys, load_batches
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.pictures.files import write_image


@pytest.fixture
def pairs(tmp_path):
    """Seven pairs; pair i is i in every pixel of its source, and noise in its target."""
    rng = np.random.default_rng(0)
    for index in range(7):
        whole = rng.integers(0, 256, (10, 20, 3), np.uint8)
        whole[:, :10] = index
        write_image(tmp_path / f"{index}.png", whole)
    return PairedImages(tmp_path, load_size=12, crop_size=10)


def read(pairs, keys, **kwargs):
    return [(source.asnumpy(), target.asnumpy()) for source, target in load_batches(pairs, keys, **kwargs)]


def test_an_epoch_sees_every_pair_once_in_an_order_of_its_own():
    orders = [[index for index, _ in epoch_keys(50, seed=1, epoch=epoch)] for epoch in range(3)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len(set(map(tuple, orders))) == 3
    assert orders[1] == [index for index, _ in epoch_keys(50, seed=1, epoch=1)]
    assert orders[1] != [index for index, _ in epoch_keys(50, seed=2, epoch=1)]


def test_keys_name_the_pair_and_the_seed_of_its_jitter():
    assert epoch_keys(3, seed=9, epoch=4, shuffle=False) == [(0, (9, 4, 0)), (1, (9, 4, 1)), (2, (9, 4, 2))]
    assert sorted(epoch_keys(3, seed=9, epoch=4)) == epoch_keys(3, seed=9, epoch=4, shuffle=False)


def test_batches_are_the_pairs_that_the_keys_name(pairs):
    keys = epoch_keys(7, seed=0, epoch=0)
    batches = read(pairs, keys, batch_size=3)
    assert [source.shape for source, _ in batches] == [(3, 10, 10, 3), (3, 10, 10, 3), (1, 10, 10, 3)]
    assert all(part.dtype == np.uint8 for batch in batches for part in batch)
    seen = np.concatenate([source for source, _ in batches])
    assert seen[:, 0, 0, 0].tolist() == [index for index, _ in keys]
    np.testing.assert_array_equal(batches[1][1][2], pairs[keys[5]][1])


def test_workers_change_no_bit(pairs):
    keys = epoch_keys(7, seed=0, epoch=0)
    alone, with_two = (read(pairs, keys, batch_size=2, workers=workers) for workers in (0, 2))
    assert len(alone) == len(with_two) == 4
    for ours, theirs in zip(alone, with_two):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_the_rest_of_an_epoch_is_the_same_pairs(pairs):
    keys = epoch_keys(7, seed=0, epoch=0)
    whole, rest = read(pairs, keys, batch_size=2), read(pairs, keys[4:], batch_size=2, workers=2)
    np.testing.assert_array_equal(whole[2][1], rest[0][1])
    np.testing.assert_array_equal(whole[3][1], rest[1][1])


def test_another_epoch_jitters_a_pair_otherwise(pairs):
    targets = [read(pairs, epoch_keys(7, seed=0, epoch=e, shuffle=False), batch_size=7)[0][1] for e in range(2)]
    assert (targets[0] != targets[1]).any(axis=(1, 2, 3)).sum() >= 5  # of 7; each alike with a chance of 1 in 18


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_file_is_named(pairs, workers):
    pairs.pairs[3].a.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"3\.png is not a picture in a known format"):
        read(pairs, epoch_keys(7, seed=0, epoch=0), batch_size=2, workers=workers)


@pytest.mark.parametrize("ranks", [2, 3])
def test_the_ranks_of_a_run_read_every_batch_between_them(pairs, ranks):
    keys = epoch_keys(7, seed=0, epoch=0)
    whole = [source[:, 0, 0, 0].tolist() for source, _ in read(pairs, keys, batch_size=2)]
    among = [read(pairs, keys, batch_size=2, rank=rank, ranks=ranks) for rank in range(ranks)]
    for number, batch in enumerate(whole):
        shares = [ours[number][0][:, 0, 0, 0].tolist() for ours in among]
        assert shares[: len(batch)] == [[index] for index in batch]
        assert shares[len(batch) :] == [batch[:1]] * (ranks - len(batch))  # nothing is left: any will do


def test_what_is_not_read_any_more_is_given_up(pairs):
    read, before = [], threading.active_count()

    class Watched:
        def __getitem__(self, key):
            read.append(key[0])
            return pairs[key]

    batches = load_batches(Watched(), epoch_keys(7, seed=0, epoch=0, shuffle=False), batch_size=1, workers=1)
    next(batches)
    batches.close()
    assert threading.active_count() == before
    assert read in ([0], [0, 1], [0, 1, 2])  # two ahead of the first at most
