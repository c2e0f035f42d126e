"""The nervous system: bus, contracts, registry, wiring, settings, orchestrator, health, logs."""
