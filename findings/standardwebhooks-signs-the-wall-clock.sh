#!/usr/bin/env bash
# standardwebhooks 1.1.0, the Python library of the Standard Webhooks specification.
#
# `Webhook.sign(msg_id, timestamp, data)` takes a datetime, and the specification signs its seconds since 1970,
# which stand in the header `webhook-timestamp`, too.
# A good guess: an aware datetime means the same in whatever zone it is given.
# Seen: the zone is replaced by UTC, not converted. Signed at 10:00 in Shanghai, the signature is that of 10:00 UTC,
# eight hours later, and the library's own `verify` refuses the message; the same moment in UTC is accepted.
#
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check standardwebhooks==1.1.0 tzdata
"$folder/bin/python" - <<'PYTHON'
import base64
from datetime import UTC, datetime
from importlib.metadata import version
from zoneinfo import ZoneInfo

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook("whsec_" + base64.b64encode(b"a secret for this script alone").decode())
now = datetime.now(UTC).replace(microsecond=0)


def is_accepted(moment: datetime) -> bool:
    """Signed at that moment, with the header that belongs to it."""
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": webhook.sign("msg_1", moment, "{}"),
    }
    try:
        webhook.verify("{}", headers)
    except WebhookVerificationError as error:
        print(f"{moment.isoformat()}: refused, {error}")
        return False
    print(f"{moment.isoformat()}: accepted")
    return True


print("standardwebhooks", version("standardwebhooks"))
assert is_accepted(now), "UTC is refused now"
assert not is_accepted(now.astimezone(ZoneInfo("Asia/Shanghai"))), "another zone is accepted now"
PYTHON
