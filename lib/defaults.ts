// The numbers of the protocol, each an option somewhere; seconds unless the name says otherwise.

/** Version of the message protocol that this program speaks. */
export const PROTOCOL_VERSION = 1;

/** TCP port of HTTP and WebSocket. */
export const HTTP_PORT = 9819;
/** TCP port of plain JSON objects, the one of libABCD 0.1. */
export const TCP_PORT = 9818;
/** UDP port of the hub's announcements, the one of libABCD 0.1. */
export const BEACON_PORT = 7886;

/** The hub announces itself this often. */
export const BEACON_SEC = 2;
/** The hub pings every client this often. */
export const HEARTBEAT_SEC = 10;
/** Without a message of any kind for this long, a peer counts as gone. */
export const TIMEOUT_SEC = 30;
/** The holder of a wanted name has this long to answer a ping before a newcomer gets the name. */
export const TAKEOVER_SEC = 2;
/** A connection has this long to introduce itself with `_init`. */
export const JOIN_SEC = 10;

/** Largest message, in bytes of UTF-8. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Deepest nesting of arrays and objects in a message. */
export const MAX_NESTING = 64;
/** What the hub holds for a client that does not read, in bytes. */
export const QUEUE_BYTES = 16 * 1024 * 1024;
/** Subscriptions of one client: each message on a new topic is held against all of them. */
export const MAX_SUBSCRIPTIONS = 1000;
/** What may wait for the journal's disk, in bytes; past it messages are not kept. */
export const JOURNAL_BUFFER_BYTES = 64 * 1024 * 1024;

/** What may wait for one durable client, in messages. */
export const MAILBOX_MESSAGES = 100_000;
/** The same in bytes. */
export const MAILBOX_BYTES = 16 * 1024 * 1024;
/** For how long it may wait: a long weekend and the days before it. */
export const MAILBOX_AGE_SEC = 7 * 86400;
/** Of how many topics the hub keeps the last value. */
export const RETAINED_TOPICS = 10_000;
/** Bytes of all last values: a new subscriber may get all of them at once. */
export const RETAINED_BYTES = 4 * 1024 * 1024;

/** A client's first delay before it tries to join again; it doubles up to REJOIN_MAX_SEC. */
export const REJOIN_SEC = 0.2;
/** A client's longest delay before it tries to join again. */
export const REJOIN_MAX_SEC = 5;
/** What the client library holds while the hub is away, in bytes. */
export const CLIENT_BUFFER_BYTES = 4 * 1024 * 1024;
/** How long a request waits for its answer. */
export const REQUEST_SEC = 10;

/** The hub touches its pid file this often. */
export const TOUCH_SEC = 5;
/** A hub that has not touched its pid file for this long is killed and started again. */
export const WATCHDOG_SEC = 30;
