"""The system inside another program: start it, ring, see how it is, stop it."""

if __name__ == "__main__":  # cameras and workers are processes that import this file again
    from spyoncino.integration import OrchestratorManager

    door = {"source": {"type": "sim"}, "doorbell": "front"}
    manager = OrchestratorManager({"cameras": {"door": door}, "data_dir": "embed-data"})
    manager.register_event_callback("event.created", lambda data: print(data["event"].type))
    with manager:
        print("rang:", manager.trigger_doorbell().success)
        print(manager.get_health_status().state, manager.orchestrator.pipeline_health_check())
