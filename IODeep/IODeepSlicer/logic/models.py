"""What scripts ask of models: which there are, and how they come and go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepSlicer.work.waiting import wait
from IODeepSlicer.work.worker_process import slicerPython

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepSlicer.sources.models import FoundModels
    from IODeepSlicer.work.convert_job import Conversion
    from IODeepSlicer.work.converting import Converting, Looking
    from IODeepSlicer.work.importing import Gathering
    from IODeepSlicer.work.listing import Listing


class Models:
    """The part of the module's logic that finds, publishes and imports."""

    def findModels(self, source: str | Path | None = None) -> FoundModels:
        """The models in the DICOM database and, if one is given, in one more source.

        :param source: a folder, with those below it; or a server, by its name in iodeep.toml or in
            Slicer's DICOM module or its address (see Docs/pacs.md), from which only cards are
            fetched.
        :return: an object with `models`, `sources`, `problems` and `retired`.
        """
        from IODeepSlicer.requirements import checkReading
        from IODeepSlicer.sources.models import findModels
        from IODeepSlicer.sources.servers import isServer

        checkReading()
        if not source or not isServer(source):
            return findModels(source)
        listing = self.startListing(source)
        wait(listing)
        return findModels(cards=listing.outcome())

    def startListing(self, server: str | Path) -> Listing:
        """Ask a server for its models in a process of its own, and return at once.

        Poll it until it is over; its outcome are the files of the cards, and of the notices that
        some are retired.
        """
        from IODeepSlicer.sources.servers import addressOf, checkFor
        from IODeepSlicer.work.listing import Listing

        checkFor(server)
        return Listing(slicerPython(), addressOf(server))

    def publish(self, onnxFile: str | Path, recipeFile: str | Path) -> Model:
        """Write a network as card and weights into the DICOM database, once it is tried out.

        :return: the model; the one that is there already, if it is the very same.
        """
        from IODeepSlicer.work.publishing import finishPacking, startPacking

        packing = startPacking(onnxFile, recipeFile)
        wait(packing)
        return finishPacking(packing)

    def startLooking(self, conversion: Conversion, python: str = "") -> Looking:
        """Begin to see what a trained network of another program says of itself.

        Poll it until it is over; its outcome has the recipe so far and what is to be answered.

        :param conversion: which network, and what is known beside it.
        :param python: the interpreter that reads it, with PyTorch; "" for Slicer's own.
        """
        from IODeepSlicer.work.converting import Looking

        return Looking(python, conversion)

    def startConverting(self, conversion: Conversion, python: str = "") -> Converting:
        """Begin to bring a trained network of another program into the DICOM database.

        Poll it until it is over, then `finishImport`.
        """
        from IODeepSlicer.requirements import checkRequirements
        from IODeepSlicer.work.converting import startConverting

        checkRequirements()
        return startConverting(python, conversion)

    def importNetwork(
        self,
        path: str | Path,
        answers: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        python: str = "",
    ) -> Model:
        """Bring a trained network of nnU-Net or MONAI into the DICOM database, and wait for it.

        :param path: its folder or ZIP file, or an ONNX file.
        :param answers: what it does not say, by its place in the recipe, such as
            {"input.orientation": "RAS"}; if something lacks, the error names all of it.
        :param options: what of it is taken: "folds", "configuration" and "previous_stage" of
            nnU-Net; "labels" of an ONNX file, names with commas between them.
        :param python: the interpreter that reads it, with PyTorch; "" for Slicer's own.
        """
        from IODeepSlicer.work.convert_job import Conversion

        given = [f"{place}={value}" for place, value in (answers or {}).items()]
        conversion = Conversion(Path(path).absolute(), dict(options or {}), given)
        converting = self.startConverting(conversion, python)
        wait(converting)
        (model,) = self.finishImport(converting)
        return model

    def startImport(self, path: str | Path) -> Gathering:
        """Begin to bring the models in a folder or ZIP file into the DICOM database.

        Poll it until it is over, then `finishImport`. Only networks are taken, and those of which
        all parts are there are verified.
        """
        from IODeepSlicer.requirements import checkReading
        from IODeepSlicer.work.importing import startGathering
        from IODeepSlicer.work.job import Origin

        checkReading()
        return startGathering(Origin(path=Path(path).absolute()))

    def startGetting(self, model: Model, server: str | Path) -> Gathering:
        """Begin to bring a model of a server, with its weights, into the DICOM database.

        Poll it until it is over, then `finishImport`.
        """
        from IODeepSlicer.sources.servers import addressOf, checkFor
        from IODeepSlicer.work.importing import startGathering
        from IODeepSlicer.work.job import Origin

        checkFor(server)
        card = model.card.sop_instance_uid
        return startGathering(Origin(server=addressOf(server), card=card))

    def finishImport(self, gathering: Gathering | Converting) -> tuple[Model, ...]:
        """The models that came, as the DICOM database has them now."""
        from IODeepSlicer.work.importing import finishModels

        return finishModels(gathering)

    def importModels(self, path: str | Path) -> tuple[Model, ...]:
        """Bring the models in a folder or ZIP file into the DICOM database."""
        gathering = self.startImport(path)
        wait(gathering)
        return self.finishImport(gathering)

    def getModel(self, model: Model, server: str | Path) -> Model:
        """Bring a model of a server, with its weights, into the DICOM database."""
        gathering = self.startGetting(model, server)
        wait(gathering)
        (found,) = self.finishImport(gathering)
        return found
