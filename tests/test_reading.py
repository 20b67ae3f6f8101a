"""JSON of any kind is a value of the expected shape or one line that names the file."""

from __future__ import annotations

import json
import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon_pix2pix.reading import COUNT, check_shape, open_file, parse_json, read_json, said_by

SHAPE = {
    "epoch": COUNT,
    "sha256": {str: str},
    "size?": (None, [range(1, 9)]),
    "direction?": {"AtoB", "BtoA"},
    "lr?": float,
    "inner?": {"on": bool, "more?": list, "any?": object},
}
GOOD = {"epoch": 3, "sha256": {"a": "b"}, "size": [2, 8], "direction": "AtoB", "lr": 2, "inner": {"on": True}, "x": []}


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.mark.parametrize("change", [{}, {"size": None}, {"lr": 1.5}, {"lr": float("inf")}, {"inner": {"on": False}}])
def test_what_fits_comes_back_whole(tmp_path, change):
    value = {**GOOD, **change}
    assert read_json(write(tmp_path / "a.json", value), SHAPE, what="a thing") == value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epoch": -1}, "epoch should be a whole number from 0, not -1"),
        ({"epoch": True}, "epoch should be a whole number from 0, not true"),
        ({"epoch": 1.0}, "epoch should be a whole number from 0, not 1.0"),
        ({"epoch": "x" * 99}, 'epoch should be a whole number from 0, not "' + "x" * 39 + "..."),
        ({"sha256": []}, "sha256 should be an object, not a list"),
        ({"sha256": {"a": None}}, "sha256.a should be a text, not null"),
        ({"size": [2, 9]}, "size should be null or a list, not a list"),
        ({"direction": "CtoD"}, 'direction should be one of AtoB, BtoA, not "CtoD"'),
        ({"direction": ["AtoB"]}, "direction should be one of AtoB, BtoA, not a list"),
        ({"lr": "2e-4"}, 'lr should be a number, not "2e-4"'),
        ({"lr": False}, "lr should be a number, not false"),
        ({"inner": {"more": []}}, "inner lacks on"),
        ({"inner": {"on": 1}}, "inner.on should be true or false, not 1"),
        ({"inner": {"on": True, "more": {}}}, "inner.more should be a list, not an object"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, change, words):
    path = write(tmp_path / "a.json", {**GOOD, **change})
    with pytest.raises(ValueError, match=re.escape(f"{path} is not a thing: {words}") + "$"):
        read_json(path, SHAPE, what="a thing")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("  \n", "it is empty"),
        ('{"epoch": ', "it is no JSON (Expecting value: line 1 column 11 (char 10))"),
        ("[]", "it should be an object, not a list"),
        ("null", "it should be an object, not null"),
        ("{}", "it has no epoch"),
        ("[" * 200_000, "it is nested too deeply"),
        ('{"a":' * 200_000, "it is nested too deeply"),
    ],
)
def test_what_is_no_json_is_said(tmp_path, text, words):
    path = write(tmp_path / "a.json", text)
    with pytest.raises(ValueError, match=re.escape(f"{path} is not a thing: {words}")):
        read_json(path, SHAPE, what="a thing")


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'\xff\xfe{"epoch": 1}')
    with pytest.raises(ValueError, match=r"a\.json is not a thing: it is no JSON \('utf-8' codec can't decode"):
        read_json(path, SHAPE, what="a thing")
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())  # as some editors begin a file
    assert read_json(path, SHAPE, what="a thing") == GOOD


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr("gluon_pix2pix.reading.MOST_BYTES", 100)
    with pytest.raises(ValueError, match=r"a\.json is not a thing: it has more than 0 MiB"):
        read_json(write(tmp_path / "a.json", "[" + " " * 100), SHAPE, what="a thing")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, kind in (("pipe", "a pipe or device"), (".", "a folder")):
        with pytest.raises(OSError, match=f"{re.escape(str(tmp_path / name))} is {kind}, not a file"):
            read_json(tmp_path / name, SHAPE, what="a thing")
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        read_json(tmp_path / "none.json", SHAPE, what="a thing")
    (tmp_path / "a").write_bytes(b"abc")
    with open_file(tmp_path / "a") as stream:
        assert stream.read() == b"abc"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "on", "q"]), inner, max_size=4),
    max_leaves=12,
)


def line_about(text, shape) -> str:
    """Return what parsing says of a text, "" if it is of the shape."""
    try:
        parse_json(text, shape, what="F")
    except ValueError as error:
        return str(error)
    return ""


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*GOOD, "q"]), values) | values)
def test_whatever_it_holds_the_answer_is_the_value_or_a_line(value):
    line = line_about(json.dumps({**GOOD, **value} if isinstance(value, dict) else value), SHAPE)
    assert re.fullmatch(r"(F: .+)?", line)


@settings(deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=40))
def test_whatever_bytes_it_is(data):
    assert re.fullmatch(r"(F: it is .+)?", line_about(data, object), re.DOTALL)


def test_shapes_alone():
    check_shape([1, 2], [int])
    with pytest.raises(ValueError, match=r"^it\[1\] should be a text, not null$"):
        check_shape(["a", None], [str])
    with pytest.raises(ValueError, match=r"^it should be null or a whole number from 1 to 8, not 9$"):
        check_shape(9, (None, range(1, 9)))


def test_a_number_is_one_that_a_float_can_be():
    check_shape(10**308, float)
    with pytest.raises(ValueError, match=r"^it should be a number, not 1000"):
        check_shape(10**309, float)


def test_what_a_line_quotes_is_cut(tmp_path):
    with pytest.raises(ValueError, match=r"is not a card: long x{395}$"), said_by(tmp_path / "card.json", "a card"):
        raise ValueError("long " + "x" * 9999)
