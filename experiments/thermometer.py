"""A thermometer that is read each second and tells everybody: ten lines around what is yours."""

import random
import time

import abcd

hub = abcd.Client()  # under the name that the experiment file gives it
while True:
    celsius = round(21 + random.gauss(0, 0.1), 2)  # here goes what reads your instrument
    print(celsius, flush=True)  # into the program's log
    hub.status("measuring", "%s °C" % celsius)  # into the table of "abcd run"
    hub.publish("thermometer/monit", "monit", celsius=celsius)  # to everybody who wants to know
    message = hub.receive(timeout=1)  # a second's pause, in which one may ask
    if message and message["cmd"] == "get":
        hub.reply(message, celsius=celsius)
