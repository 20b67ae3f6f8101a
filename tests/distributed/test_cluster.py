"""What a worker needs from its environment, and one worker with several devices; real jobs are in test_launch.py."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from gluon_pix2pix.core.step import OneProcess
from gluon_pix2pix.distributed import cluster
from gluon_pix2pix.distributed.cluster import Cluster, check_environment, serves
from gluon_pix2pix.runtime import mx

GOOD = {
    "DMLC_ROLE": "worker",
    "DMLC_PS_ROOT_URI": "127.0.0.1",
    "DMLC_PS_ROOT_PORT": "9000",
    "DMLC_NUM_WORKER": "2",
    "DMLC_NUM_SERVER": "1",
}


@pytest.fixture
def variables(monkeypatch):
    """Set the variables of a worker, with changes; None takes one away."""

    def change(**changes):
        for name, value in {**GOOD, **changes}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return change


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"DMLC_PS_ROOT_URI": None},
            "kvstore dist_sync needs DMLC_PS_ROOT_URI in the environment: start it with python",
        ),
        ({"DMLC_ROLE": None, "DMLC_NUM_SERVER": ""}, "needs DMLC_ROLE, DMLC_NUM_SERVER in the environment"),
        ({"DMLC_ROLE": "master"}, "DMLC_ROLE is 'master': it has to be one of scheduler, server, worker"),
        ({"DMLC_NUM_WORKER": "two"}, "DMLC_NUM_WORKER is 'two': it has to be a whole number from 1 to 9999"),
        ({"DMLC_NUM_SERVER": "0"}, "DMLC_NUM_SERVER is '0'"),
        ({"DMLC_PS_ROOT_PORT": "70000"}, "DMLC_PS_ROOT_PORT is '70000': it has to be a whole number from 1 to 65535"),
    ],
)
def test_variables_that_are_missing_or_wrong(variables, changes, message):
    variables(**changes)
    with pytest.raises(ValueError, match=message):
        check_environment("dist_sync")


def test_a_role_goes_with_a_distributed_kvstore(variables):
    variables()
    check_environment("dist_sync")
    with pytest.raises(
        ValueError, match="DMLC_ROLE is 'worker' and the kvstore device: pass --kvstore dist_sync, or un"
    ):
        check_environment("device")
    assert not serves("dist_sync")
    variables(DMLC_ROLE="server")
    assert serves("dist_device_sync")
    variables(DMLC_ROLE=None)
    check_environment("device")
    assert not serves("device")


def test_importing_mxnet_in_a_servers_role_does_not_begin_to_serve(variables):
    """MXNet's own server would wait here for a scheduler that never comes."""
    variables(DMLC_ROLE="server")
    code = "from gluon_pix2pix import runtime; import os; print(os.environ['DMLC_ROLE'])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, "server\n")


def test_one_process_alone():
    alone = OneProcess("local")
    assert (alone.rank, alone.size, alone.own_pairs(5), alone.kvstore) == (0, 1, 5, "local")
    assert alone.any(True)
    assert not alone.any(False)


@pytest.fixture
def lone_worker(monkeypatch) -> Cluster:
    """A cluster of one worker, on MXNet's store within a process."""
    create = mx.kv.create
    monkeypatch.setattr(cluster.mx.kv, "create", lambda kind: create("local"))
    with Cluster("dist_sync") as worker:
        yield worker


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("size", [1, 3])
def test_a_worker_does_what_one_process_does(make_trainer, lone_worker, devices, size):
    """Also where it has two devices, and a batch divides unevenly, or not at all."""
    one, worker = make_trainer(norm="none"), make_trainer(norm="none", devices=devices, cluster=lone_worker)
    for ours, theirs in zip(worker.run(3, size=size), one.run(3, size=size)):
        assert ours == pytest.approx(theirs, rel=1e-5)
    expected = one.parameters()
    for device in range(devices):
        for name, values in worker.parameters(device).items():
            np.testing.assert_allclose(values, expected[name], atol=2e-6, err_msg=name)  # a step is 2e-4


@pytest.mark.parametrize("kvstore", ["device", "local"])
def test_the_kvstore_of_several_devices(make_trainer, kvstore, monkeypatch):
    asked, build = [], mx.gluon.Trainer

    def record(*arguments, **options):
        asked.append(options["kvstore"])
        return build(*arguments, **options)

    monkeypatch.setattr(mx.gluon, "Trainer", record)
    one, two = make_trainer(norm="none"), make_trainer(norm="none", devices=2, cluster=OneProcess(kvstore))
    one.run(2, size=3)
    two.run(2, size=3)
    assert asked == ["device", "device", kvstore, kvstore]
    expected = one.parameters()
    for name, values in two.parameters(1).items():
        np.testing.assert_allclose(values, expected[name], atol=2e-6, err_msg=name)


def test_the_shares_of_a_batch_are_the_batch(lone_worker):
    lone_worker.size = 3
    shares = []
    for lone_worker.rank in range(3):
        shares.append([lone_worker.own_pairs(total) for total in (1, 2, 3, 7)])
    assert shares == [[1, 1, 1, 3], [0, 1, 1, 2], [0, 0, 1, 2]]


def test_workers_agree(lone_worker):
    assert lone_worker.any(True)
    assert not lone_worker.any(False)
    lone_worker.check_same({"options": "a"})
    lone_worker.size = 2  # whose second worker says nothing: its sum is not twice the first's
    with pytest.raises(ValueError, match="options: not the same for all 2 workers"):
        lone_worker.check_same({"options": "a"})


def test_each_rank_drops_out_others_and_the_first_as_one_machine(make_trainer, lone_worker, same_bits):
    def parameters(rank, **kwargs):
        trainer = make_trainer(norm="none", dropout=True, **kwargs)
        trainer.cluster.rank = rank
        trainer.cluster.own_pairs = lambda total: total
        trainer.run(2)
        return trainer.parameters()

    alone, first, second = parameters(0), parameters(0, cluster=lone_worker), parameters(1, cluster=lone_worker)
    assert same_bits(alone, first)
    assert not same_bits(first, second)
