"""Far services: their protocols, no bus."""
