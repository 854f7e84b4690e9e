"""A process that hands one alert to its channels, and ends: `python -m worknet.node.operations.alerting`.

apprise takes more than 20 MiB that a worker would keep for good, so it lives here, for seconds. What is to
be sent comes as JSON on standard input, since the channels' addresses are secrets; the exit code says how it
went. A channel that fails is tried again, and keeps none of the others from getting theirs.
"""

import json
import sys
import time

DONE = 0
NOT_ALL = 3
NO_CHANNEL = 4

TRIES = 3
PAUSE_SECONDS = 3.0


def main() -> int:
    """Sends what stands on standard input: {"urls": [...], "title": ..., "body": ..., "kind": ...}."""
    alert = json.load(sys.stdin)
    import apprise  # Where it is used: nothing else of this module may cost what it costs.

    # Its own log would quote the addresses.
    asset = apprise.AppriseAsset(app_id="worknet", app_desc="worknet", secure_logging=True)
    channels = [apprise.Apprise.instantiate(url, asset=asset) for url in alert["urls"]]
    waiting = [channel for channel in channels if channel is not None]
    for tried in range(TRIES):
        if tried:
            time.sleep(PAUSE_SECONDS)
        waiting = [
            channel
            for channel in waiting
            if not channel.notify(
                title=alert["title"], body=alert["body"], notify_type=apprise.NotifyType(alert["kind"])
            )
        ]
        if not waiting:
            return NO_CHANNEL if None in channels else DONE
    return NOT_ALL


if __name__ == "__main__":
    sys.exit(main())
