"""What was found as a DICOM SR, PS3.16 TID 1500.

report = report_segments(measurements, series, provenance, seg)
report.save("report.dcm")

Docs/results.md says what it holds, and how other software reads it.
"""

from IODeepLib.results.sr.report import Report, SrType, report_judgment, report_segments

__all__ = ["Report", "SrType", "report_judgment", "report_segments"]
