"""Request Tracker 5: tickets, articles and the links between them, read through REST 2."""

from kpulse_connectors.request_tracker.connector import RequestTracker as RequestTracker
from kpulse_connectors.request_tracker.settings import RequestTrackerSettings as RequestTrackerSettings
