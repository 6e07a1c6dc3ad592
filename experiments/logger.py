"""A logger that takes part in data-taking runs: what instruments say in a run goes into its file."""

import json
import os

import abcd

hub = abcd.Client()  # under the name that the experiment file gives it
hub.subscribe("+/monit")
file = None
for message in hub:
    if message["cmd"] == "run-start":  # abcd start-run
        try:
            os.makedirs("data", exist_ok=True)
            # "a": a logger that was restarted in a run is told of it again, and goes on.
            file = open("data/run-%06d.ndjson" % message["run"], "a")
            hub.reply(message)
        except OSError as error:
            hub.reply(message, ok=False, text=str(error))  # and there is no such run
    elif message["cmd"] == "run-stop":  # abcd stop-run
        if file:
            file.flush()
            os.fsync(file.fileno())
            file.close()
            file = None
        hub.reply(message)  # all of it is on the disk
    elif file and message["cmd"] == "monit":
        file.write(json.dumps(message) + "\n")
