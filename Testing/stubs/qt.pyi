"""What IODeep uses of PythonQt, for mypy: classes and constants.

What an object answers to, PythonQt makes at run time of its signals, slots and properties.
"""

from typing import Any

class _Object:
    def __init__(self, *arguments: Any) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...

class QWidget(_Object):
    @staticmethod
    def setTabOrder(first: QWidget, second: QWidget) -> None: ...

class QLayout(_Object): ...
class QComboBox(QWidget): ...
class QGroupBox(QWidget): ...
class QLabel(QWidget): ...
class QLineEdit(QWidget): ...
class QListWidget(QWidget): ...
class QListWidgetItem(_Object): ...
class QPlainTextEdit(QWidget): ...
class QTableWidget(QWidget): ...
class QTableWidgetItem(_Object): ...
class QDialog(QWidget): ...
class QVBoxLayout(QLayout): ...
class QCompleter(_Object): ...
class QAction(_Object): ...
class QBrush(_Object): ...
class QPen(_Object): ...
class QPixmap(_Object): ...
class QRect(_Object): ...

class QColor(_Object):
    @staticmethod
    def fromRgbF(red: float, green: float, blue: float) -> QColor: ...

class QIcon(_Object):
    Selected: int

class QPainter(_Object):
    Antialiasing: int

class QTimer(_Object):
    @staticmethod
    def singleShot(milliseconds: int, function: Any) -> None: ...

class QSettings(_Object): ...
class QShortcut(_Object): ...

class QKeySequence(_Object):
    NativeText: int

class QApplication(_Object):
    @staticmethod
    def style() -> Any: ...

class QStyle(_Object):
    SP_BrowserReload: int
    SP_DirOpenIcon: int

class QSizePolicy(_Object):
    Preferred: int

class QHeaderView(_Object):
    Fixed: int
    ResizeToContents: int
    Stretch: int

class QAbstractItemView(_Object):
    NoEditTriggers: int
    NoSelection: int
    SelectRows: int
    ExtendedSelection: int
    SingleSelection: int

class QMessageBox(QDialog):
    Question: int
    AcceptRole: int
    ActionRole: int
    RejectRole: int
    Warning: int
    Cancel: int

class QFileDialog(QDialog):
    @staticmethod
    def getExistingDirectory(parent: Any, caption: str, directory: str = ...) -> str: ...
    @staticmethod
    def getOpenFileName(
        parent: Any, caption: str, directory: str = ..., filter: str = ...
    ) -> str: ...
    @staticmethod
    def getSaveFileName(
        parent: Any, caption: str, directory: str = ..., filter: str = ...
    ) -> str: ...

class Qt:
    AccessibleTextRole: int
    AlignCenter: int
    AlignRight: int
    ItemIsEnabled: int
    AlignVCenter: int
    AutoText: int
    CaseInsensitive: int
    ElideMiddle: int
    Checked: int
    MatchContains: int
    NoPen: int
    PlainText: int
    RichText: int
    RoundCap: int
    TabFocus: int
    ScrollBarAlwaysOff: int
    Unchecked: int
    UserRole: int
    WA_DeleteOnClose: int
