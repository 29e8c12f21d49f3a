"""A window of QtWebKit, an engine of 2016, that a test controls as it does
webkitgtk.py, which says how. There are no devices, and promises are not awaited.
"""

import json
import os
import sys
import time


def answer(**what):
    print(json.dumps(what), flush=True)


try:
    from PyQt5.QtCore import QSocketNotifier, QTimer, QUrl
    from PyQt5.QtWebKitWidgets import QWebView
    from PyQt5.QtWidgets import QApplication
except ImportError as e:
    answer(missing="QtWebKit (%s)" % e)
    sys.exit()

LOOK = 50  # ms between two looks whether something is true yet


def main(directory):
    app = QApplication(sys.argv)
    view = QWebView()
    frame = view.page().mainFrame()
    scripts = content(directory)
    frame.javaScriptWindowObjectCleared.connect(lambda: [frame.evaluateJavaScript(s) for s in scripts])
    view.resize(1000, 700)
    view.show()
    orders = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Read)
    orders.activated.connect(lambda: obey(app, view, frame))
    answer(value=True)
    app.exec_()


def content(directory):
    scripts = []
    for name in sorted(os.listdir(directory)):
        with open(os.path.join(directory, name), encoding="utf-8") as f:
            scripts.append(f.read())
    return scripts


def obey(app, view, frame):
    line = sys.stdin.readline()
    if not line:
        app.quit()
        return
    order = json.loads(line)
    if "open" in order:
        view.load(QUrl(order["open"]))
        answer(value=None)
    elif "eval" in order:
        answer(**evaluate(frame, order["eval"]))
    else:
        until(frame, order["until"], time.monotonic() + order["seconds"])


def evaluate(frame, js):
    got = frame.evaluateJavaScript("""(function () {
        try { return JSON.stringify({value: (%s)}); } catch (e) { return JSON.stringify({error: String(e)}); }
    }())""" % js)
    return json.loads(got) if got else {"error": "that is no expression, or there is no page"}


def until(frame, js, end):
    got = evaluate(frame, js)
    if got.get("value"):
        answer(value=True)
    elif time.monotonic() < end:
        QTimer.singleShot(LOOK, lambda: until(frame, js, end))
    else:
        answer(error="never: " + got.get("error", "it is false"))


main(sys.argv[1])
