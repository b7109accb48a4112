"""healthz: what is well and what is not, namespace by namespace, for people, probes and programs.

model       metrics, namespaces, the report                          (values)
writers     the report as `json`, `console` or `k8s`                 (pure)
query       which collectors are meant, and which form               (pure)
collecting  each collector in a thread of its own, with a deadline
tree, children, disk   the collectors that every tree has
service     the plug-in: `/healthz`, `/readiness`, `otpsup healthz`

The forms are those of BK-LOG's health check (https://github.com/TencentBlueKing/bk-log); `k8s` is
like what Kubernetes' API server says (https://kubernetes.io/docs/reference/using-api/health-checks/).
"""

from __future__ import annotations

from .model import Metric as Metric
from .model import Namespace as Namespace
from .model import Report as Report
from .model import report_of as report_of
