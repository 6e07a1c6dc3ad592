/** The version of abcd, the same as in deno.json (a test holds them together). */
export const VERSION = "1.0.0";
