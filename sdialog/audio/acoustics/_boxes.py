"""A room as pyroomacoustics wants it: walls, mouths, microphones, and how many reflections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics._engine import engine
from sdialog.audio.acoustics._tail import add_tail
from sdialog.audio.acoustics.air import SOUND_SPEED, through_air
from sdialog.audio.acoustics.measures import DIRECT_MS
from sdialog.audio.rooms.geometry import toward
from sdialog.audio.rooms.materials import BANDS, SURFACES
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.mouths import Mouth
from sdialog.audio.rooms.patterns import PATTERNS
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]

MAX_ORDER = 44
"""Reflections an image source may have at most: 118,000 images, about 15 ms for each pair of mouth and microphone."""

RAY_ORDER = 3
"""Reflections that are images in the hybrid method; the others are rays."""

LONGEST = 8.0
"""Seconds that a response has at most."""

HIGH_PASS = 30.0
"""Hz below which reverberation is taken out."""

_WALLS = {
    "left": "west",
    "right": "east",
    "front": "south",
    "back": "north",
    "floor": "floor",
    "ceiling": "ceiling",
}
_MOST_RAYS = 60_000


@dataclass(frozen=True, slots=True)
class Box:
    """What is simulated.

    Attributes:
        size: width, length and height in metres.
        absorption: energy absorption by surface and band; one number a surface if all bands are alike.
        scattering: likewise; only rays are scattered.
        mouths: who speaks.
        microphones: what listens.
        rate: samples a second.
        seconds: how long the responses have to be.
        rays: whether late reflections are rays in place of images.
        air: whether the air swallows sound.
        seed: of rays and of the diffuse end.
        streams: number of the diffuse end of each mouth; empty numbers them.
    """

    size: Sequence[float]
    absorption: dict[str, tuple[float, ...]]
    scattering: dict[str, tuple[float, ...]]
    mouths: Sequence[Mouth]
    microphones: Sequence[Microphone]
    rate: int
    seconds: float
    rays: bool = False
    air: bool = True
    seed: int = 0
    streams: Sequence[int] = field(default=())

    @property
    def order(self) -> int:
        """How often a sound may be reflected to be an image."""
        if self.rays:
            return RAY_ORDER
        return max(1, min(MAX_ORDER, int(self.seconds / self._step) + 3))

    @property
    def complete(self) -> float:
        """Seconds up to which every reflection is among the images.

        An image of order n is at least as far as the longest diagonal way through n - 2 whole rooms.
        """
        return max(0.0, (self.order - 2) * self._step)

    @property
    def _step(self) -> float:
        return float(sum(1.0 / side**2 for side in self.size) ** -0.5 / SOUND_SPEED)


def simulate(box: Box) -> tuple[Floats, int]:
    """Return the impulse responses of a box, and the samples in them before the sound leaves the mouths.

    Returns:
        Array of shape (mouths, microphones, n), and the lead.
    """
    numpy = need("numpy", extra="audio", why="simulate a room")
    with engine(box.seed) as pra:
        room = _built(box, pra)
        room.image_source_model()
        if not box.rays and box.complete < box.seconds:
            add_tail(room, box.complete, box.seconds, box.seed, box.streams or range(len(box.mouths)))
        room.compute_rir()
        lead = int(pra.constants.get("frac_delay_length")) // 2
    length = lead + max(2, round(box.seconds * box.rate))
    found = numpy.zeros((len(box.mouths), len(box.microphones), length), dtype=numpy.float32)
    for at, microphone in enumerate(box.microphones):
        for speaker in range(len(box.mouths)):
            response = numpy.asarray(room.rir[at][speaker])[:length]
            found[speaker, at, : len(response)] = microphone.gain * response
            metres = box.mouths[speaker].position.distance_to(microphone.position)
            _high_pass(found[speaker, at], round(lead + box.rate * (metres / SOUND_SPEED + DIRECT_MS / 1000)), box.rate)
    return (through_air(found, box.rate, lead) if box.air else found), lead


def _high_pass(response: Floats, edge: int, rate: int) -> None:
    """Take out of a response, from a sample on, what is below speech.

    All images of rigid walls push the same way, and so pile up at frequencies where a room has no sound. The direct
    sound is left alone, and nothing comes before it.
    """
    signal = need("scipy.signal", extra="audio", why="simulate a room")
    if edge < len(response):
        filter_ = signal.butter(2, HIGH_PASS, "highpass", fs=rate, output="sos")
        response[edge:] = signal.sosfilt(filter_, response[edge:])


def _built(box: Box, pra: Any) -> Any:
    numpy = need("numpy", extra="audio", why="simulate a room")
    materials = {_WALLS[key]: _material(pra, box, key) for key in SURFACES}
    room = pra.ShoeBox(list(box.size), fs=box.rate, materials=materials, max_order=box.order)
    if box.rays:
        radius = min(0.5, 0.4 * min(box.size))
        room.set_ray_tracing(receiver_radius=radius, time_thres=box.seconds, energy_thres=1e-8)
        if room.rt_args["n_rays"] > _MOST_RAYS:
            room.set_ray_tracing(n_rays=_MOST_RAYS, receiver_radius=radius, time_thres=box.seconds, energy_thres=1e-8)
    for mouth in box.mouths:
        room.add_source(mouth.position.to_list(), directivity=_directivity(pra, mouth))
    places = numpy.array([each.position.to_list() for each in box.microphones]).T
    # add_microphone_array refuses patterns with rays, which the rays themselves know since version 0.10.
    room.add(pra.MicrophoneArray(places, box.rate, [_directivity(pra, each) for each in box.microphones]))
    return room


def _material(pra: Any, box: Box, surface: str) -> Any:
    absorption, scattering = box.absorption[surface], box.scattering[surface]
    # A scattered image would be lost: only rays bring it back.
    scattered = _coefficients(scattering) if box.rays else 0.0
    return pra.Material(_coefficients(absorption), scattered)


def _coefficients(values: tuple[float, ...]) -> Any:
    if len(set(values)) == 1:
        return values[0]
    return {"coeffs": list(values), "center_freqs": list(BANDS)}


def _directivity(pra: Any, thing: Mouth | Microphone) -> Any:
    if thing.directivity == "omnidirectional":
        return None
    axis = need("numpy", extra="audio", why="simulate a room").array(toward(thing.azimuth, thing.colatitude))
    return pra.directivities.CardioidFamily(orientation=axis, p=PATTERNS[thing.directivity], gain=1.0)
