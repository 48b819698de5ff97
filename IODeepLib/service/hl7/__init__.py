"""Messages of HL7 version 2 that say of which study there is news.

Read is what leads to the study, in a few lines of our own: a library for HL7 would read all of the
message, and there is nothing in it that the service is to know.
"""
