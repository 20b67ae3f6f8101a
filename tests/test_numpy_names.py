"""numpy's names of old are there while MXNet is imported, and only then."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from gluon_pix2pix.numpy_names import names_of_old

NAMES = ("bool", "NaN", "NINF", "product", "alltrue", "in1d", "pmt", "fix")


def test_names_are_given_and_taken_away_again():
    before = dict(vars(np))
    with names_of_old():
        given = {name: getattr(np, name) for name in NAMES}
    assert vars(np) == before
    assert np.isnan(given["NaN"])
    assert given["NINF"] == -np.inf
    assert callable(given["product"])
    assert callable(given["pmt"])


def test_they_are_taken_away_where_the_import_fails():
    before = dict(vars(np))
    with pytest.raises(ImportError, match="mxnet"), names_of_old():
        raise ImportError("mxnet")
    assert vars(np) == before


def test_a_name_that_numpy_still_has_stays(monkeypatch):
    ours = object()
    monkeypatch.setattr(np, "product", ours, raising=False)
    with names_of_old():
        assert np.product is ours
    assert np.product is ours


def test_what_only_has_a_name_says_so_when_called(monkeypatch):
    monkeypatch.delattr(np, "trapz", raising=False)
    with names_of_old():
        function = np.trapz
    with pytest.raises(NotImplementedError, match="one that the installed numpy has not"):
        function([1, 2])


def run(lines):
    return subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)


def test_neither_numpy_nor_scipys_copy_of_it_keeps_them():
    lines = """
import numpy as np
before = set(dir(np))
from gluon_pix2pix.runtime import mx
print(sorted(set(dir(np)) - before - {"f2py", "testing"}))
import numpy.ma, scipy.ndimage
print(np.ma.ones(2).sum())
"""
    ran = run(lines)
    assert ran.stderr == ""
    first, second = ran.stdout.splitlines()
    assert not {"NaN", "product", "trapz", "round_", "pmt"} & set(eval(first))
    assert second == "2.0"


def test_a_numpy_that_lacks_more_than_is_known_is_named():
    without = 'import numpy as np\ndel np.polysub\nnp.__all__ = [n for n in np.__all__ if n != "polysub"]\n'
    ran = run(f"{without}from gluon_pix2pix.runtime import mx")
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: numpy {np.__version__} is too new for MXNet 1.9.1 (")
    assert "polysub" in last
    assert last.endswith("pip install 'numpy<2.6'")
