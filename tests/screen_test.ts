// Programs that are held in GNU screen, and attaching to them.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runAbcd, type Running, TestHub, until } from "./harness.ts";
import { killNow, Lab } from "./run_lab.ts";
import { abcdOnTerminal, hasTerminals, shows } from "./terminal.ts";

async function works(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["--version"] }).output();
    return true;
  } catch {
    return false;
  }
}

const hasScreen = await works("screen");
if (!hasScreen) console.warn("tests/screen_test.ts is skipped: GNU screen is not installed");
const ignore = !hasScreen;

/** A session's name has to be one of its own among all tests that run now. */
const unique = () => `s${crypto.randomUUID().slice(0, 8)}`;

async function sessions(name: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("screen", { args: ["-ls"] }).output();
  const text = new TextDecoder().decode(stdout);
  return [...text.matchAll(/\t(\d+\.abcd-\S+)/g)].flatMap(([, session = ""]) =>
    session.endsWith(`.abcd-${name}`) ? [session] : []
  );
}

/** Ends an experiment as its user does, and looks that nothing is left. */
async function endAll(lab: Lab, controller: Running, ...names: string[]): Promise<void> {
  controller.signal("SIGTERM");
  assertEquals((await controller.end()).code, 0);
  assertEquals(lab.processes(), []);
  for (const name of names) assertEquals(await sessions(name), []);
}

Deno.test({
  name: "screen: a program has a terminal; its log, exit code, stop and restart are as without",
  ignore,
  async fn() {
    const [tty, stubborn] = [unique(), unique()];
    const forever = "while :; do sleep 0.05; done";
    await using lab = await Lab.create({
      [tty]: {
        cmd:
          `test -t 0 && test -t 1 && echo has a terminal; echo name $ABCD_NAME; sleep 0.3; echo last words; exit 7`,
        shell: true,
        screen: true,
        startSec: 0.1,
        restartSec: 1000,
      },
      [stubborn]: {
        cmd: `trap 'echo no' TERM; echo up; ${forever}`,
        shell: true,
        screen: true,
        startSec: 0.1,
        stopSec: 0.5,
      },
    });
    await using controller = lab.run();
    await controller.saw(new RegExp(`${tty}: running → backoff \\(exit code 7\\)`));
    assertEquals(
      lab.log(tty).replaceAll("\r\n", "\n"),
      `has a terminal\nname ${tty}\nlast words\n`,
    );
    await controller.saw(new RegExp(`${tty} \\| last words`));
    await controller.saw(new RegExp(`${stubborn}: starting → running`));
    assertEquals((await sessions(stubborn)).length, 1);
    await endAll(lab, controller, tty, stubborn);
    assertStringIncludes(lab.log(stubborn), "no");
    await controller.saw(new RegExp(`${stubborn}: ended by SIGKILL`));
  },
});

Deno.test({
  name: "screen: a killed controller loses nothing, the next one adopts and learns how it ended",
  ignore,
  async fn() {
    const [runs, ends] = [unique(), unique()];
    await using lab = await Lab.create({});
    const held = { shell: true, screen: true, startSec: 0.1, restartSec: 1000 };
    lab.write({
      [runs]: { ...held, cmd: "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done" },
      [ends]: { ...held, cmd: `while ! test -e ${lab.path}/go; do sleep 0.02; done; exit 5` },
    });
    const first = lab.run();
    for (const name of [runs, ends]) await first.saw(new RegExp(`${name}: starting → running`));
    const before = await sessions(runs);
    await killNow(first);
    Deno.writeTextFileSync(`${lab.path}/go`, "");
    await until(async () => (await sessions(ends)).length === 0, "it has not ended");
    await using second = lab.run();
    await second.saw(new RegExp(`${runs}: adopted, pid \\d+`));
    await second.saw(new RegExp(`${ends}: running → backoff \\(exit code 5\\)`));
    assertEquals(await sessions(runs), before);
    // Somebody closes the window by force: the program can be had back, in a new one.
    Deno.kill(Number(before[0]?.split(".")[0]), "SIGKILL");
    await second.saw(
      new RegExp(`${runs}: running → backoff \\(ended while nobody could see how\\)`),
    );
    // What a killed screen leaves in its folder is screen's own to clear away.
    await new Deno.Command("screen", { args: ["-wipe", before[0] ?? ""] }).output();
    await endAll(lab, second, runs, ends);
    const numbers = lab.log(runs).split("\r\n").filter((line) => /^\d+$/.test(line)).map(Number);
    assert(numbers.length > 10);
    assertEquals(numbers, numbers.map((_, i) => i + 1));
  },
});

Deno.test("screen: where it is not installed that is said, and nothing is tried again", async () => {
  await using lab = await Lab.create({ p: { cmd: "sleep 1000", screen: true } });
  const bin = `${lab.path}/bin`;
  Deno.mkdirSync(bin);
  for (const one of ["sh", "sleep"]) Deno.symlinkSync(`/bin/${one}`, `${bin}/${one}`);
  await using controller = lab.runWith({ PATH: bin });
  await controller.saw(/p: starting → fatal \(cannot be started: GNU screen is not installed/);
});

Deno.test({
  name: "attach: the terminal is the program's, until Ctrl-A D; without screen it says what to do",
  ignore: ignore || !(await hasTerminals()),
  async fn() {
    const [name, plain] = [unique(), unique()];
    const cmd = `while read -r line; do echo "got <$line>"; done`;
    await using lab = await Lab.create({
      [name]: { cmd, shell: true, screen: true, startSec: 0.1 },
      [plain]: { cmd: "sleep 1000", startSec: 0.1 },
    });
    await using hub = await TestHub.start();
    await using controller = lab.run(...hub.clientArgs);
    await controller.saw(/in hub/);
    for (const one of [name, plain]) await controller.saw(new RegExp(`${one}: starting → running`));
    const [session] = await sessions(name);
    const printed = await runAbcd(["attach", name, "--print", ...hub.clientArgs]);
    assertEquals(printed.stdout, `screen -r ${session}\n`);
    const far = await runAbcd(["attach", name, "--print", "--ssh=me@daq2", ...hub.clientArgs]);
    assertEquals(far.stdout, `ssh -t me@daq2 screen -r ${session}\n`);
    const without = await runAbcd(["attach", plain, ...hub.clientArgs]);
    assertEquals(without.code, 1);
    assertStringIncludes(without.stderr, 'give it "screen": true');
    const none = await runAbcd(["attach", "nobody", ...hub.clientArgs]);
    assertStringIncludes(none.stderr, 'no program "nobody"');

    await using terminal = abcdOnTerminal(["attach", name, ...hub.clientArgs]);
    // What is typed before screen has the terminal is not for the program.
    await until(async () => {
      const { stdout } = await new Deno.Command("screen", { args: ["-ls"] }).output();
      return new TextDecoder().decode(stdout).includes(`${session}\t`) &&
        /Attached/.test(new TextDecoder().decode(stdout));
    }, "nobody attaches");
    await terminal.type("hello\n");
    await shows(terminal, /got <hello>/);
    await terminal.type("\x01d");
    await terminal.saw(/<after 0 /);
    assertStringIncludes(lab.log(name), "got <hello>");
    await endAll(lab, controller, name);
  },
});
