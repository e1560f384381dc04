"""A window from which a file can be dragged. Usage: dragging.py FILE"""

import sys

import gi

gi.require_version("Gdk", "4.0")
gi.require_version("Gtk", "4.0")
from gi.repository import Gdk, Gio, GObject, Gtk  # noqa: E402


def on_activate(application):
    file = Gio.File.new_for_path(sys.argv[1])
    window = Gtk.Window(application=application, title="Drag from here", default_width=80)
    window.set_child(Gtk.Label(label="A file", height_request=60))
    source = Gtk.DragSource(actions=Gdk.DragAction.COPY)
    source.set_content(Gdk.ContentProvider.new_for_value(GObject.Value(Gio.File, file)))
    window.add_controller(source)
    window.present()


program = Gtk.Application(flags=Gio.ApplicationFlags.NON_UNIQUE)
program.connect("activate", on_activate)
program.run(None)
