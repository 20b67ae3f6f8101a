"""Where gradients are added up: MXNet's KVStores. No MXNet."""

from __future__ import annotations

OF_PROCESSES = ("dist_sync", "dist_device_sync")  # that add up over several; the first is taken if none is named
KVSTORES = ("device", "local", *OF_PROCESSES)
DIST_ASYNC_REFUSED = (
    "kvstore dist_async moves Adam into the servers, which get it as a pickle and then follow neither the learning "
    "rate's schedule nor a checkpoint: take dist_sync"
)
