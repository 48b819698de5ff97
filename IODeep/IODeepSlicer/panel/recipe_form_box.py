"""The form that writes a recipe for a network that has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ctk
import qt
import slicer

from IODeepSlicer.panel.choices import fillModalities, fillRegions
from IODeepSlicer.panel.widgets import say, setTip
from IODeepSlicer.requirements import checkReading
from IODeepSlicer.scene.terms import terms
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.work.recipe_form import CLIPPED, Form, FormLabel, numbersIn, recipeOf

_TERM, _NAME, _COLOR = range(3)


class RecipeFormBox:
    """Reads the form among the widgets of Publish.ui, and saves what it says."""

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        fillModalities(ui.publishModalityComboBox)
        ui.publishRegionComboBox.addItem(_("any region"), "")
        table = ui.labelTable
        names = (_("What it is"), _("Name"), _("Color"))
        table.setColumnCount(len(names))
        table.setHorizontalHeaderLabels(names)
        table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
        table.horizontalHeader().setSectionResizeMode(_COLOR, qt.QHeaderView.ResizeToContents)
        ui.intensityComboBox.connect("currentIndexChanged(int)", self._onIntensity)
        ui.addLabelButton.connect("clicked()", self.addLabel)
        ui.removeLabelButton.connect("clicked()", self._removeLabel)
        ui.saveRecipeButton.connect("clicked()", self._onSave)
        say(ui.recipeFormLabel, "")
        self._onIntensity(ui.intensityComboBox.currentIndex)
        ui.publishCollapsibleButton.connect("contentsCollapsed(bool)", self._onCollapsed)

    def refresh(self) -> None:
        """The library, which has the regions, may be there now."""
        fillRegions(self.ui.publishRegionComboBox)

    def _onCollapsed(self, collapsed: bool) -> None:
        # Not before: the panel opens sooner without all terms of the terminology.
        if not collapsed and not self.ui.labelTable.rowCount:
            self.addLabel()

    def addLabel(self, term: str = "") -> None:
        """One more row, with a term of Slicer's terminology."""
        table = self.ui.labelTable
        row = table.rowCount
        table.insertRow(row)
        line, name, color = qt.QLineEdit(), qt.QLineEdit(), ctk.ctkColorPickerButton()
        line.placeholderText = _("type to search")
        setTip(line, _("A term of Slicer's terminology, which gives the DICOM codes"))
        completer = qt.QCompleter(sorted(terms()), line)
        completer.setCaseSensitivity(qt.Qt.CaseInsensitive)
        completer.setFilterMode(qt.Qt.MatchContains)
        line.setCompleter(completer)
        color.displayColorName = False
        color.color = qt.QColor(127, 127, 127)

        def onTerm(text: str) -> None:
            term = terms().get(text)
            if term is not None:
                name.text = text
                color.color = qt.QColor(*term.color)

        line.connect("textChanged(QString)", onTerm)
        for column, widget in ((_TERM, line), (_NAME, name), (_COLOR, color)):
            table.setCellWidget(row, column, widget)
        line.text = term

    def save(self, path: str | Path) -> None:
        """Write the recipe as JSON, and choose it.

        Raises:
            IODeepError: something is missing or impossible, or the file cannot be written.
        """
        from IODeepLib.disk.files import whole_file
        from IODeepLib.recipe import recipe_to_json

        text = recipe_to_json(recipeOf(self._read()))
        with whole_file(path) as file:
            file.write_text(text, encoding="utf-8")
        self.ui.recipePathLineEdit.currentPath = str(path)
        say(self.ui.recipeFormLabel, "")

    def _onSave(self) -> None:
        from IODeepLib.errors import IODeepError

        try:
            checkReading()
            recipe = recipeOf(self._read())
            path = qt.QFileDialog.getSaveFileName(
                slicer.util.mainWindow(),
                _("Save recipe"),
                f"{recipe.name}-{recipe.version}.json",
                _("Recipe (*.json)"),
            )
            if path:
                self.save(path)
        except IODeepError as error:
            say(self.ui.recipeFormLabel, errorText(error), RED)

    def _onIntensity(self, choice: int) -> None:
        self.ui.lowerSpinBox.enabled = self.ui.upperSpinBox.enabled = choice == CLIPPED

    def _removeLabel(self) -> None:
        table = self.ui.labelTable
        table.removeRow(table.currentRow() if table.currentRow() >= 0 else table.rowCount - 1)

    def _read(self) -> Form:
        ui = self.ui
        axisOrder = ui.axisOrderComboBox.currentText
        axes = len(axisOrder) - 2
        return Form(
            name=ui.nameLineEdit.text.strip(),
            version=ui.versionLineEdit.text.strip(),
            title=ui.titleLineEdit.text.strip(),
            publisher=ui.publisherLineEdit.text.strip(),
            license=ui.licenseLineEdit.text.strip(),
            intended_use=ui.intendedUseLineEdit.text.strip(),
            modality=ui.publishModalityComboBox.currentText,
            region=ui.publishRegionComboBox.currentData,
            axis_order=axisOrder,
            orientation=ui.orientationComboBox.currentText,
            spacing=numbersIn(ui.spacingLineEdit.text, float, axes),
            patch_size=numbersIn(ui.patchLineEdit.text, int, axes),
            intensity=ui.intensityComboBox.currentIndex,
            lower=ui.lowerSpinBox.value,
            upper=ui.upperSpinBox.value,
            decision=ui.decisionComboBox.currentIndex,
            labels=tuple(self._label(row) for row in range(ui.labelTable.rowCount)),
        )

    def _label(self, row: int) -> FormLabel:
        from IODeepLib.errors import RecipeError

        line, name, color = (self.ui.labelTable.cellWidget(row, column) for column in range(3))
        term = terms().get(line.text)
        if term is None:
            raise RecipeError(
                f"label {row + 1} is {line.text!r}",
                "a term of Slicer's terminology",
                "type part of the name and choose from the list",
            )
        rgb = color.color
        return FormLabel(name.text.strip(), term.codes, (rgb.red(), rgb.green(), rgb.blue()))
