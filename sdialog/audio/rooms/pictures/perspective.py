"""A room in perspective: walls of glass, furniture as boxes, people and microphones at their heights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.audio.rooms.geometry import toward
from sdialog.audio.rooms.pictures import palette
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.rooms.furniture import Furniture
    from sdialog.audio.rooms.room import Room

_WHY = "draw rooms"


def perspective(room: Room) -> Any:
    """Return a figure of matplotlib with the room in perspective; see :meth:`Room.to_figure_3d`.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
    """
    need("mpl_toolkits.mplot3d", extra="plots", why=_WHY)  # this adds the three-dimensional axes
    figures = need("matplotlib.figure", extra="plots", why=_WHY)
    figure = figures.Figure(figsize=(8, 6.4), facecolor=palette.PAPER)
    need("matplotlib.backends.backend_agg", extra="plots", why=_WHY).FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 0.94), projection="3d", facecolor=palette.PAPER)
    axes.computed_zorder = False
    _shell(axes, room)
    # What is farther from the eye is drawn first; the eye is left of the front wall.
    for thing in sorted(room.furnitures.values(), key=lambda each: -(0.47 * each.center.x + 0.88 * each.center.y)):
        if thing.width and thing.depth:
            _faces(axes, _sides(thing), palette.thing(thing.color), "#8d8578", 0.6, zorder=2)
    _microphones(axes, room)
    _people(axes, room)
    _frame(axes, room)
    size, name = room.dimensions, room.name.replace("_", " ").replace("$", r"\$")
    figure.suptitle(
        f"{name}   {size.width:.2f} × {size.length:.2f} × {size.height:.2f} m", x=0.03, ha="left", color=palette.INK
    )
    return figure


def _shell(axes: Any, room: Room) -> None:
    wide, long, high = room.dimensions.to_list()
    floor = [(0, 0, 0), (wide, 0, 0), (wide, long, 0), (0, long, 0)]
    right = [(wide, 0, 0), (wide, long, 0), (wide, long, high), (wide, 0, high)]
    back = [(0, long, 0), (wide, long, 0), (wide, long, high), (0, long, high)]
    _faces(axes, [floor], palette.FLOOR, palette.WALL, 1.0, zorder=0)
    for wall, side in (("right", right), ("back", back)):
        own = getattr(room.materials, wall) is not None
        _faces(axes, [side], palette.OWN_WALL if own else "#e9e6df", palette.WALL, 0.45, zorder=0)
    edges = [((0, 0, 0), (0, 0, high)), ((0, 0, high), (wide, 0, high)), ((0, 0, high), (0, long, high))]
    for start, end in edges:
        axes.plot(*zip(start, end, strict=True), color=palette.WALL, linewidth=0.7, alpha=0.6, zorder=1)


def _sides(thing: Furniture) -> list[list[tuple[float, float, float]]]:
    x, y, z = (thing.x, thing.x + thing.width), (thing.y, thing.y + thing.depth), (thing.z, thing.get_top_z())
    top = [(x[0], y[0], z[1]), (x[1], y[0], z[1]), (x[1], y[1], z[1]), (x[0], y[1], z[1])]
    front = [(x[0], y[0], z[0]), (x[1], y[0], z[0]), (x[1], y[0], z[1]), (x[0], y[0], z[1])]
    left = [(x[0], y[0], z[0]), (x[0], y[1], z[0]), (x[0], y[1], z[1]), (x[0], y[0], z[1])]
    right = [(x[1], y[0], z[0]), (x[1], y[1], z[0]), (x[1], y[1], z[1]), (x[1], y[0], z[1])]
    back = [(x[0], y[1], z[0]), (x[1], y[1], z[0]), (x[1], y[1], z[1]), (x[0], y[1], z[1])]
    return [back, right, left, front, top]


def _faces(axes: Any, faces: Any, color: str, edge: str, alpha: float, zorder: float) -> None:
    art = need("mpl_toolkits.mplot3d.art3d", extra="plots", why=_WHY)
    style = {"facecolor": color, "edgecolor": edge, "linewidth": 0.6, "alpha": alpha, "zorder": zorder}
    axes.add_collection3d(art.Poly3DCollection(faces, **style))


def _microphones(axes: Any, room: Room) -> None:
    named: set[str] = set()
    for microphone in room.microphones:
        x, y, z = microphone.position.to_list()
        axes.plot([x, x], [y, y], [0, z], color=palette.QUIET, linewidth=0.6, linestyle=":", zorder=3)
        axes.scatter([x], [y], [z], color=palette.MICROPHONE, s=14, marker="D", depthshade=False, zorder=5)
        name = microphone.array or microphone.name
        if name not in named:
            named.add(name)
            _name(axes, (x, y, z), f"  {name}", fontsize=8, color=palette.MICROPHONE, zorder=7)


def _people(axes: Any, room: Room) -> None:
    reach = 0.12 * max(room.dimensions.width, room.dimensions.length)
    for number, (name, mouth) in enumerate(room.speakers.items()):
        x, y, z = mouth.position.to_list()
        color = palette.person(number)
        axes.plot([x, x], [y, y], [0, z], color=color, linewidth=2.4, alpha=0.55, solid_capstyle="round", zorder=4)
        axes.scatter([x], [y], [z], color=color, s=110, edgecolor="white", depthshade=False, zorder=6)
        gaze = [reach * part for part in toward(mouth.azimuth, mouth.colatitude)]
        axes.quiver(x, y, z, *gaze, color=color, linewidth=1.6, arrow_length_ratio=0.3, zorder=6)
        above = (x, y, z + 0.06 * room.dimensions.height)
        _name(
            axes,
            above,
            f"{name if len(name) <= 22 else name[:21] + '…'}  {z:.2f} m",
            fontsize=9,
            color=color,
            ha="center",
            zorder=8,
        )


def _name(axes: Any, point: tuple[float, float, float], words: str, **style: Any) -> None:
    halo = need("matplotlib.patheffects", extra="plots", why=_WHY).withStroke(linewidth=2.5, foreground="white")
    axes.text(*point, words.replace("$", r"\$"), path_effects=[halo], **style)


def _frame(axes: Any, room: Room) -> None:
    wide, long, high = room.dimensions.to_list()
    axes.set(xlim=(0, wide), ylim=(0, long), zlim=(0, high))
    axes.set_box_aspect((wide, long, high), zoom=0.92)
    axes.view_init(elev=28, azim=-118)
    axes.grid(False)
    axes.set_xlabel("width, m", color=palette.QUIET, fontsize=9)
    axes.set_ylabel("length, m", color=palette.QUIET, fontsize=9)
    axes.set_zticks([])
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color((0, 0, 0, 0))
    axes.tick_params(labelsize=8, colors=palette.QUIET)
