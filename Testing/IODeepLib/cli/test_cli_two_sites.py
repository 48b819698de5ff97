"""Two hospitals that trust each other's authority, and a stranger, at one real PACS.

The whole story, from keys to retirement; DCMTK's dcmsign is asked about every object on the way.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from command import Answer
from cryptography import x509
from makers.certificates import Made, made
from makers.published import DEMO, IMAGES, publish, recipe_of
from makers.signed_objects import dcmtk_agrees, write_key
from pacs.servers import Orthanc

from IODeepLib.disk import settings_file
from IODeepLib.recipe import recipe_to_json
from IODeepLib.trust.certificates import opened

Command = Callable[..., Answer]
EXTENSIONS = "basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\n"


@dataclass(frozen=True)
class Site:
    """A hospital or whoever else: a folder for its settings, its keys, its memory, its cache.

    Attributes:
        folder: it.
        authority: its own; None for whoever has none.
        iodeep: the command, as it is called there.
    """

    folder: Path
    authority: Made | None
    iodeep: Command

    def signing(self, name: str, organization: str, where: str = "key") -> tuple[object, ...]:
        """The options with which a new key of somebody there signs."""
        out = self.folder / where
        call = ("key", "new", name, "--organization", organization, "--no-pass-phrase")
        request = () if self.authority is None else ("--request",)
        assert self.iodeep(*call, *request, "--out", out).status == 0
        if self.authority is not None:
            self._certified(out)
        return "--sign", "--key", out / "key.pem", "--certificate", out / "certificate.pem"

    def _certified(self, folder: Path) -> None:
        """The authority makes a certificate of a request, with OpenSSL."""
        authority = self.authority.write(folder / "ca.pem")
        write_key(self.authority.key, folder / "ca.key")
        (folder / "extensions").write_text(EXTENSIONS)
        call = ["openssl", "x509", "-req", "-in", "request.pem", "-CA", authority, "-CAkey"]
        call += ["ca.key", "-CAcreateserial", "-days", "90", "-extfile", "extensions"]
        subprocess.run(
            [*call, "-out", "certificate.pem"], cwd=folder, check=True, capture_output=True
        )
        time.sleep(1)  # dcmsign: within its first second a certificate is not valid yet

    def believe(self, name: str, authority: Made) -> None:
        """Its administrator adds an authority, whose fingerprint somebody told by telephone."""
        path = authority.write(self.folder / f"{name}.pem")
        fingerprint = ("--fingerprint", opened(authority.der, "it").fingerprint)
        who = ("--name", name, "--subject", f"O={name}")
        assert self.iodeep("trust", "add", "--site", path, *fingerprint, *who).status == 0

    def listed(self, *options: object) -> dict[str, str]:
        """The verdict on each version in a source."""
        models = json.loads(self.iodeep("list", *options, "--json").out)["models"]
        return {f"{m['name']}@{m['version']}": m["trust"]["verdict"] for m in models}

    def chosen(self, source: str) -> str:
        """The version of `brain` that goes first."""
        (selection,) = json.loads(self.iodeep("select", IMAGES, "--models", source, "--json").out)
        return next(c["version"] for c in selection["candidates"] if c["name"] == "brain")


@pytest.fixture
def at(tmp_path: Path, iodeep: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Site]:
    """Makes a site; with an authority, one that requires trusted publishers."""

    def make(name: str, authority: Made | None = None) -> Site:
        folder = tmp_path / name
        folder.mkdir()
        if authority is not None:
            (folder / "site.toml").write_text("[trust]\npolicy = 'require'\n")
        (folder / "own.toml").touch()

        def there(*call: object) -> Answer:
            monkeypatch.setattr(settings_file, "site_wide_file", lambda: folder / "site.toml")
            monkeypatch.setenv("IODEEP_CONFIG", str(folder / "own.toml"))
            for what in ("cache", "memory", "outbox"):
                monkeypatch.setenv(f"IODEEP_{what.upper()}", str(folder / what))
            return iodeep(*call)

        return Site(folder, authority, there)

    return make


def certificate_of(signing: tuple[object, ...]) -> Made:
    """The certificate among the options with which somebody signs."""
    return Made(x509.load_pem_x509_certificate(Path(str(signing[-1])).read_bytes()), None)


def packed(site: Site, name: str, version: str, signing: tuple[object, ...], uid: str) -> Path:
    """A version, made and signed there."""
    recipe, out = site.folder / "recipe.json", site.folder / f"{name}-{version}"
    recipe.write_text(recipe_to_json(recipe_of(name, version, uid)))
    call = ("pack", DEMO / "demo_network.onnx", "--recipe", recipe, "--out", out)
    answer = site.iodeep(*call, *signing)
    assert answer.status == 0, answer
    return out


def studies(orthanc: Orthanc, folder: Path) -> dict[str, list[Path]]:
    """All objects that the PACS has, by their study, as it gives them out itself."""
    folder.mkdir()
    found: dict[str, list[Path]] = {}
    for name in json.loads(orthanc.get("/instances")):
        path = folder / f"{name}.dcm"
        path.write_bytes(orthanc.get(f"/instances/{name}/file"))
        found.setdefault(str(pydicom.dcmread(path).StudyInstanceUID), []).append(path)
    return found


def test_two_sites_and_a_stranger(
    orthanc: Orthanc, at: Callable[..., Site], tmp_path: Path
) -> None:
    pacs, dimse = orthanc.source, f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}"
    authorities = {name: made(f"CN=CA,O={name}", authority=True) for name in ("North", "South")}
    north, south = (at(name, authority) for name, authority in authorities.items())
    for site in (north, south):
        for name, authority in authorities.items():
            site.believe(name, authority)
    stranger = at("stranger")

    # Each publishes one, and each runs the other's: over DICOMweb and over DIMSE.
    in_north, in_south = north.signing("AI", "North"), south.signing("Physics", "South")
    brain, tissue = "2.25.1", "2.25.2"
    for site, name, version, key, uid in (
        (north, "brain", "1.2.0", in_north, brain),
        (south, "tissue", "2.0.0", in_south, tissue),
    ):
        assert site.iodeep("push", packed(site, name, version, key, uid), pacs).status == 0
    # A third party takes the name, the UID and the subject, and a higher version; and another one
    # signs nothing at all.
    theirs = stranger.signing("AI", "North")
    assert stranger.iodeep("push", packed(stranger, "brain", "99.0.0", theirs, brain), pacs)[0] == 0
    unsigned = publish(tmp_path / "nobody", "brain", "98.0.0", model_uid=brain).card.path.parent
    assert stranger.iodeep("push", unsigned, pacs).status == 0

    wanted = {
        "brain@1.2.0": "trusted",
        "brain@98.0.0": "unsigned",
        "brain@99.0.0": "unknown signer",
        "tissue@2.0.0": "trusted",
    }
    for site, source in ((north, pacs), (south, dimse)):
        assert site.listed(source) == wanted
        assert set(site.listed(source, "--trusted")) == {"brain@1.2.0", "tissue@2.0.0"}
        (selection,) = json.loads(site.iodeep("select", IMAGES, "--models", source, "--json").out)
        places = {f"{c['name']}@{c['version']}": c["place"] for c in selection["candidates"]}
        assert places == {
            "brain@1.2.0": 1,
            "tissue@2.0.0": 1,
            "brain@98.0.0": None,
            "brain@99.0.0": None,
        }
    call = ("run", IMAGES, "--models", dimse, "--model", "brain", "--out", south.folder / "out")
    answer = south.iodeep(*call, *in_south, "--store", pacs)
    assert answer.status == 0, answer
    document = json.loads((south.folder / "out" / "result.json").read_text())
    assert document["provenance"]["version"] == "1.2.0"
    assert document["provenance"]["trust"] == "trusted: North, CN=AI,O=North"
    shown = north.iodeep("show", south.folder / "out" / "report.dcm")
    assert "intact; by CN=Physics,O=South" in shown.out

    # dcmsign says the same of every card and every part of weights.
    keys, found = tmp_path / "keys", studies(orthanc, tmp_path / "objects")
    for one in json.loads(north.iodeep("list", pacs, "--json").out)["models"]:
        verdict, objects = one["trust"]["verdict"], found[one["study_instance_uid"]]
        assert len(objects) == 2
        for path in objects:
            assert dcmtk_agrees(path, keys, *authorities.values()) == (verdict == "trusted")
            if verdict == "unknown signer":  # it is as its signer, whoever that is, has left it
                assert dcmtk_agrees(path, keys, certificate_of(theirs))

    # North has a new key and a new certificate, and is who it was.
    renewed = north.signing("AI", "North", "renewed")
    newer = packed(north, "brain", "1.3.0", renewed, brain)
    assert north.iodeep("push", newer, pacs).status == 0
    assert south.chosen(dimse) == "1.3.0"

    # The stranger retires it, and then North itself does.
    retire = ("retire", "brain@1.3.0", pacs, "--reason")
    assert stranger.iodeep(*retire, "too good", *theirs).status == 0
    answer = south.iodeep("list", dimse)
    assert "brain@1.3.0 is withdrawn: too good, which nobody signed who may say so" in answer.err
    assert south.chosen(dimse) == "1.3.0"
    answer = north.iodeep(*retire, "bad on children", *in_north)
    assert answer.status == 0 and "is retired\n" in answer.out
    assert south.chosen(dimse) == "1.2.0"
    call = ("run", IMAGES, "--models", dimse, "--model", "brain@1.3.0", "--out", tmp_path / "no")
    answer = south.iodeep(*call)
    assert answer.status == 2
    assert "brain@1.3.0 is retired (withdrawn: bad on children)" in answer.err
    (study,) = (paths for paths in studies(orthanc, tmp_path / "then").values() if len(paths) == 4)
    agreed = [dcmtk_agrees(path, keys, *authorities.values()) for path in study]
    assert sorted(agreed) == [False, True, True, True]  # but for the stranger's notice
