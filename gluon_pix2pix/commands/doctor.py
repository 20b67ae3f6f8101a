"""Say what is installed, and whether it works: one screen, each line ok or with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gluon_pix2pix
from gluon_pix2pix.diagnosis.check import screen, works
from gluon_pix2pix.diagnosis.installation import check_installation, probe_mxnet
from gluon_pix2pix.diagnosis.machine import check_machine
from gluon_pix2pix.errors import CommonOptions
from gluon_pix2pix.writing import json_text


@dataclass
class Options(CommonOptions):
    """Say what is installed, and whether it works. The exit code is 1 if something does not; a machine without a GPU is
    fine."""

    json: bool = False
    """Write JSON, for a report: without names of user and machine, and without the home's path."""


def main(options: Options) -> int:
    """Look at everything, say it, and return the exit code."""
    probe = probe_mxnet()
    checks = [*check_installation(probe), *check_machine(probe, Path())]
    if options.json:
        report = {"gluon_pix2pix": gluon_pix2pix.__version__, "works": works(checks)}
        print(json_text({**report, "checks": [check.as_json() for check in checks]}, indent=2))
        return 0 if works(checks) else 1
    print(f"gluon-pix2pix {gluon_pix2pix.__version__}\n" + "\n".join(screen(checks)))
    faults = sum(check.state == "fault" for check in checks)
    print(f"\n{faults} of {len(checks)} do not work" if faults else "\nAll that is here works.")
    return 0 if works(checks) else 1
