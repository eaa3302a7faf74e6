"""Grafana dashboards, Prometheus rules and provisioning, built from code."""
