"""What a connector's author tests with: a loopback server, faults to inject, and (in ``conformance``) the shared tests.

This package needs nothing beyond what Knowledge Pulse itself needs; only ``kpulse.sdk.testing.conformance`` wants pytest.
"""

from kpulse.sdk.testing.faults import FaultServer as FaultServer
from kpulse.sdk.testing.server import Handler as Handler
from kpulse.sdk.testing.server import LoopbackServer as LoopbackServer
from kpulse.sdk.testing.server import Request as Request
from kpulse.sdk.testing.server import Response as Response
from kpulse.sdk.testing.server import json_response as json_response
