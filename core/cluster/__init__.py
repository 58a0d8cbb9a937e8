"""The Ray room: the driver process of a cluster, and what it starts on the cluster's nodes.

Started by name (`python -m core.cluster`) by `core.runs.elsewhere` and imported by nobody; only it imports ray.
"""
