from typing import Any

class AbstractScriptedSubjectHierarchyPlugin:
    def __init__(self, scriptedPlugin: Any) -> None: ...
