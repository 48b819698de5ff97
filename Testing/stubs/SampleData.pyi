from typing import Any

class SampleDataLogic:
    @staticmethod
    def registerCustomSampleDataSource(**source: Any) -> None: ...
