"""A client of an abcd hub for Python 3.6 and later, without any packages. Copy it beside your program.

    import abcd

    hub = abcd.Client("thermometer")
    hub.publish("thermometer/monit", "monit", celsius=21.5)
    for message in hub:                      # what is sent to this program, each a dictionary
        if message["cmd"] == "get":
            hub.reply(message, celsius=21.5)

It finds the hub by itself, shows it the user's key if there is one, answers its pings, and comes back
under its name when the hub was away. What happens to the connection is said on standard error.
Numbers that JSON does not have, as NaN, are sent as null: None in Python.
"""

import atexit
import base64
import hashlib
import hmac
import http.client
import itertools
import json
import math
import os
import queue
import re
import secrets
import select
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request

BEACON_PORT = int(os.environ.get("ABCD_BEACON_PORT") or 7886)
MOST_WAITING = 10000  # messages that nobody has taken yet; past it they are dropped, and that is said
MOST_KNOWN = 65536  # messages that are known when they come again; a sender may have 32768 on their way
END_SEC = 2  # so long the end of the program waits until the hub has all that was sent
FIND_SEC = 3  # without a hub's announcement for so long that is said; they come every 2 s
FIRST_SEC = 10  # so long what is sent waits for the first joining: a program may be shorter than that


class Client:
    """A program in the hub. It is named as ABCD_NAME says if the name is left out.

    durable=True: what is sent to it while it is away waits in the hub. A message counts as received when
    the next one is asked for: what a program that died had not done with comes again.
    hub="lab1": of several hubs that announce themselves, the one of this name; else the first.
    """

    def __init__(self, name=None, durable=False, hub=None):
        self.name = name or os.environ.get("ABCD_NAME") or "python"
        self.topics = []
        self.joined = threading.Event()
        self._socket = None
        self._lock = threading.Lock()
        self._wait_until = time.monotonic() + FIRST_SEC
        self._unsent = 0  # messages since the hub is away
        self._status = None
        self._numbers = itertools.count(1)  # no two threads get the same
        self._answers = {}
        self._waiting = queue.Queue(MOST_WAITING)
        self._durable = durable
        self._hub = hub
        self._mailbox = None
        self._last_mail = 0
        self._open_mail = set()  # numbers of mail that this program is not done with
        self._taken = None
        self._known = {}  # senders and ids of messages that their senders may send again
        self._passed_over = {}  # hubs that did not let this program in, and until when others come first
        self._ended = False
        self._thread = threading.Thread(target=self._stay, daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def send(self, cmd, to=None, topic=None, **fields):
        """Sends a message. False: the hub is away, and it was not sent, which is said, too. Only when the
        program begins it waits for the hub, 10 s at most."""
        message = {"cmd": cmd, "to": to, "topic": topic}
        message.update(fields)
        if self._socket is None:
            self.joined.wait(max(0, self._wait_until - time.monotonic()))
        sent = self._write({key: value for key, value in message.items() if value is not None})
        if not sent:
            self._unsent += 1
            if self._unsent == 1:
                self._say('the hub is away: "%s" was not sent, nor what comes until it is back' % cmd)
        return sent

    def publish(self, topic, cmd, **fields):
        """Sends a message to all who are subscribed to the topic. False as in send()."""
        return self.send(cmd, topic=topic, **fields)

    def reply(self, message, **fields):
        """Answers a message: under its command, to who sent it. What is an answer itself, as one that came
        too late for request(), is not answered: two programs would do that for ever."""
        if "re" in message:
            return False
        return self.send(fields.pop("cmd", message["cmd"]), to=message["from"], re=message.get("id"), **fields)

    def request(self, to, cmd, timeout=10, **fields):
        """Sends a message and returns the answer; TimeoutError if there is none in so many seconds,
        ConnectionError if the hub refuses it, as nobody has that name."""
        number = "%s-%d-%d" % (self.name, os.getpid(), next(self._numbers))
        answer = self._answers[number] = queue.Queue()
        try:
            fields.setdefault("expires", timeout)  # it is not to be done tomorrow
            if not self.send(cmd, to=to, id=number, **fields):
                raise ConnectionError("the hub is away")
            answered = answer.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError("no answer from %s in %s s" % (to, timeout)) from None
        finally:
            del self._answers[number]
        if answered["cmd"] == "_error":
            raise ConnectionError(answered["text"])
        return answered

    def deliver(self, to, cmd, timeout=30, **fields):
        """Sends a message and returns once it is safe: on the hub's disk, and with its receiver or in the
        mailbox of a durable one. It is sent again if the hub was away. TimeoutError: it is not known
        whether it is safe; ConnectionError: the hub refused it, and says why."""
        number = "%s-%s-%d" % (self.name, secrets.token_hex(8), next(self._numbers))
        answer = self._answers[number] = queue.Queue()
        end = time.monotonic() + timeout
        fields.setdefault("time", time.time())  # sent again, it is the same message
        try:
            sent_to = None
            while time.monotonic() < end:
                if self._socket is not None and self._socket is not sent_to:
                    sent_to = self._socket
                    self.send(cmd, to=to, id=number, ack=True, **fields)
                try:
                    receipt = answer.get(timeout=0.2)
                except queue.Empty:
                    continue
                if receipt["cmd"] == "_error":
                    raise ConnectionError(receipt["text"])
                return receipt
        finally:
            del self._answers[number]
        raise TimeoutError("the hub has not said in %s s that it is safe" % timeout)

    def subscribe(self, *topics):
        """From now on messages on these topics come too; + stands for one level, # for all below."""
        self.topics.extend(topics)
        return self._write({"cmd": "_subscribe", "topics": list(topics)})

    def status(self, state, text=""):
        """Says how this program is, in a word and in a line; it is shown in the table of abcd run."""
        self._status = {"state": state, "text": text}
        return self._write(dict(self._status, cmd="_status"))

    def receive(self, timeout=None):
        """The next message; None if there is none in so many seconds. Without a number it waits."""
        if self._taken is not None:
            self._got(self._taken)
            self._taken = None
        try:
            message = self._waiting.get(timeout=timeout)
        except queue.Empty:
            return None
        self._taken = message.get("_mail")
        return message

    def __iter__(self):
        while True:
            yield self.receive()

    def _got(self, number):
        """Tells the hub up to where this program is done with its mail."""
        self._open_mail.discard(number)
        # In this order, and in one step: the other thread takes in more meanwhile, with which nobody is done.
        last = self._last_mail
        mails = self._open_mail.copy()
        done = min(mails) - 1 if mails else last
        self._write({"cmd": "_got", "_mail": done})

    def _done(self, message):
        """A message that is not for the program."""
        if "_mail" in message:
            self._got(message["_mail"])

    def _is_new(self, message):
        """Whether a message was not here before. Mail comes again until it is confirmed, and a message
        with "ack" when its sender got no receipt."""
        number = message.get("_mail")
        if number is not None and (not self._durable or message.get("to") != self.name):
            number = message.pop("_mail") and None
        new = number is None or number > self._last_mail
        if new and message.get("ack") is True and not message.get("retained"):
            # Its time belongs to it: a program that counts from 1 at each start says something new.
            key = (message.get("from"), message.get("id"), message.get("time"))
            new = key not in self._known
            self._known[key] = True
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
        if number is not None:
            if new:
                self._open_mail.add(number)
            self._last_mail = max(self._last_mail, number)
            if not new and number not in self._open_mail:
                self._got(number)
        return new

    def _write(self, message):
        data = _json(message).encode() + b"\n"
        with self._lock:
            if self._socket is None or self._ended:
                return False
            try:
                self._socket.sendall(data)
                return True
            except OSError:
                # Half of it may be on its way, and what came next would be read as the rest of it.
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                self._socket = None  # the thread that reads sees it, and joins again
                return False

    def _end(self):
        """Says goodbye, and reads until the hub does: what it has not yet got would be lost if the program
        ended while something comes in."""
        self._ended = True
        connection = self._socket
        if connection is not None:
            try:
                socket.socket.shutdown(connection, socket.SHUT_WR)  # with TLS, too, it still reads
                self._thread.join(END_SEC)
            except OSError:
                pass

    def _say(self, text):
        """Not by print: when the program ends while this thread is writing, Python would crash."""
        # Words of a stranger who announces himself as a hub may be in it, and it is for a terminal.
        text = re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda control: "\\x%02x" % ord(control.group()), text)
        try:
            os.write(2, ("%s: %s\n" % (self.name, text)).encode(errors="backslashreplace"))
        except OSError:
            pass

    def _stay(self):
        """Joins, reads, and joins again, for as long as the program runs."""
        delay, said = 0.2, None
        while True:
            where = None
            try:
                where = host, port, tls = _find(self._passed_over, self._hub)
                with _connect(host, port, tls) as connection:
                    if tls:
                        lines = _EncryptedLines(connection, self._lock)
                    else:
                        lines = connection.makefile("rw", encoding="utf-8", newline="\n")
                    timeout = self._join(connection, lines)
                    where = None
                    connection.settimeout(timeout)
                    delay, said = 0.2, None
                    self._read(lines)
                why = "it closed the connection"
            except socket.timeout:
                why = "it says nothing any more: it, its computer or the network is away"
            except Exception as error:  # whatever it was: without this thread the program never comes back
                why = "%s: %s" % (type(error).__name__, error)
            if self._ended:
                return
            if where:
                self._passed_over[where] = time.monotonic() + 5  # another, the true one, says that it is there
            with self._lock:
                self._socket = None
            self.joined.clear()
            if why != said:  # a hub that is away for a night fills no log
                self._say("not in the hub: %s" % why)
            said = why
            time.sleep(delay * (0.5 + secrets.randbelow(500) / 1000))
            delay = min(5, delay * 2)

    def _join(self, connection, lines):
        """Introduces this program; returns after how many silent seconds the hub counts as gone."""

        def say(message):
            lines.write(json.dumps(message) + "\n")
            lines.flush()

        def hear():
            message = json.loads(lines.readline() or '{"cmd": "_error", "text": "the hub closed"}')
            if message["cmd"] == "_error":
                raise ConnectionError(message["text"])
            return message

        program = (getattr(sys, "argv", None) or ["python"])[0]  # none where Python is part of another program
        info = {"program": os.path.basename(program), "host": socket.gethostname(), "pid": os.getpid()}
        init = {"cmd": "_init", "name": self.name, "info": info}
        if self._durable:
            init["durable"] = True
        key = _key()
        if key is None:
            say(init)
        else:
            # Both sides show that they have the key; neither sends it.
            key_id, secret = key.split(".")
            host, port = connection.getpeername()[:2]
            nonce, address = secrets.token_hex(16), ("[%s]:%d" if ":" in host else "%s:%d") % (host, port)
            say(dict(init, key=key_id, nonce=nonce, address=address))
            challenge = hear()
            if challenge["cmd"] != "_challenge":
                raise ConnectionError("the hub does not show that it has our key")

            def proof(role):
                facts = ["abcd 1", role, key_id, self.name, challenge["hub"], nonce, challenge["nonce"], address]
                facts.append(_fingerprint(connection))
                return hmac.new(secret.encode(), "\n".join(facts).encode(), hashlib.sha256).hexdigest()

            if not hmac.compare_digest(proof("hub"), challenge["proof"]):
                raise ConnectionError("the hub does not have our key")
            say({"cmd": "_proof", "proof": proof("client")})
        welcome = hear()
        if self._hub not in (None, welcome["hub"]):
            raise ConnectionError('it is the hub "%s", not "%s"' % (welcome["hub"], self._hub))
        mailbox = welcome.get("mailbox", {}).get("id")
        if mailbox != self._mailbox:
            # Another hub, or one that lost its memory: numbers begin anew.
            self._mailbox, self._last_mail, self._open_mail = mailbox, 0, set()
        with self._lock:
            self._socket = connection
        # Not before: what is subscribed to meanwhile, by another thread, goes out here or there.
        topics = list(self.topics)
        for first in range(0, len(topics), 100):  # in parts: of too many the hub does not refuse all
            self._write({"cmd": "_subscribe", "topics": topics[first : first + 100]})
        if self._status:
            self._write(dict(self._status, cmd="_status"))
        self._wait_until = 0
        self.joined.set()
        unsent, self._unsent = self._unsent, 0
        self._say('in hub "%s"%s' % (welcome["hub"], "; %d messages were not sent" % unsent if unsent else ""))
        return welcome["timeout"]

    def _read(self, lines):
        for line in lines:
            message = json.loads(line)
            if message["cmd"] == "_ping":
                self._write({"cmd": "_pong"})
            elif not self._is_new(message):
                continue
            elif message.get("re") in self._answers:
                answer = self._answers.get(message["re"])
                if answer is not None:  # its time may be over in this moment
                    answer.put(message)
                self._done(message)
            elif "re" in message and message["cmd"] in ("run-start", "run-stop", "safe", "safe-end"):
                self._done(message)  # an answer is no order
            elif message["cmd"] == "_error":
                self._say("the hub refused: %s" % message.get("text"))
                self._done(message)
            elif "_mail" in message:
                self._waiting.put(message)  # never dropped: the hub sends no more than it may
            elif not message["cmd"].startswith("_"):
                try:
                    self._waiting.put_nowait(message)
                except queue.Full:
                    self._say("dropped, as nobody takes them: %s" % line.rstrip("\n"))


def _json(message):
    """JSON that the hub takes: Python would write NaN."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(one) for one in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    try:
        return json.dumps(message, allow_nan=False)
    except ValueError:
        return json.dumps(plain(message), allow_nan=False)


def _key():
    """The user's key, where abcd keeps it; None: there is none, and the hub must take who has none."""
    if os.environ.get("ABCD_KEY"):
        return os.environ["ABCD_KEY"].strip()
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    path = os.environ.get("ABCD_KEY_FILE") or os.path.join(folder, "abcd", "key")
    try:
        with open(path) as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


def _speaks_tls(host, port):
    try:
        _connect(host, port, True).close()
        return True
    except ssl.SSLError:
        return False


class _EncryptedLines:
    """As a file of lines, on TLS, which two threads must not use at the same time."""

    def __init__(self, connection, lock):
        self._connection = connection
        self._lock = lock
        self._rest = b""

    def write(self, text):
        with self._lock:
            self._connection.sendall(text.encode())

    def flush(self):
        pass

    def readline(self):
        while b"\n" not in self._rest:
            if not self._connection.pending():
                ready, _, _ = select.select([self._connection], [], [], self._connection.gettimeout())
                if not ready:
                    raise socket.timeout("timed out")
            with self._lock:
                data = self._connection.recv(65536)
            if not data:
                return ""
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode() + "\n"

    def __iter__(self):
        return iter(self.readline, "")


def _connect(host, port, tls):
    connection = socket.create_connection((host, port), timeout=10)
    if not tls:
        return connection
    # Nobody vouches for the certificate: it is the hub's if the hub's proof covers it.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


def _fingerprint(connection):
    """What the other side's certificate is known by; empty without TLS."""
    if not isinstance(connection, ssl.SSLSocket):
        return ""
    digest = hashlib.sha256(connection.getpeercert(binary_form=True)).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _ask_tcp_port(host, port):
    """Where a hub takes messages one to a line."""
    # Not by way of the proxy that a laboratory may have for the world outside.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        answer = opener.open("http://%s:%s/health" % (host, port), timeout=5)
    except urllib.error.HTTPError as error:
        answer = error  # a hub that is not well, as its disk is full, says where it is all the same
    with answer:
        return json.loads(answer.read().decode())["tcp"]


def _find(passed_over, wanted=None):
    """The hub's host and port, and whether TLS is spoken there: of ABCD_SERVER, else of the first hub
    that announces itself, by the name that is wanted, and is not to be passed over now."""
    server = os.environ.get("ABCD_SERVER")
    if server:
        match = re.match(r"^(\[[^\]]+\]|[^:\[\]]+)(?::(\d+))?$", server)
        if match is None:
            raise ValueError("ABCD_SERVER is neither host nor host:port: %s" % server)
        host, port = match.group(1), match.group(2) or "9819"
        try:
            if _speaks_tls(host.strip("[]"), int(port)):
                return host.strip("[]"), int(port), True
            return host.strip("[]"), _ask_tcp_port(host, port), False
        except http.client.BadStatusLine:
            text = "no HTTP is spoken at %s:%s: ABCD_SERVER wants the hub's port for HTTP, 9819 as it comes"
            raise ConnectionError(text % (host, port)) from None
        except OSError as error:
            raise ConnectionError("Cannot reach the hub at %s:%s: %s" % (host, port, error)) from None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.settimeout(FIND_SEC)
        udp.bind(("", BEACON_PORT))
        others, end = set(), time.monotonic() + FIND_SEC
        while True:
            try:
                data, (host, _) = udp.recvfrom(2048)
            except socket.timeout:
                text = "no hub announces itself on UDP port %d: is abcd server running? From another network set ABCD_SERVER"
                raise ConnectionError(text % BEACON_PORT) from None
            try:
                beacon = json.loads(data.decode())
            except ValueError:
                continue
            if isinstance(beacon, dict) and beacon.get("abcd") == 1:
                if wanted not in (None, beacon.get("name")):
                    others.add(str(beacon.get("name")))
                    if time.monotonic() > end:
                        text = 'no hub "%s" announces itself on UDP port %d, but others do: %s'
                        raise ConnectionError(text % (wanted, BEACON_PORT, ", ".join(sorted(others))))
                    continue
                # With TLS the HTTP port takes messages too; the other may be open to programs without.
                tls = bool(beacon.get("tls"))
                host = beacon.get("host") or host  # an IPv6 address, if the hub listens there alone
                where = host, beacon.get("http" if tls else "tcp"), tls
                if isinstance(where[1], int) and passed_over.get(where, 0) < time.monotonic():
                    return where
