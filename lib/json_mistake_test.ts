import { assert, assertEquals, assertThrows } from "@std/assert";
import { adviceOnJsonMistake, describeJsonMistake } from "./json_mistake.ts";

function described(text: string): string {
  return describeJsonMistake(text, assertThrows(() => JSON.parse(text)));
}

Deno.test("a mistake in JSON is told by its place", () => {
  const cases: [string, number][] = [
    ["hello", 0],
    ['{"a": nan}', 6],
    ["{\"a\": 'x'}", 6],
    ["{'a': 1}", 1],
    ['{"a" 1}', 5],
    ['{"a": 1 "b": 2}', 8],
    ['{"a": [1, }', 10],
    ['{"a": 1]', 7],
    ['{"a": 1,}', 8],
    ['{"a": tru}', 6],
    ['{"a": True}', 6],
    ['{"é\\"": "\\\\", "b": x}', 19],
    ['{"a": 1} x', 9],
    ["[,1]", 1],
  ];
  for (const [text, place] of cases) {
    assert(
      new RegExp(`position ${place}( |$)`).test(described(text)),
      `${text}: ${described(text)}`,
    );
  }
  for (const text of ["", "  ", '{"a": ', '{"a"', '{"a": "']) {
    assert(/ends|end of|Unterminated|Expected/.test(described(text)), described(text));
  }
});

Deno.test("a mistake in JSON is told without a word of the text", () => {
  const secret = "zQ0jXwkV-pK8g";
  const whole = `{"cmd":"_init","name":"a","key":"main.${secret}","n":[1,-2.5e3,true,null,{}]}`;
  for (let i = 0; i < whole.length; i++) {
    const head = whole.slice(0, i), tail = whole.slice(i);
    for (const text of [head, `${head}\u0001${tail}`, `${head}x${tail}`, `${head}"${tail}`, tail]) {
      try {
        JSON.parse(text);
        continue;
      } catch (error) {
        const words = describeJsonMistake(text, error);
        for (let k = 0; k + 3 <= secret.length; k++) {
          assert(!words.includes(secret.slice(k, k + 3)), `${text}: ${words}`);
        }
        assertEquals(/_init|cmd|[{}]"/.test(words), false, words);
      }
    }
  }
});

Deno.test("what many write for JSON is told what to write instead", () => {
  const cases: [string, string | undefined][] = [
    ['{"t":NaN}', "null"],
    ['{"t":-Inf}', "null"],
    ['{"t": nan, "u": 1}', "null"],
    ['{"t":1,5}', "decimal point"],
    ["{'t': 1}", "double quotes"],
    ['{"t":None}', "small letters"],
    ['{"on": True}', "small letters"],
    ['{"path":"C:\\Users"}', "backslash"],
    ['{"text":"a\tb"}', "tab"],
    ['{\0"\0c\0', "UTF-8"],
    ['{"t": .5}', undefined],
    ['{"text":"None, NaN, \'1,5\': 1,5 \\\\n", "t" 1}', undefined],
  ];
  for (const [text, part] of cases) {
    const advice = adviceOnJsonMistake(text);
    assert(
      part === undefined ? advice === undefined : advice?.includes(part),
      `${text}: ${advice}`,
    );
  }
});
