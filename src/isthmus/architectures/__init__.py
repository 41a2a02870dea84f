"""The networks around the bottleneck: one file per kind."""
