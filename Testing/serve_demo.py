"""`make serve-demo`: an Orthanc, the service beside it, a study that comes, and what comes of it.

All of it lies in a temporary folder, and ends with this program. With --once that is as soon as the
results are there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import pydicom
from pacs import servers
from pacs.servers import NoServerError, Orthanc, free_port

import IODeepLib
from IODeepLib.service.database import Database

DEMO = Path(IODeepLib.__file__).parent / "demo_data"
IODEEP = [sys.executable, "-m", "IODeepLib.cli"]
SETTINGS = """
[servers.pacs]
url = "{pacs}"

[service]
source = "pacs"
folder = {folder!r}
quiet_seconds = 2

[service.changes]
every = 0.5

[service.web]
port = {port}
"""


def main() -> int:
    """Let it happen; 1 if the service ends by itself."""
    parser = argparse.ArgumentParser(prog="serve_demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when the results are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            with servers.orthanc(Path(folder) / "orthanc", StableAge=2) as pacs:
                return demonstrate(pacs, Path(folder), once=options.once)
        except NoServerError as error:
            print(error, file=sys.stderr)
            return 5
        except KeyboardInterrupt:
            return 0


def demonstrate(pacs: Orthanc, folder: Path, *, once: bool) -> int:
    """Beside a PACS that runs."""
    explorer = f"http://127.0.0.1:{pacs.http_port}/app/explorer.html"
    print(f"1. A PACS: Orthanc at {explorer}\n   (DICOM: {pacs.aet}@127.0.0.1:{pacs.dicom_port})")
    print("2. A network is published in it")
    model = folder / "model"
    iodeep("pack", DEMO / "demo_network.onnx", "--recipe", DEMO / "recipe.json", "--out", model)
    iodeep("push", model, pacs.source)
    settings, port = folder / "iodeep.toml", free_port()
    settings.write_text(
        SETTINGS.format(pacs=pacs.source, folder=str(folder / "service"), port=port), "utf-8"
    )
    page = f"http://127.0.0.1:{port}"
    print(f"3. The service beside it; its page: {page}")
    call = [*IODEEP, "serve", "--config", str(settings)]
    with subprocess.Popen(call, stderr=subprocess.PIPE) as service:
        try:
            assert service.stderr is not None
            threading.Thread(target=repeat, args=[service.stderr], daemon=True).start()
            queue = Database(folder / "service" / "queue.db")
            # It leaves alone what was in the PACS before it came.
            while service.poll() is None and not queue.ask("SELECT * FROM cursors"):
                time.sleep(0.1)
            study = send(pacs, folder / "study")
            while service.poll() is None and not {"SEG", "SR"} <= modalities(pacs, study):
                time.sleep(0.5)
            if service.poll() is not None:
                return 1
            print("5. What stands in the PACS now, in the same study:")
            for series in series_of(pacs, study):
                tags, count = series["MainDicomTags"], len(series["Instances"])
                print(f"   {tags['Modality']:4} {count:3}  {tags.get('SeriesDescription', '')}")
            if not once:
                print(f"The page: {page}    Send more to the PACS; Ctrl-C ends all of it.")
                service.wait()
        finally:
            service.terminate()
    return 0


def iodeep(*arguments: object) -> None:
    """A command, as a person gives it."""
    subprocess.run([*IODEEP, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def send(pacs: Orthanc, folder: Path) -> str:
    """Send the study of the demonstration as a modality does; its UID."""
    print("4. A study comes, by storescu")
    folder.mkdir()
    for path in sorted((DEMO / "mr_t1").iterdir()):
        image = pydicom.dcmread(path)
        image.Manufacturer = "A scanner"  # what IODeep itself has made starts nothing
        image.save_as(folder / path.name)
    address = ["-aec", pacs.aet, "127.0.0.1", str(pacs.dicom_port)]
    subprocess.run(["storescu", *address, *map(str, sorted(folder.iterdir()))], check=True)
    return str(image.StudyInstanceUID)


def repeat(lines: IO[bytes]) -> None:
    """Say what the service says, in words."""
    with suppress(ValueError):  # it has ended, and what it said it by is closed
        for line in lines:
            repeat_line(line)


def repeat_line(line: bytes) -> None:
    """Say one thing that it says."""
    try:
        said = json.loads(line)
    except ValueError:
        print(line.decode("utf-8", "replace").rstrip(), file=sys.stderr)
        return
    facts = [f"{said[key]}" for key in ("model", "at", "why") if key in said]
    seconds = [f"{said['seconds']} s"] if "seconds" in said else []
    print("   " + ": ".join([said["event"], *filter(None, [", ".join(facts + seconds)])]))


def series_of(pacs: Orthanc, study: str) -> list[dict]:
    """The series of a study, by what Orthanc itself says."""
    for one in json.loads(pacs.get("/studies?expand")):
        if one["MainDicomTags"]["StudyInstanceUID"] == study:
            with suppress(OSError):  # it has just changed
                return json.loads(pacs.get(f"/studies/{one['ID']}/series?expand"))
    return []


def modalities(pacs: Orthanc, study: str) -> set[str]:
    """Those of its series."""
    return {series["MainDicomTags"]["Modality"] for series in series_of(pacs, study)}


if __name__ == "__main__":
    sys.exit(main())
