"""PixelMed's validator of structured reports, in one process: its rules take seconds to load.

    python Testing/pixelmed.py JAR REPORT...

prints a JSON object: what it says of each file. PixelMed is Java; JPype starts it.
"""

from __future__ import annotations

import json
import sys

import jpype

# Its rules are more than what Java takes by default since 2022.
LIMITS = [f"-Djdk.xml.{name}=0" for name in ("xpathExprGrpLimit", "xpathExprOpLimit")]
LIMITS += ["-Djdk.xml.xpathTotalOpLimit=0"]
# Whatever takes long is done once: a compiler that optimizes comes too late.
QUICK = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]


def main(jar: str, reports: list[str]) -> None:
    jpype.startJVM(*QUICK, *LIMITS, classpath=[jar])
    validator = jpype.JClass("com.pixelmed.validate.DicomSRValidator")()
    print(json.dumps({path: str(validator.validate(path)) for path in reports}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
