"""The way of a request: a place in the queue, the picture decoded, translated in the computing thread, encoded."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import NamedTuple, Optional

import numpy as np
from starlette.requests import ClientDisconnect, Request

from gluon_pix2pix.serving.computing import Computing
from gluon_pix2pix.serving.limits import Gate, Limits, Places, RefusedError
from gluon_pix2pix.serving.models import ServedModel
from gluon_pix2pix.serving.pictures import check_pixels, decode, encode
from gluon_pix2pix.serving.requests import Asked, drain, read_request
from gluon_pix2pix.translation.tiling import padded_side
from gluon_pix2pix.translation.translator import Translator

log = logging.getLogger(__name__)

AHEAD = 3  # pictures decoded, computed and encoded, one of each; the others wait as they were sent, compressed

DRAIN_SECONDS = 5.0  # in which the rest of a body is read that is not wanted


class Answer(NamedTuple):
    """A translated picture as it is sent, what is to be said of it, and the seconds that it has waited and taken."""

    data: bytes
    media_type: str
    note: Optional[str]
    waited: float
    took: float


class Service:
    """Models and the way of a request to them."""

    def __init__(self, models: Mapping[str, ServedModel], computing: Computing, limits: Limits):
        self.models, self.limits = models, limits
        self.gate = Gate(limits)
        self._computing = computing

    @cached_property
    def _ahead(self) -> Places:
        return Places(AHEAD)  # made in the event loop, to which it belongs on Python 3.9

    async def translate(self, name: str, request: Request) -> Answer:
        """Answer a request.

        Raises
        ------
        RefusedError
            If there is no picture to answer with.
        ClientDisconnect
            If nobody waits for the answer.
        """
        try:
            model = self.find(name)
            with self.gate.enter():
                try:
                    data, asked = await asyncio.wait_for(read_request(request, self.limits), self.limits.seconds)
                except asyncio.TimeoutError:
                    raise RefusedError(408, f"the request was not there after {self.limits.seconds:g} s") from None
                return await self._unless_gone(request, self._answer(model, data, asked))
        except RefusedError as refused:
            if refused.status != 408:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(drain(request, self.limits), min(self.limits.seconds, DRAIN_SECONDS))
            raise
        except ClientDisconnect:
            raise
        except Exception as error:
            log.exception("a picture for %s could not be translated", name)
            raise RefusedError(500, f"the service has failed: {type(error).__name__}; its log has more") from error

    def find(self, name: str) -> ServedModel:
        """Return a model.

        Raises
        ------
        RefusedError
            If there is none of that name.
        """
        if name not in self.models:
            raise RefusedError(404, f"there is no model {name[:80]!r}: there are {', '.join(self.models)}")
        return self.models[name]

    async def _unless_gone(self, request: Request, work) -> Answer:
        """Await `work`, but no longer than the client does, or than the limits allow."""
        working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait({working, gone}, timeout=self.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            if gone.done():
                raise ClientDisconnect
            raise RefusedError(504, f"there was no answer within {self.limits.seconds:g} s")
        finally:
            working.cancel()
            gone.cancel()
            await asyncio.gather(working, gone, return_exceptions=True)

    async def _answer(self, model: ServedModel, data: bytes, asked: Asked) -> Answer:
        arrived = time.monotonic()
        async with self._ahead:
            begun = time.monotonic()
            picture = await asyncio.to_thread(decode, data, model.coding, self.limits)
            translated = await self._computing.run(partial(translate, model, picture, asked, self.limits))
            encoded, media_type = await asyncio.to_thread(encode, translated, asked.format, asked.quality)
            took = time.monotonic() - begun
            self.gate.learn(took)
            return Answer(encoded, media_type, model.note_on(picture), begun - arrived, took)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def translate(model: ServedModel, picture: np.ndarray, asked: Asked, limits: Limits) -> np.ndarray:
    """Translate a picture as it is asked for, in the computing thread.

    Raises
    ------
    RefusedError
        If the model cannot do that, or it would take too much memory.
    """
    try:
        network = model.network(asked.statistics, asked.dropout)
    except ValueError as error:
        raise RefusedError(422, " ".join(str(error).split())) from error
    size = asked.pixels()
    size = network.trained_at if size == "trained" else size
    translator = Translator(network, size=size, tile=asked.tile, seed=asked.seed)
    height, width = (size, size) if isinstance(size, int) else size or picture.shape[:2]
    check_pixels(height, width, limits)
    sides = [min(side, asked.tile or side) for side in (height, width)]
    at_once = np.prod([padded_side(side, network.multiple) for side in sides])
    if at_once > limits.max_untiled:
        raise RefusedError(
            413,
            f"{sides[1]} x {sides[0]} pixels at once are more than the {limits.max_untiled:,} of this service: "
            f"ask for tile=512{', or another size' if asked.size == 'own' else ''}",
        )
    try:
        return translator(picture, name=hashlib.sha256(picture.tobytes()).hexdigest())
    except ValueError as error:
        raise RefusedError(415, " ".join(str(error).split())) from error
