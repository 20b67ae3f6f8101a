"""Signals as requests: nothing is interrupted but by a second Ctrl-C."""

from __future__ import annotations

import signal

import pytest

from gluon_pix2pix.training.interrupt import StopRequest


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_is_a_request(number, code):
    before = [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]
    with StopRequest() as stop:
        assert stop.signal is None
        signal.raise_signal(number)
        assert (stop.signal, stop.exit_code) == (number, code)
    assert [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)] == before


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_after_a_signal_interrupts(first):
    before = signal.getsignal(signal.SIGINT)
    with StopRequest() as stop:
        signal.raise_signal(first)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert stop.signal == first
    assert signal.getsignal(signal.SIGINT) == before


def test_a_second_sigterm_does_not_interrupt():
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal == signal.SIGTERM
