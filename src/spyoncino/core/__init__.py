"""The nervous system: bus, contracts, registry, wiring, configuration, orchestrator, health, logs, decisions."""
