"""What Prometheus is told: how much there is to do, how long runs take, and how much disk is left.

Nothing of it is of a patient.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from IODeepLib import __version__
from IODeepLib.service.durations import BOUNDS
from IODeepLib.service.hands import Hands
from IODeepLib.service.listing import Listing
from IODeepLib.service.states import State
from IODeepLib.service.web.access import allowed
from IODeepLib.service.web.settings import Role
from IODeepLib.service.web.site import site_of

router = APIRouter(include_in_schema=False)


@router.get("/metrics", dependencies=[Depends(allowed(Role.LOOK))])
def metrics(request: Request) -> Response:
    """All figures, in the text format."""
    registry = CollectorRegistry()
    registry.register(_Figures(site_of(request).hands))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """The figures of a service, as they are when somebody asks."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        listing = Listing(self._hands.database)
        info = GaugeMetricFamily("iodeep_up", "The service works.", labels=["version"])
        info.add_metric([__version__], 0 if self._hands.ending.is_set() else 1)
        yield info
        jobs = GaugeMetricFamily("iodeep_jobs", "Jobs by their state.", labels=["state"])
        for state, count in listing.jobs_by_state().items():
            jobs.add_metric([state.value], count)
        yield jobs
        waiting = listing.studies_by_state()[State.WAITING]
        yield GaugeMetricFamily("iodeep_studies_waiting", "Studies to be looked at.", waiting)
        free = shutil.disk_usage(self._hands.place.folder).free
        yield GaugeMetricFamily("iodeep_disk_free_bytes", "Free where the service works.", free)
        counts, total = self._hands.durations.so_far()
        names = [*map(str, BOUNDS), "+Inf"]
        yield HistogramMetricFamily(
            "iodeep_run_seconds",
            "How long runs took that ended well.",
            buckets=list(zip(names, counts, strict=True)),
            sum_value=total,
        )
