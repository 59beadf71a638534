# SPDX-License-Identifier: BSD-3-Clause
"""Switches side by side, on software ports: what perf/run is made of."""
