"""The plan of a room seen from above: walls, furniture, people, microphones, distances and a scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.audio.rooms.choices import RoomPosition
from sdialog.audio.rooms.materials import Material
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.patterns import pattern_gain
from sdialog.audio.rooms.pictures import palette
from sdialog.audio.rooms.pictures.lettering import Lettering, around, text_size
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from PIL.Image import Image

    from sdialog.audio.rooms.furniture import Furniture
    from sdialog.audio.rooms.room import Room

_WHY = "draw rooms"
_STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Shown:
    """Which parts of a plan are drawn."""

    speakers: bool = True
    furnitures: bool = True
    microphones: bool = True
    anchors: bool = True
    walls: bool = True


def plan(room: Room, shown: Shown, width: int, height: int) -> Image:
    """Return the plan of a room as an image of so many pixels; see :meth:`Room.to_image`.

    Raises:
        UserError: if the image is smaller than 64 pixels.
        MissingDependencyError: if matplotlib is not installed.
    """
    if min(width, height) < 64:
        raise UserError(f"a plan needs at least 64 x 64 pixels, not {width} x {height}")
    need("matplotlib", extra="plots", why=_WHY)
    pixels = need("matplotlib.backends.backend_agg", extra="plots", why=_WHY)
    canvas = pixels.FigureCanvasAgg(_Plan(room, width, height).drawn(shown))
    canvas.draw()
    images = need("PIL.Image", extra="plots", why=_WHY)
    image: Image = images.fromarray(need("numpy", extra="plots", why=_WHY).asarray(canvas.buffer_rgba())).convert("RGB")
    return image


class _Plan:
    """A plan being drawn; pixels with y downwards, so that the front wall is at the top."""

    def __init__(self, room: Room, width: int, height: int) -> None:
        self.room, self.width, self.height = room, width, height
        self.unit = min(width, height) / 512  # everything was designed for 512 pixels
        figures = need("matplotlib.figure", extra="plots", why=_WHY)
        self.figure = figures.Figure(figsize=(width / 100, height / 100), dpi=100, facecolor=palette.PAPER)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.axis("off")
        self.patches = need("matplotlib.patches", extra="plots", why=_WHY)
        side, top, bottom = 50 * self.unit, 62 * self.unit, 58 * self.unit
        box = room.dimensions
        self.scale = min((width - 2 * side) / box.width, (height - top - bottom) / box.length)
        self.left = (width - self.scale * box.width) / 2
        self.top = top + (height - top - bottom - self.scale * box.length) / 2
        self.labels = Lettering(width, height)

    def drawn(self, shown: Shown) -> Any:
        """Return the figure with all that is to be shown."""
        self._reserve(shown)
        self._floor(shown.walls)
        if shown.furnitures:
            self._things()
        if shown.anchors:
            self._anchors()
        if shown.microphones and shown.speakers:
            self._distances()
        if shown.microphones:
            self._microphones()
        if shown.speakers:
            self._people()
        self._title()
        self._scale_bar()
        return self.figure

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point in metres."""
        return self.left + self.scale * x, self.top + self.scale * y

    def text(self, x: float, y: float, words: str, size: float = 11, **options: Any) -> None:
        """Write something with its middle at a pixel; the size is that of a plan of 512 pixels."""
        effects = need("matplotlib.patheffects", extra="plots", why=_WHY)
        halo = [effects.withStroke(linewidth=2.5 * self.unit, foreground=options.pop("halo", "white"))]
        options = {"ha": "center", "va": "center", "color": palette.INK, "path_effects": halo, **options}
        # A dollar sign would begin a formula.
        self.axes.text(x, y, words.replace("$", r"\$"), fontsize=0.72 * size * self.unit, **options)

    def _floor(self, walls: bool) -> None:
        box, thick = self.room.dimensions, 6 * self.unit
        left, top = self.at(0, 0)
        right, bottom = self.at(box.width, box.length)
        self._rectangle(left, top, right - left, bottom - top, facecolor=palette.FLOOR, linewidth=0, zorder=0)
        step = next((each for each in _STEPS if self.scale * each >= 14 * self.unit), 10.0)
        for axis, size in enumerate((box.width, box.length)):
            for number in range(1, math.ceil(size / step)):
                ends = [self.at(step * number, 0), self.at(step * number, box.length)]
                if axis:
                    ends = [self.at(0, step * number), self.at(box.width, step * number)]
                self.axes.plot(*zip(*ends, strict=True), color="#f0eeea", linewidth=0.7 * self.unit, zorder=0.5)
        if not walls:
            return
        spots = {
            "left": (left - thick, top - thick, thick, bottom - top + 2 * thick),
            "right": (right, top - thick, thick, bottom - top + 2 * thick),
            "front": (left, top - thick, right - left, thick),
            "back": (left, bottom, right - left, thick),
        }
        for name, spot in spots.items():
            own = getattr(self.room.materials, name) is not None
            self._rectangle(*spot, facecolor=palette.OWN_WALL if own else palette.WALL, linewidth=0, zorder=3)
            self.labels.taken += 3 * [(spot[0], spot[1], spot[0] + spot[2], spot[1] + spot[3])]
            if own:
                self._wall_name(name, spot)

    def _wall_name(self, wall: str, spot: tuple[float, float, float, float]) -> None:
        material = getattr(self.room.materials, wall)
        words = (material.name if isinstance(material, Material) else str(material)).replace("_", " ")
        x, y = spot[0] + spot[2] / 2, spot[1] + spot[3] / 2
        away = 13 * self.unit * (-1 if wall in ("left", "front") else 1)
        upright = wall in ("left", "right")
        place = (x + away, y) if upright else (x, y + away)
        turned = {"rotation": 90} if upright else {}
        self.text(*place, words, 8.5, color=palette.OWN_WALL, halo=palette.PAPER, style="italic", **turned)

    def _things(self) -> None:
        for thing in sorted(self.room.furnitures.values(), key=lambda each: each.get_top_z()):
            if thing.width == 0 or thing.depth == 0:
                continue
            x, y = self.at(thing.x, thing.y)
            wide, deep = self.scale * thing.width, self.scale * thing.depth
            style = {"facecolor": palette.thing(thing.color), "edgecolor": "#8d8578", "zorder": 1}
            corner = min(3 * self.unit, wide / 3, deep / 3)
            self._rectangle(x, y, wide, deep, corner, linewidth=0.8 * self.unit, alpha=0.85, **style)
            self._thing_name(thing, x, y, wide, deep)

    def _thing_name(self, thing: Furniture, x: float, y: float, wide: float, deep: float) -> None:
        """Write the name of a piece of furniture where nothing covers it; one that does not fit has none."""
        for size in (10.0, 8.5, 7.5):
            for turned, (long, short) in ((False, (wide, deep)), (True, (deep, wide))):
                needed = text_size(thing.name, size * self.unit)
                if needed[0] * 1.02 > long or needed[1] * 0.9 > short:
                    continue
                across, down = (needed[1] / 2, needed[0] / 2) if turned else (needed[0] / 2, needed[1] / 2)
                for share, level in (
                    (0.5, 0.5),
                    (0.5, 0.0),
                    (0.5, 1.0),
                    (0.0, 0.5),
                    (1.0, 0.5),
                    (0.0, 0.0),
                    (1.0, 1.0),
                ):
                    middle_x = x + across + share * max(0.0, wide - 2 * across)
                    middle_y = y + down + level * max(0.0, deep - 2 * down)
                    spot = (middle_x - across, middle_y - down, middle_x + across, middle_y + down)
                    if self.labels.is_free(spot):
                        options = {"color": palette.QUIET, "halo": palette.thing(thing.color), "zorder": 2}
                        self.text(middle_x, middle_y, thing.name, size, rotation=90 if turned else 0, **options)
                        self.labels.taken.append(spot)
                        return

    def _anchors(self) -> None:
        for position in RoomPosition:
            point = self.room.room_position_to_position3d(position)
            x, y = self.at(point.x, point.y)
            self.axes.plot(x, y, "+", color=palette.FAINT, markersize=6 * self.unit, zorder=1.5)

    def _reserve(self, shown: Shown) -> None:
        """Keep labels off the title, the scale, the people and the microphones."""
        self.labels.taken += 3 * [(0.0, 0.0, self.width, 44 * self.unit)]
        self.labels.taken += 3 * [(0.0, self.height - 26 * self.unit, 190 * self.unit, float(self.height))]
        if shown.speakers:
            for mouth in self.room.speakers.values():
                self.labels.keep_off(*self.at(mouth.position.x, mouth.position.y), 11 * self.unit)
        if shown.microphones:
            for microphone in self.room.microphones:
                self.labels.keep_off(*self.at(microphone.position.x, microphone.position.y), 6 * self.unit)

    def _distances(self) -> None:
        standing = [each for each in self.room.microphones if ":" not in each.place]  # the others are worn
        for number, mouth in enumerate(self.room.speakers.values() if standing else ()):
            near = min(standing, key=lambda each: mouth.position.distance_to(each.position))
            start, end = self.at(mouth.position.x, mouth.position.y), self.at(near.position.x, near.position.y)
            color = palette.person(number)
            ends = list(zip(start, end, strict=True))
            self.axes.plot(*ends, color=color, linewidth=1.1 * self.unit, dashes=(3, 2.5), alpha=0.75, zorder=4)
            if math.dist(start, end) < 40 * self.unit:
                continue  # the line itself is shorter than its label
            words = f"{mouth.position.distance_to(near.position):.2f} m"
            shares = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74)
            spots = [(start[0] + s * (end[0] - start[0]), start[1] + s * (end[1] - start[1])) for s in shares]
            self.text(*self.labels.place(words, 9.5 * self.unit, spots), words, 9.5, color=color, zorder=5)

    def _microphones(self) -> None:
        groups: dict[str, list[Microphone]] = {}
        for microphone in self.room.microphones:
            groups.setdefault(microphone.array or f"\0{microphone.name}", []).append(microphone)
        for group in groups.values():
            for microphone in group:
                x, y = self.at(microphone.position.x, microphone.position.y)
                if len(group) == 1 and ":" not in microphone.place:  # what is worn hears its wearer
                    self._pattern(microphone, x, y)
                dot = 4.6 if len(group) == 1 else 2.6
                self.axes.plot(
                    x, y, "o", color=palette.MICROPHONE, markersize=dot * self.unit, markeredgecolor="white", zorder=7,
                    markeredgewidth=0.7 * self.unit,
                )  # fmt: skip
            words = group[0].name if len(group) == 1 else f"{group[0].array} ({len(group)})"
            x, y = self.at(group[0].position.x, group[0].position.y)
            words = f"{words}  {group[0].position.z:.2f} m"
            half = text_size(words, 9.5 * self.unit)[0] / 2
            spots = around(x, y, 18 * self.unit, half, (0, 1))
            self.text(*self.labels.place(words, 9.5 * self.unit, spots), words, 9.5, weight="bold", zorder=8)

    def _pattern(self, microphone: Microphone, x: float, y: float) -> None:
        """Draw the pattern on the level of the microphone: what it hears from people who are as high as it is."""
        outline = []
        for angle in range(0, 361, 4):
            tilt = 90 - microphone.colatitude
            # The angle off the axis, for a source in the level plane.
            cosine = math.cos(math.radians(tilt)) * math.cos(math.radians(angle - microphone.azimuth))
            gain = abs(pattern_gain(microphone.directivity, math.degrees(math.acos(max(-1.0, min(1.0, cosine))))))
            reach = 24 * self.unit * gain
            outline.append((x + reach * math.cos(math.radians(angle)), y + reach * math.sin(math.radians(angle))))
        shape = self.patches.Polygon(
            outline, closed=True, facecolor="#14181f18", edgecolor="#14181f70", linewidth=0.8 * self.unit, zorder=3.5
        )
        self.axes.add_patch(shape)

    def _people(self) -> None:
        people = list(self.room.speakers.items())
        middle = self.at(self.room.dimensions.width / 2, self.room.dimensions.length / 2)
        for number, (name, mouth) in enumerate(people):
            x, y = self.at(mouth.position.x, mouth.position.y)
            color, radius = palette.person(number), 9 * self.unit
            self._gaze(x, y, mouth.azimuth, color)
            head = self.patches.Circle(
                (x, y), radius, facecolor=color, edgecolor="white", linewidth=1.4 * self.unit, zorder=9
            )
            self.axes.add_patch(head)
            self.text(x, y, str(number + 1), 9.5, color="white", halo=color, weight="bold", zorder=10)
            shown = name if len(name) <= 22 else name[:21] + "…"
            words = f"{shown}\n{mouth.posture}, {mouth.position.z:.2f} m"
            wide = text_size(words, 9 * self.unit)[0] / 2
            spots = around(x, y, 26 * self.unit, wide, (x - middle[0], y - middle[1]))
            self.text(
                *self.labels.place(words, 9 * self.unit, spots), words, 9, color=color, zorder=11, linespacing=1.1
            )

    def _gaze(self, x: float, y: float, azimuth: float, color: str) -> None:
        """Draw which way a mouth points, as the beam of a lamp."""
        for reach, alpha in ((30, 0.16), (22, 0.22)):
            beam = self.patches.Wedge(
                (x, y),
                reach * self.unit,
                azimuth - 35,
                azimuth + 35,
                facecolor=color,
                alpha=alpha,
                linewidth=0,
                zorder=6,
            )
            self.axes.add_patch(beam)
        turn = math.radians(azimuth)
        nose = [
            (x + 15 * self.unit * math.cos(turn), y + 15 * self.unit * math.sin(turn)),
            (x + 8.5 * self.unit * math.cos(turn + 0.6), y + 8.5 * self.unit * math.sin(turn + 0.6)),
            (x + 8.5 * self.unit * math.cos(turn - 0.6), y + 8.5 * self.unit * math.sin(turn - 0.6)),
        ]
        self.axes.add_patch(self.patches.Polygon(nose, closed=True, facecolor=color, linewidth=0, zorder=8.5))

    def _title(self) -> None:
        box, left = self.room.dimensions, 16 * self.unit
        title = {"ha": "left", "halo": palette.PAPER, "zorder": 12}
        name = self.room.name.replace("_", " ")
        self.text(left, 18 * self.unit, name if len(name) < 48 else name[:47] + "…", 15, weight="bold", **title)
        reverberation = f"RT60 {self.room.rt60:.2f} s" if self.room.rt60 else "RT60 from materials"
        facts = f"{box.width:.2f} × {box.length:.2f} × {box.height:.2f} m   {box.volume:.0f} m³   {reverberation}"
        self.text(left, 36 * self.unit, facts, 10, color=palette.QUIET, **title)

    def _scale_bar(self) -> None:
        wished = next((each for each in reversed(_STEPS) if self.scale * each <= 110 * self.unit), _STEPS[0])
        y, left = self.height - 18 * self.unit, 16 * self.unit
        for number in range(4):
            part = self.scale * wished / 4
            shade = palette.INK if number % 2 == 0 else palette.FLOOR
            style: dict[str, Any] = {"edgecolor": palette.INK, "linewidth": 0.8 * self.unit, "zorder": 12}
            self._rectangle(left + number * part, y, part, 5 * self.unit, facecolor=shade, **style)
        end = left + self.scale * wished
        label = {"ha": "left", "color": palette.QUIET, "halo": palette.PAPER, "zorder": 12}
        self.text(end + 6 * self.unit, y + 2.5 * self.unit, f"{wished:g} m", 9.5, **label)

    def _rectangle(self, x: float, y: float, wide: float, high: float, corner: float = 0.0, **style: Any) -> None:
        if corner:
            box = f"round,pad=0,rounding_size={corner}"
            self.axes.add_patch(self.patches.FancyBboxPatch((x, y), wide, high, boxstyle=box, **style))
        else:
            self.axes.add_patch(self.patches.Rectangle((x, y), wide, high, **style))
