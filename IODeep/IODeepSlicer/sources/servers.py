"""The servers that a person can name: those of iodeep.toml, and those of Slicer's DICOM module.

The processes that ask them have no Slicer: they are handed an `Address`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepSlicer.requirements import (
    FOR_DIMSE,
    READING,
    checkReading,
    checkRequirements,
    ensureRequirements,
)
from IODeepSlicer.text.messages import errorText

if TYPE_CHECKING:
    from IODeepLib.sources import Source

# The words that name a server, or what Slicer knows of it: keywords of IODeepLib's `Server`.
Address = str | dict[str, Any]


def serverNames() -> tuple[list[str], str]:
    """The names that can be chosen, and what is wrong with iodeep.toml; "" if nothing is."""
    from IODeepLib.errors import UsageError
    from IODeepLib.sources.settings import read_settings

    names, problem = [], ""
    try:
        names = read_settings().names
    except UsageError as error:
        problem = errorText(error)
    return [*names, *(name for name in _ofSlicer() if name not in names)], problem


def serviceNames() -> tuple[list[str], str]:
    """The services that iodeep.toml names, and what is wrong with it; "" if nothing is."""
    from IODeepLib.errors import UsageError
    from IODeepLib.sources.settings import read_settings

    try:
        return read_settings().services, ""
    except UsageError as error:
        return [], errorText(error)


def addressOf(words: str | Path) -> Address:
    """How another process reaches what `words` name; iodeep.toml goes before Slicer's list.

    Raises:
        UsageError: iodeep.toml is of no use.
    """
    from IODeepLib.sources.settings import read_settings

    words = str(words)
    return words if words in read_settings().names else _ofSlicer().get(words, words)


def sourceAt(address: Address) -> Source:
    """The source at an address.

    Raises:
        InputError: there is none.
        UsageError: the address, or what iodeep.toml says of it, is wrong.
    """
    from IODeepLib.sources.find import archive_of, source_of
    from IODeepLib.sources.pacs import PacsSource
    from IODeepLib.sources.settings import Server, read_settings

    if isinstance(address, str):
        return source_of(address)
    return PacsSource(archive_of(Server(**address)), read_settings().cache())


def wordsOf(address: Address) -> str:
    """An address as the command line takes it."""
    return address if isinstance(address, str) else address["url"]


def isServer(words: str | Path) -> bool:
    """Whether what `words` name is asked over a network; here, nobody is asked.

    Raises:
        InputError: it is neither a folder nor a server.
        UsageError: its address, or what iodeep.toml says of it, is wrong.
    """
    from IODeepLib.sources.folder import FolderSource

    address = addressOf(words)
    if neededFor(words):
        return True  # whether what it needs is there or not
    return not isinstance(sourceAt(address), FolderSource)


def neededFor(words: str | Path) -> tuple[str, ...]:
    """The Python packages that asking there needs beside `READING`.

    Raises:
        UsageError: what iodeep.toml says of it is wrong.
    """
    from IODeepLib.sources.settings import read_settings

    server = read_settings().server(wordsOf(addressOf(words)))
    return FOR_DIMSE if server is not None and server.url.startswith("dimse:") else ()


def checkFor(words: str | Path) -> None:
    """Do nothing if all is there that asking there needs; never ask, never install.

    Raises:
        RequirementsError: something lacks or is too old.
        UsageError: what iodeep.toml says of it is wrong.
    """
    checkReading()  # with which iodeep.toml is read
    checkRequirements(neededFor(words))


def ensureFor(words: str | Path) -> None:
    """Install what asking there needs and what lacks, after a question.

    Raises:
        RequirementsError: the user declined, or it could not be installed.
        UsageError: what iodeep.toml says of it is wrong.
    """
    ensureRequirements(READING)  # with which iodeep.toml is read
    ensureRequirements(neededFor(words))


def ensureToRun(server: str | Path | None) -> None:
    """Install what running a network needs and what lacks, weights from a server included.

    Raises:
        RequirementsError: the user declined, or it could not be installed.
        UsageError: what iodeep.toml says of the server is wrong.
    """
    ensureRequirements()
    if server:
        ensureFor(server)


def _ofSlicer() -> dict[str, dict[str, Any]]:
    """The servers that are ticked in Slicer's DICOM module for anything, by name."""
    import slicer

    try:
        browserWidget = slicer.modules.dicom.widgetRepresentation().self().browserWidget
        browser = browserWidget.dicomVisualBrowser
    except AttributeError:  # the module is switched off
        return {}
    servers = [browser.server(index) for index in range(browser.serversCount())]
    return {
        server.connectionName: _keywords(server, browser)
        for server in servers
        if server.queryRetrieveEnabled or server.storageEnabled
    }


def _keywords(server: Any, browser: Any) -> dict[str, Any]:
    url = f"dimse://{server.calledAETitle}@{server.host}:{server.port}"
    if server.retrieveProtocolAsString() == "CMOVE":
        # The server knows under which title and at which port Slicer receives.
        return {"url": url, "aet": browser.storageAETitle, "receive_port": browser.storagePort}
    return {"url": url, "aet": server.callingAETitle}
