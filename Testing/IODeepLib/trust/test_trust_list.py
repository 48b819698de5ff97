"""Two files say whom this machine believes; mistakes in them are said with their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from makers.certificates import made, revocation_list
from makers.trust_lists import entry, toml

from IODeepLib.errors import UsageError
from IODeepLib.trust.policy import Policy
from IODeepLib.trust.trust_list import read_trust_list

ONE, TWO = made("CN=One", authority=True), made("CN=Two")
Files = tuple[Path, Path]


def test_nobody_said_anything(files: Files) -> None:
    found = read_trust_list()
    assert (found.policy, found.policy_file, found.entries) == (Policy.WARN, None, ())


def test_servers_and_trust_share_a_file(files: Files) -> None:
    files[1].write_text("[servers.pacs]\nurl = 'dimse://A@h:1'\n[trust]\npolicy = 'off'\n")
    assert read_trust_list().policy is Policy.OFF


@pytest.mark.parametrize(
    ("site", "own", "policy"),
    [
        (None, None, "warn"),
        (None, "off", "off"),
        (None, "require", "require"),
        ("warn", "off", "warn"),
        ("warn", "require", "require"),
        ("off", None, "off"),
        ("off", "warn", "warn"),
        ("require", None, "require"),
        ("require", "off", "require"),
        ("require", "warn", "require"),
    ],
)
def test_of_two_policies_the_stricter_one_counts(
    files: Files, site: str | None, own: str | None, policy: str
) -> None:
    for path, said in zip(files, (site, own), strict=True):
        if said:
            path.write_text(toml(policy=said))
    found = read_trust_list()
    assert found.policy == policy
    assert found.policy_file == next(
        (p for p in files if p.exists() and policy in p.read_text()), None
    )


def test_where_the_site_requires_it_alone_says_who_is_believed(files: Files) -> None:
    site, own = files
    own.write_text(
        toml(
            entry("mine", TWO.pem),
            policy="off",
            believe_first_seen=True,
            revoked=["AA:BB"],
        )
    )
    for policy, names in (("warn", ["theirs", "mine"]), ("require", ["theirs"])):
        site.write_text(toml(entry("theirs", ONE.pem), policy=policy))
        found = read_trust_list()
        assert [one.name for one in found.entries] == names
        assert found.first_seen == (policy == "warn")
        assert found.site_alone == (policy == "require")
        assert found.revoked == {"aabb"}  # who believes less than the site may
        assert found.policy_file == site


def test_no_environment_leads_around_the_site(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files[0].write_text(toml(policy="require"))
    other = tmp_path / "other.toml"
    other.write_text(toml(entry("mine", TWO.pem), policy="off"))
    for variable in ("IODEEP_CONFIG", "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(variable, str(other if variable == "IODEEP_CONFIG" else tmp_path))
        found = read_trust_list()
        assert (found.policy, found.entries) == (Policy.REQUIRE, ())


def test_the_file_for_all_users_is_where_only_the_system_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()  # what these tests put in its place
    from IODeepLib.disk.settings_file import site_wide_file

    monkeypatch.setenv("XDG_CONFIG_DIRS", "/mine")
    assert site_wide_file() == Path("/etc/iodeep.toml")


def test_the_users_own_file_may_be_that_of_all_users(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files[0].write_text(toml(entry("one", ONE.pem), policy="require"))
    monkeypatch.setenv("IODEEP_CONFIG", str(files[0]))
    assert [one.name for one in read_trust_list().entries] == ["one"]


def test_paths_are_as_seen_from_the_file(files: Files, tmp_path: Path) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    ONE.write(folder / "one.pem")
    (folder / "two.der").write_bytes(TWO.der)
    (folder / "one.crl").write_bytes(revocation_list(ONE))
    lines = "".join(
        f"[[trust.certificates]]\nname = 'a'\ncertificate = '{name}'\n"
        for name in ("trusted/one.pem", folder / "two.der")
    )
    files[1].write_text(f"trust.crls = ['trusted/one.crl']\n{lines}")
    found = read_trust_list()
    assert [one.certificates[0].subject for one in found.entries] == ["CN=One", "CN=Two"]
    assert found.lists[0].issuer == "CN=One"


MISTAKES = {
    "no TOML": ("[trust\n", "own.toml cannot be read (Expected ']' at the end of a table decl"),
    "the line of it": ("[trust]\n\npolicy = warn\n", "at line 3"),
    "an unknown policy": (
        toml(policy="strict"),
        'trust.policy: "strict"; wanted: one of off, warn, require',
    ),
    "an unknown key": (
        toml(polcy="warn"),
        "trust.polcy: a key that is not known here; wanted: one",
    ),
    "a table that is none": ("trust = 5", "trust: 5; wanted: a table"),
    "no name": (
        "[[trust.certificates]]\ncertificate = 'a.pem'\n",
        "trust.certificates[0].name: nothing; wanted: a value",
    ),
    "no certificate": ("[[trust.certificates]]\nname = 'a'\n", "trust.certificates[0].certificate"),
    "a list of texts that is one": (
        toml(entry("a", ONE.pem, models="liver")),
        'trust.certificates[0].models: "liver"; wanted: a list',
    ),
    "a date in quotation marks": (
        toml(entry("a", ONE.pem, since="2026-01-32")),
        'since: "2026-01-32"; wanted: a date without quotation marks, such as 2026-12-31',
    ),
    "no file": (
        toml("[[trust.certificates]]", "name = 'a'", "certificate = 'gone.pem'"),
        "trust.certificates, number 1 (a), certificate: ",
    ),
    "no certificate in the text": (
        toml(entry("a", ONE.pem.replace("M", "?"))),
        "certificate: the text there is no certificate that can be read",
    ),
    "a region that there is not": (
        toml(entry("a", ONE.pem), entry("b", TWO.pem, regions=["LIVERR"])),
        "trust.certificates, number 2 (b), regions: 'LIVERR'; wanted: a Body Part Examined term",
    ),
    "a subject that is none": (
        toml(entry("a", ONE.pem, subjects=["Hospital"])),
        "subjects: 'Hospital'; wanted: 'CN=Radiology,O=University Hospital'",
    ),
    "a list that is none": (toml(crls=["one.crl"]), "trust.crls, number 1: "),
    "a number that is none": (toml(revoked=["forty"]), 'trust.revoked[0]: "forty"'),
    "a time stamping authority that is not there": (
        toml(time_stamps=["tsa.pem"]),
        "trust.time_stamps, number 1: ",
    ),
    "one key under two names": (
        toml(entry("a", ONE.pem), entry("b", ONE.pem)),
        "trust.certificates 'b': the key that 'a' in ",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said_with_its_place(name: str, files: Files) -> None:
    text, words = MISTAKES[name]
    for path in files:
        for each in files:
            each.unlink(missing_ok=True)
        files[1].touch()
        path.write_text(text)
        with pytest.raises(UsageError) as error:
            read_trust_list()
        assert words.replace("own.toml", path.name) in str(error.value).replace(
            "own.toml", path.name
        )
        assert str(error.value).startswith(str(path))
        assert "\n" not in str(error.value)


def test_a_list_that_everybody_may_write(files: Files) -> None:
    files[1].write_text(toml(entry("a", ONE.pem)))
    files[1].chmod(0o646)
    with pytest.raises(UsageError, match=r"everybody may write.*chmod o-w"):
        read_trust_list()


def test_a_list_that_cannot_be_read_is_not_passed_over(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_privileges
) -> None:
    """Or else whoever takes away the permission would take away the policy."""
    from IODeepLib.disk import settings_file

    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "site.toml").write_text(toml(policy="require"))
    monkeypatch.setattr(settings_file, "site_wide_file", lambda: folder / "site.toml")
    folder.chmod(0)
    with without_privileges(), pytest.raises(UsageError, match="Permission denied"):
        read_trust_list()
    folder.chmod(0o700)


def test_the_file_that_is_named_has_to_be_there(files: Files) -> None:
    files[1].unlink()
    with pytest.raises(UsageError, match="correct IODEEP_CONFIG"):
        read_trust_list()
