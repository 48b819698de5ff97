"""A PACS over DIMSE, which pynetdicom speaks.

Of pynetdicom are the protocol machine, its PDUs, the negotiation and all encoding. What it offers
to callers (`send_c_get` and the like) is not used: an object would be whole in memory, or in a file
among the temporary ones, before it is looked at; whether it is so are flags of the whole process,
which may be Slicer with others in it who use pynetdicom; a peer that stalls within a PDU would be
waited for without end; and identifiers, with the names of patients, would go to the log.
"""

from IODeepLib.sources.dimse.archive import DimseArchive

__all__ = ["DimseArchive"]
