import { assertEquals, assertThrows } from "@std/assert";
import { parseAddress } from "./find_hub.ts";

Deno.test("the hub's address: host, host:port, IPv6 in brackets", () => {
  assertEquals(parseAddress("daq"), { host: "daq", port: 9819 });
  assertEquals(parseAddress("10.0.0.1:80"), { host: "10.0.0.1", port: 80 });
  assertEquals(parseAddress("[fe80::1]"), { host: "[fe80::1]", port: 9819 });
  assertEquals(parseAddress("[::1]:9819"), { host: "[::1]", port: 9819 });
  for (const text of ["", "a b", "daq:", "daq:0", "daq:99999", "http://daq", "[::1", "[daq]"]) {
    assertThrows(() => parseAddress(text), TypeError, "it is not host or host:port");
  }
  for (const text of ["::1", "fe80::1:9819"]) {
    assertThrows(() => parseAddress(text), TypeError, "IPv6 stands in brackets");
  }
});
