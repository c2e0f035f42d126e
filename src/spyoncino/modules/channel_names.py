"""Names of channels in settings: whether there is such a channel, and whether it tells anybody."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from spyoncino.core.config_layers import Location
from spyoncino.core.contracts import Misfit, ModuleSettings
from spyoncino.core.registry import Registry
from spyoncino.modules.delivery import DeliveryModule
from spyoncino.modules.delivery_settings import DeliverySettings

Sections = Mapping[str, ModuleSettings]


def channel_misfits(
    names: Iterable[str], place: Location, sections: Sections, registry: Registry
) -> Iterator[Misfit]:
    """What is wrong with a list of channels.

    Args:
        names: As somebody wrote them.
        place: Of the list, below its section.
        sections: All sections, which say what is enabled.
        registry: The modules; where one could not be loaded, it may be the missing channel.
    """
    known = {
        module.channel: module.section
        for module in registry.modules
        if issubclass(module, DeliveryModule)
    }
    for name in names:
        section = sections.get(known.get(name, ""))
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(known)}"
            sentence = f'there is no channel "{name}"; {hint}'
            yield Misfit(place, sentence, is_refused=not registry.failures)
        elif isinstance(section, DeliverySettings) and not section.enabled:
            sentence = f"{name} tells nobody, because {known[name]}.enabled is false"
            yield Misfit(place, sentence)
