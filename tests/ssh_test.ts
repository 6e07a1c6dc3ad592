// Programs that are started through ssh on computers without abcd. The other computer is a home
// folder of its own on this one: once behind a stand-in for ssh, whose connections can be cut, once
// behind a real sshd on loopback.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { freeTcpPort, runAbcd, TestHub, until } from "./harness.ts";
import { killNow, Lab } from "./run_lab.ts";
import { COUNT, end, fakeSsh, FAR as far, system } from "./ssh_lab.ts";

const hasScreen = await system("screen", "--version") !== undefined;

/** Each instance counted up by one, without a gap and without a double; how many there were. */
function instancesIn(log: string): number {
  const last = new Map<string, number>();
  for (const line of log.split(/\r?\n/)) {
    const [, pid = "", i = ""] = /^(\d+) (\d+)$/.exec(line) ?? [];
    if (pid === "") continue;
    assertEquals(Number(i), (last.get(pid) ?? 0) + 1, `behind ${pid} ${last.get(pid)}`);
    last.set(pid, Number(i));
  }
  return last.size;
}

Deno.test("ssh: a program is started, followed, stopped; its output and exit code come over", async () => {
  await using lab = await Lab.create({});
  const { env } = fakeSsh(lab);
  lab.write({
    first: {
      ...far,
      cmd:
        `pwd; echo "$ABCD_NAME|$A B|$PATH_OF_CONTROLLER"; trap 'echo "got INT"; exit 0' INT; while :; do sleep 0.05; done`,
      env: { "A": "it's" },
      cwd: "sub folder",
      stopSignal: "SIGINT",
      ready: { logLine: "it's B" },
    },
    fails: {
      ...far,
      cmd: "echo last words; exit 7",
      restartSec: 1000,
      dependsOn: { first: "ready" },
    },
    stubborn: {
      ...far,
      cmd: `trap "" TERM; (trap "" TERM; sleep 1000) & sleep 1000`,
      stopSec: 0.5,
    },
    missing: { ...far, cmd: "no-such-command", startLimit: 1 },
    nowhere: { ...far, cmd: "sleep 1", cwd: "no such folder", startLimit: 1 },
  });
  Deno.mkdirSync(`${lab.path}/me@daq2/sub folder`, { recursive: true });
  await using hub = await TestHub.start();
  await using controller = lab.runWith(env, ...hub.clientArgs);
  await controller.saw(/first: ready/);
  assertEquals(lab.log("first"), `${lab.path}/me@daq2/sub folder\nfirst|it's B|\n`);
  await controller.saw(
    /fails: running → backoff \(exit code 7\)|fails: starting → backoff \(exit code 7\)/,
  );
  await controller.saw(/fails \| last words/);
  await controller.saw(/missing: \w+ → fatal \(exit code 127/);
  await controller.saw(
    /nowhere \| abcd: cannot start it on me@daq2: there is no folder no such folder/,
  );
  await controller.saw(/stubborn: starting → running/);
  const status = JSON.parse(
    (await runAbcd(["status", "first", "--json", ...hub.clientArgs])).stdout,
  );
  assertEquals(status.programs[0].host, "me@daq2");
  assertEquals(status.programs[0].pid, lab.instances("first")[0]?.pid);
  await end(controller, lab);
  assertMatch(controller.stderr, /stubborn: ended by SIGKILL/);
  assertStringIncludes(lab.log("first"), "got INT");
});

Deno.test("ssh: connection cut, controller killed: the program goes on, one instance, no byte lost", async () => {
  await using lab = await Lab.create({});
  const { env, cut, restore } = fakeSsh(lab);
  lab.write({
    p: { ...far, cmd: COUNT },
    ends: { ...far, cmd: "while ! test -e ../go; do sleep 0.02; done; exit 5", restart: "no" },
  });
  const first = lab.runWith(env);
  await first.saw(/p: starting → running/);
  await first.saw(/ends: starting → running/);
  const pids = () => lab.instances("p").map(({ pid }) => pid);
  const [one] = pids();
  cut();
  await first.saw(/p: unreachable: me@daq2 cannot be reached by ssh: ssh: connect to host/);
  assertEquals(pids(), [one]);
  Deno.writeTextFileSync(`${lab.path}/go`, "");
  await until(() => lab.instances("ends").length === 0, "it has not ended");
  restore();
  await first.saw(/p: me@daq2 is reached again/);
  await first.saw(/ends: running → exited \(exit code 5\)/);

  await killNow(first);
  await using second = lab.runWith(env);
  await second.saw(new RegExp(`p: adopted, pid ${one} on me@daq2`));

  // Stopped while it cannot be reached: it is, when it can.
  cut();
  await second.saw(/p: unreachable/);
  second.signal("SIGTERM");
  await second.saw(/p: running → stopping/);
  restore();
  assertEquals((await second.end()).code, 0);
  assertEquals(lab.processes(), []);
  assertEquals(instancesIn(lab.log("p")), 1);
});

Deno.test({
  name: "ssh: in screen, as it is by itself; the end of a start that nobody answered for",
  ignore: !hasScreen,
  async fn() {
    const name = `s${crypto.randomUUID().slice(0, 8)}`;
    await using lab = await Lab.create({});
    const { env, cut, restore } = fakeSsh(lab);
    const { screen: _, ...inScreen } = far;
    lab.write({ [name]: { ...inScreen, cmd: `test -t 0 && echo terminal; ${COUNT}` } });
    cut();
    const first = lab.runWith(env);
    await first.saw(new RegExp(`${name}: unreachable`));
    assertEquals(lab.instances(name), []);
    await killNow(first);
    restore();
    // It was never started: the next controller finds that out, and starts it.
    await using hub = await TestHub.start();
    await using second = lab.runWith(env, ...hub.clientArgs);
    await second.saw(new RegExp(`${name}: starting → running`));
    await until(() => lab.log(name).includes("terminal\r\n"), "it has no terminal");
    await second.saw(/in hub/);
    const attach = await runAbcd(["attach", name, "--print", ...hub.clientArgs]);
    assertEquals(attach.stdout, `ssh -t me@daq2 screen -r abcd-${name}\n`);
    await until(() => lab.log(name).split("\n").length > 20, "it does not write");
    await end(second, lab);
    assertEquals(instancesIn(lab.log(name)), 1);
  },
});

/** A real sshd on loopback for this user, and an `ssh` on the PATH that knows it as `lab`. */
async function realSsh(
  folder: string,
): Promise<{ env: Record<string, string> } & Disposable | undefined> {
  const sshd = await system("which", "sshd") ?? await system("which", "/usr/sbin/sshd");
  if (sshd === undefined || await system("which", "ssh-keygen") === undefined) return undefined;
  Deno.mkdirSync(`${folder}/bin`);
  for (const key of ["host", "user"]) {
    await system("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${key}`);
  }
  const port = freeTcpPort();
  Deno.writeTextFileSync(
    `${folder}/sshd_config`,
    `ListenAddress 127.0.0.1:${port}\nHostKey ${folder}/host\nAuthorizedKeysFile ${folder}/user.pub\n` +
      `StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n` +
      `SetEnv XDG_STATE_HOME=${folder}/state/far\n`,
  );
  Deno.mkdirSync("/run/sshd", { recursive: true });
  const child = new Deno.Command(sshd.trim(), {
    args: ["-D", "-e", "-f", `${folder}/sshd_config`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  Deno.writeTextFileSync(
    `${folder}/config`,
    `Host lab\n  HostName 127.0.0.1\n  Port ${port}\n  IdentityFile ${folder}/user\n` +
      `  IdentitiesOnly yes\n  StrictHostKeyChecking no\n  UserKnownHostsFile ${folder}/known\n`,
  );
  const path = Deno.env.get("PATH") ?? "";
  const ssh = (await system("which", "ssh"))?.trim();
  Deno.writeTextFileSync(
    `${folder}/bin/ssh`,
    `#!/bin/sh\nexec ${ssh} -F ${folder}/config "$@"\n`,
    { mode: 0o755 },
  );
  const env = { PATH: `${folder}/bin:${path}` };
  const answers = async () => {
    const { success } = await new Deno.Command(`${folder}/bin/ssh`, {
      args: ["-o", "BatchMode=yes", "lab", "true"],
      stdin: "null",
      stderr: "null",
    }).output();
    return success;
  };
  const works = await until(answers, "sshd does not answer", 5000).catch(() => false);
  const made = { env, [Symbol.dispose]: () => child.kill("SIGTERM") };
  if (works) return made;
  made[Symbol.dispose]();
  return undefined;
}

Deno.test("ssh: a real sshd: start, a killed controller, adoption, stop", async () => {
  await using lab = await Lab.create({ p: { ...far, host: "lab", cmd: COUNT } });
  using ssh = await realSsh(lab.path);
  if (ssh === undefined) return console.warn("a real sshd is not tested: none can be started here");
  const first = lab.runWith(ssh.env);
  await first.saw(/p: starting → running/);
  const one = lab.instances("p").map(({ pid }) => pid);
  assertEquals(one.length, 1);
  await killNow(first);
  await using second = lab.runWith(ssh.env);
  await second.saw(new RegExp(`p: adopted, pid ${one[0]} on lab`));
  assertEquals(lab.instances("p").map(({ pid }) => pid), one);
  await end(second, lab);
  assert(lab.log("p").split("\n").length > 10);
  assertEquals(instancesIn(lab.log("p")), 1);
});
