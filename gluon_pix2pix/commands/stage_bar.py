"""How far a command is: a bar for each stage on a terminal, a line for each elsewhere."""

from __future__ import annotations

import sys
from typing import Optional

from tqdm import tqdm


class StageBar:
    """Shows what `fetch.Progress` reports: a bar for each stage on a terminal, a line for each elsewhere.

    `size` is how many bytes are downloaded, about, which is said before the first of them comes.
    """

    def __init__(self, name: str, *, size: int = 0) -> None:
        self.name, self.size, self.stage, self.bar = name, size, "", None

    def __enter__(self) -> StageBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, stage: str, done: int, total: Optional[int]) -> None:
        """Show that `done` of `total` of a stage is done."""
        if stage == "connect":
            size = f"{self.size / 1e9:,.1f} GB" if self.size >= 1e9 else f"{self.size / 1e6:,.0f} MB"
            print(f"downloading {self.name}{f' ({size})' if self.size else ''}", file=sys.stderr, flush=True)
            return
        if stage != self.stage:
            self.__exit__()
            self.stage = stage
            words = f"{stage} {self.name}" if stage != "wait" else f"wait for another process to get {self.name}"
            unit = {"unit": "B", "unit_scale": True} if stage == "download" else {"unit": " pictures"}
            self.bar = tqdm(desc=words, total=total, disable=None, **unit)
            if self.bar.disable and stage != "download":  # which has been said
                print(words, file=sys.stderr)
        self.bar.total = total
        self.bar.update(done - self.bar.n)
