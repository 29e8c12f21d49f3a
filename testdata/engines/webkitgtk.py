"""A WebKitGTK window that a test controls: `webkitgtk.py DIRECTORY`. It reads
orders as lines of JSON, answers each by a line, and ends when its input does.

    {"open": URL}                 answers at once
    {"eval": JS}                  answers the value, awaiting it if it is a promise
    {"until": JS, "seconds": S}   answers when that is true; what throws is not true yet

An answer is {"value": ...} or {"error": ...}; the first, without an order, says
that the window is there, or what is missing on this machine: {"missing": ...}.

The files of the directory are run, in the order of their names, before the
scripts of every page. The camera and the microphone are WebKit's mock devices,
whoever asks may use them, and media plays without a click.
"""

import json
import os
import sys
import time


def answer(**what):
    print(json.dumps(what), flush=True)


try:
    import gi
    gi.require_version("Gtk", "3.0")
    gi.require_version("WebKit2", "4.1")
    from gi.repository import GLib, Gtk, WebKit2
except (ImportError, ValueError) as e:
    answer(missing="WebKitGTK (%s)" % e)
    sys.exit()

LOOK = 50  # ms between two looks whether something is true yet


def main(directory):
    view = WebKit2.WebView(
        web_context=WebKit2.WebContext.new_ephemeral(),
        user_content_manager=content(directory),
        website_policies=WebKit2.WebsitePolicies(autoplay=WebKit2.AutoplayPolicy.ALLOW),
        settings=WebKit2.Settings(
            enable_media_stream=True,
            enable_mock_capture_devices=True,
            media_playback_requires_user_gesture=False,
            hardware_acceleration_policy=WebKit2.HardwareAccelerationPolicy.NEVER,
        ),
    )
    view.connect("permission-request", lambda _, request: request.allow() or True)
    view.connect("web-process-terminated", lambda _, why: sys.exit("the page's process ended: " + why.value_nick))
    window = Gtk.Window(default_width=1000, default_height=700)
    window.add(view)
    window.show_all()
    GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, lambda *_: obey(view))
    answer(value=True)
    Gtk.main()


def content(directory):
    manager = WebKit2.UserContentManager()
    for name in sorted(os.listdir(directory)):
        with open(os.path.join(directory, name), encoding="utf-8") as f:
            manager.add_script(WebKit2.UserScript(
                f.read(), WebKit2.UserContentInjectedFrames.TOP_FRAME, WebKit2.UserScriptInjectionTime.START, None, None))
    return manager


def obey(view):
    line = sys.stdin.readline()
    if not line:
        Gtk.main_quit()
        return False
    order = json.loads(line)
    if "open" in order:
        view.load_uri(order["open"])
        answer(value=None)
    elif "eval" in order:
        evaluate(view, order["eval"], lambda value: answer(value=value), lambda error: answer(error=error))
    else:
        until(view, order["until"], time.monotonic() + order["seconds"])
    return True


def evaluate(view, js, done, failed):
    def evaluated(_, result):
        try:
            value = view.call_async_javascript_function_finish(result)
        except GLib.Error as e:
            failed(e.message)
            return
        done(json.loads(value.to_string()) if value.is_string() else None)
    view.call_async_javascript_function("return JSON.stringify(await (%s));" % js, -1, None, None, None, None, evaluated)


def until(view, js, end):
    def look():
        evaluate(view, js, looked, lambda error: looked(False, error))
        return False

    def looked(yes, error="it is false"):
        if yes:
            answer(value=True)
        elif time.monotonic() < end:
            GLib.timeout_add(LOOK, look)
        else:
            answer(error="never: " + error)

    look()


main(sys.argv[1])
