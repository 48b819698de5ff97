"""Studies are read by workers of Dask: of a scheduler that is there, and of jobs of Slurm."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dask
import psutil
import pytest
from command import Answer, refused
from distributed import LocalCluster, Security
from makers.small_studies import written_study

from IODeepLib import batch
from IODeepLib.batch.on_slurm import _kept, slurm_options
from IODeepLib.batch.terms import Outcome
from IODeepLib.errors import UsageError

# In place of Slurm: a job runs here, at once.
SBATCH = f"""#!{sys.executable}
import subprocess, sys
if "--test-only" in sys.argv:
    if "#SBATCH -p nowhere" in sys.stdin.read():
        sys.exit("sbatch: error: invalid partition specified: nowhere")
    sys.exit()
script = open(sys.argv[1]).read()
open({{log!r}}, "a").write(script)
job = subprocess.Popen(["/bin/bash", "-c", script], start_new_session=True,
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open({{log!r}} + ".err", "a"))
print("Submitted batch job", job.pid)
"""
SCANCEL = """#!/bin/bash
kill -TERM -- "-$1"
"""


def test_a_scheduler_that_is_there(
    models: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    study = written_study(tmp_path / "studies", 0)
    made = Security.temporary()
    own = made.get_tls_config_for_role("client")
    names = {"ca_file": "ca-file", "cert": "client.cert", "key": "client.key"}
    ours = {f"distributed.comm.tls.{name}": own[key] for key, name in names.items()}
    here = {"processes": False, "dashboard_address": None, "protocol": "tls", "host": "127.0.0.1"}
    with (
        dask.config.set(ours),
        LocalCluster(n_workers=1, threads_per_worker=2, security=made, **here) as cluster,
    ):
        call = ["batch", tmp_path / "studies", "--models", models, "--out", tmp_path / "out"]
        answer = iodeep(*call, "--scheduler", cluster.scheduler_address, "--json")
    assert answer.status == 0, answer
    assert json.loads(answer.out)["studies"] == {"done": 1}
    assert "reading with Dask, with its dashboard at" in answer.err
    (line,) = (tmp_path / "out" / "records.jsonl").read_text().splitlines()
    assert json.loads(line)["study"] == study


@pytest.mark.parametrize(
    "address",
    [
        "tcp://10.0.0.1:8786",
        "tcp://127.0.0.1.evil.example:8786",
        "evil.example:8786",
        "inproc://1/2",
    ],
)
def test_a_scheduler_that_others_could_listen_to(
    address: str, models: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    written_study(tmp_path / "studies", 0)
    call = ["batch", tmp_path / "studies", "--models", models, "--out", tmp_path / "out"]
    refused(iodeep(*call, "--scheduler", address), 2, "code run there")


def test_no_scheduler(
    models: Path, tmp_path: Path, iodeep: Callable[..., Answer], monkeypatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    written_study(tmp_path / "studies", 0)
    call = ["batch", tmp_path / "studies", "--models", models, "--out", tmp_path / "out"]
    refused(iodeep(*call, "--scheduler", "tls://127.0.0.1:9"), 5, "no Dask scheduler")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What jobs of a Slurm are told, which is none."""
    programs = tmp_path / "bin"
    programs.mkdir()
    log = tmp_path / "jobs"
    for name, text in (("sbatch", SBATCH.format(log=str(log))), ("scancel", SCANCEL)):
        (programs / name).write_text(text)
        (programs / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return log


def test_jobs_of_slurm(models: Path, log: Path, tmp_path: Path) -> None:
    written_study(tmp_path / "studies", 0)
    interrupts = signal.getsignal(signal.SIGINT)
    said: list[str] = []
    listening: list[tuple[str, int]] = []

    def began(where: str) -> None:
        said.append(where)
        sockets = psutil.Process().net_connections()
        listening.extend(one.laddr for one in sockets if one.status == psutil.CONN_LISTEN)

    slurm = "queue=night,cores=1,memory=2GB,walltime=00:10:00"
    summary = batch.map(
        tmp_path / "studies", models, tmp_path / "out", slurm=slurm, workers=1, began=began
    )
    assert summary.studies == {Outcome.DONE: 1}
    assert signal.getsignal(signal.SIGINT) is interrupts  # dask-jobqueue sets one of its own
    script = log.read_text()
    for line in ("#SBATCH -p night", "#SBATCH --cpus-per-task=1", "#SBATCH -t 00:10:00"):
        assert line in script
    assert "tls://" in script and "--tls-key" in script
    assert "tcp://" not in script
    (key,) = {Path(one) for one in re.findall(r"--tls-key (\S+)", script)}
    assert (key.parents[1], key.exists()) == (tmp_path / "out", False)
    port = int(re.search(r"dashboard at http://127\.0\.0\.1:(\d+)/", said[0])[1])
    assert [address for address, number in listening if number == port] == ["127.0.0.1"]
    assert not list((tmp_path / "out").glob(".keys*"))


def test_jobs_that_slurm_does_not_take(
    models: Path,
    log: Path,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That is said at once, and not waited for; and what a killed call has left is gone."""
    written_study(tmp_path / "studies", 0)
    call = ["batch", tmp_path / "studies", "--models", models, "--out", tmp_path / "out", "--slurm"]
    words = "invalid partition specified: nowhere"
    refused(iodeep(*call, "--slurm-options", "queue=nowhere"), 2, words, "--slurm-options")
    (tmp_path / "out" / ".keys-old").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    refused(iodeep(*call), 2, "sbatch does not take a job", "No such file")
    assert not list((tmp_path / "out").glob(".keys*"))


def test_jobs_that_end_are_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask starts those that lack when it is told again how many there are to be."""
    monkeypatch.setattr("IODeepLib.batch.on_slurm._EVERY", 0.01)
    told: list[int] = []
    again = threading.Event()

    class Cluster:
        def scale(self, jobs: int) -> None:
            told.append(jobs)
            if len(told) > 2:
                again.set()

    with _kept(Cluster(), 3):
        assert again.wait(30)
    count = len(told)
    assert set(told) == {3}
    time.sleep(0.05)
    assert len(told) == count


def test_options_of_jobs() -> None:
    assert slurm_options("queue = gpu , cores=8") == {
        "queue": "gpu",
        "cores": "8",
        "memory": "16GB",
        "walltime": "12:00:00",
    }
    for wrong in ("cores=0", "queue=a;b", "memory=lots", "walltime=$(x)", "account=a", "cores"):
        with pytest.raises(UsageError, match="--slurm-options"):
            slurm_options(wrong)
