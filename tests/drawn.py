"""What a figure draws, read back from it."""

import io

from matplotlib.figure import Figure


def finished(figure):
    """Draw a figure of either backend to its end, so that whatever is wrong with it is raised."""
    if isinstance(figure, Figure):
        figure.savefig(io.BytesIO(), format="png", dpi=30)
    else:
        figure.to_json()
    return figure


def notes(figure):
    """Return what is told below a figure of matplotlib, in one line."""
    told = figure.get_supxlabel()
    return " ".join(told.split())


def legend(figure):
    """Return the names in the legend of the first axes."""
    found = figure.axes[0].get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def lines(figure):
    """Return the points of all lines of the first axes."""
    drawn = figure.axes[0].get_lines()
    return [list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in drawn]
